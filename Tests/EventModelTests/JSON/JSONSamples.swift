/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers for the same seed everywhere.
struct JSONRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}

/// Random values, and random spellings of one value.
enum JSONSamples {
  static func value(_ random: inout JSONRandom, depth: Int = 0) -> ReferenceJSON {
    switch random.below(depth > 4 ? 6 : 10) {
    case 0: .literal(["true", "false", "null"][random.below(3)])
    case 1, 2: .number(decimal(&random))
    case 3, 4, 5: .string(string(&random))
    case 6, 7: .array((0..<random.below(5)).map { _ in value(&random, depth: depth + 1) })
    default: object(&random, depth: depth)
    }
  }

  static func object(_ random: inout JSONRandom, depth: Int = 0) -> ReferenceJSON {
    var names: Set<[UInt16]> = []
    var members: [ReferenceMember] = []
    for _ in 0..<(random.chance(3) ? random.below(80) : random.below(7)) {
      let name = string(&random)
      guard names.insert(name).inserted, name.first != 0x5F else { continue }
      members.append(ReferenceMember(name: name, value: value(&random, depth: depth + 1)))
    }
    return .object(members)
  }

  static func decimal(_ random: inout JSONRandom) -> ReferenceDecimal {
    let digits = String((0..<1 + random.below(random.chance(10) ? 40 : 8)).map { _ in Character(String(random.below(10))) })
    let order = random.chance(5) ? random.below(19_999) - 9999 : random.below(40) - 12
    return ReferenceDecimal(negative: random.chance(30), digits: digits, order: order)
  }

  static func string(_ random: inout JSONRandom) -> [UInt16] {
    var text = ""
    let ranges: [ClosedRange<UInt32>] = [
      0x61...0x63, 0x20...0x7E, 0...0x22, 0x5C...0x5C, 0x7F...0x7FF, 0x800...0xD7FF, 0xE000...0xFFFF, 0x10000...0x10FFFF,
    ]
    let kinds = 1 + random.below(ranges.count)
    for _ in 0..<random.below(random.chance(10) ? 40 : 9) {
      if let scalar = Unicode.Scalar(UInt32.random(in: ranges[random.below(kinds)], using: &random)) { text.unicodeScalars.append(scalar) }
    }
    return Array(text.utf16)
  }

  /// One of the many texts of a value.
  static func text(of value: ReferenceJSON, _ random: inout JSONRandom) -> String {
    let inner: String
    switch value {
    case .literal(let text): inner = text
    case .number(let decimal): inner = text(of: decimal, &random)
    case .string(let units): inner = text(of: units, &random)
    case .array(let elements):
      inner = "[" + (elements.isEmpty ? space(&random) : elements.map { text(of: $0, &random) }.joined(separator: ",")) + "]"
    case .object(let members):
      let shuffled = members.shuffled(using: &random).map {
        space(&random) + text(of: $0.name, &random) + space(&random) + ":" + text(of: $0.value, &random)
      }
      inner = "{" + (members.isEmpty ? space(&random) : shuffled.joined(separator: ",")) + "}"
    }
    return space(&random) + inner + space(&random)
  }

  private static func space(_ random: inout JSONRandom) -> String {
    random.chance(80) ? "" : [" ", "\n", "\t", "\r\n", "   \t "][random.below(5)]
  }

  private static func text(of units: [UInt16], _ random: inout JSONRandom) -> String {
    var text = "\""
    let percent = random.chance(50) ? 0 : 30
    for scalar in String(decoding: units, as: UTF16.self).unicodeScalars {
      if random.chance(percent) {
        for unit in String(scalar).utf16 {
          let hex = String(unit, radix: 16, uppercase: random.chance(50))
          text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
        }
      } else if scalar == "/", random.chance(50) {
        text += "\\/"
      } else {
        // The reference's own spelling of one character, without its quotes.
        let bytes = ReferenceJSON.string(Array(String(scalar).utf16)).normalForm
        text += String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self)
      }
    }
    return text + "\""
  }

  /// The digits with the point put somewhere, and an exponent to make up for it.
  private static func text(of decimal: ReferenceDecimal, _ random: inout JSONRandom) -> String {
    guard !decimal.digits.isEmpty else { return ["0", "-0", "0.0", "-0.000e7", "0e99999999999", "0E-1"][random.below(6)] }
    if random.chance(40) { return decimal.written }
    var integer = String(decimal.digits.prefix(random.below(decimal.digits.count + 1)))
    var fraction = String(decimal.digits.dropFirst(integer.count)) + String(repeating: "0", count: random.below(3))
    var exponent = decimal.order - integer.count
    if integer.isEmpty {
      let zeros = random.below(4)
      fraction = String(repeating: "0", count: zeros) + fraction
      exponent += zeros
      integer = "0"
    }
    let sign = exponent < 0 ? "-" : random.chance(50) ? "+" : ""
    let power = (random.chance(50) ? "e" : "E") + sign + String(repeating: "0", count: random.below(3)) + String(abs(exponent))
    return (decimal.negative ? "-" : "") + integer + (fraction.isEmpty ? "" : "." + fraction)
      + (exponent == 0 && random.chance(80) ? "" : power)
  }
}
