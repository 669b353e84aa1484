/// JSON read and written the plain way, as an oracle: no bytes, no tape, a tree of values over Unicode scalars. Shares no code with the
/// module, and is slow.
indirect enum ReferenceJSON: Hashable {
  case literal(String)
  case number(ReferenceDecimal)
  case string([UInt16])
  case array([ReferenceJSON])
  case object([ReferenceMember])

  struct Refused: Error {}

  /// Reads a text, or refuses it.
  init(_ bytes: [UInt8], depthMax: Int = 64) throws {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw Refused() }
    var reader = Reader(text: Array(text.unicodeScalars), depthMax: depthMax)
    reader.skip()
    self = try reader.value(depth: 0)
    reader.skip()
    guard reader.at == reader.text.count else { throw Refused() }
  }

  /// The normal form.
  var normalForm: [UInt8] { Array(written.utf8) }

  private var written: String {
    switch self {
    case .literal(let text): text
    case .number(let decimal): decimal.written
    case .string(let units): Self.quoted(units)
    case .array(let elements): "[" + elements.map(\.written).joined(separator: ",") + "]"
    case .object(let members):
      "{"
        + members.sorted { $0.name.lexicographicallyPrecedes($1.name) }.map { Self.quoted($0.name) + ":" + $0.value.written }
        .joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ units: [UInt16]) -> String {
    var text = "\""
    for scalar in String(decoding: units, as: UTF16.self).unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\u{8}": text += "\\b"
      case "\t": text += "\\t"
      case "\n": text += "\\n"
      case "\u{C}": text += "\\f"
      case "\r": text += "\\r"
      case "\0"..."\u{1F}":
        let hex = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}

struct ReferenceMember: Hashable {
  var name: [UInt16]
  var value: ReferenceJSON
}

/// ± 0.digits × 10^order; no zeros at either end of the digits.
struct ReferenceDecimal: Hashable {
  var negative: Bool
  var digits: String
  var order: Int

  init(negative: Bool, digits: String, order: Int) {
    let zeros = digits.prefix { $0 == "0" }.count
    let kept = digits.dropFirst(zeros)
    let end = kept.lastIndex { $0 != "0" }
    self.digits = end.map { String(kept[...$0]) } ?? ""
    self.negative = negative && !self.digits.isEmpty
    self.order = self.digits.isEmpty ? 0 : order - zeros
  }

  var isAllowed: Bool { digits.count <= 1024 && abs(order) <= 9999 }

  var written: String {
    let (k, n) = (digits.count, order)
    guard k > 0 else { return "0" }
    let sign = negative ? "-" : ""
    func zeros(_ count: Int) -> String { String(repeating: "0", count: count) }
    if k <= n, n <= 21 { return sign + digits + zeros(n - k) }
    if 0 < n, n <= 21 { return sign + digits.prefix(n) + "." + digits.dropFirst(n) }
    if -6 < n, n <= 0 { return sign + "0." + zeros(-n) + digits }
    let exponent = (n - 1 < 0 ? "-" : "+") + String(abs(n - 1))
    return sign + digits.prefix(1) + (k == 1 ? "" : "." + digits.dropFirst()) + "e" + exponent
  }
}

private struct Reader {
  let text: [Unicode.Scalar]
  let depthMax: Int
  var at = 0

  var next: Unicode.Scalar? { at < text.count ? text[at] : nil }

  mutating func skip() { while let c = next, c == " " || c == "\t" || c == "\n" || c == "\r" { at += 1 } }

  mutating func take(_ scalar: Unicode.Scalar) throws {
    guard next == scalar else { throw ReferenceJSON.Refused() }
    at += 1
  }

  mutating func value(depth: Int) throws -> ReferenceJSON {
    switch next {
    case "{": return try object(depth: depth + 1)
    case "[": return try array(depth: depth + 1)
    case "\"": return .string(try string())
    case .some("-"), .some("0"..."9"): return .number(try number())
    default:
      for literal in ["true", "false", "null"] where text[at...].starts(with: literal.unicodeScalars) {
        at += literal.unicodeScalars.count
        return .literal(literal)
      }
      throw ReferenceJSON.Refused()
    }
  }

  mutating func object(depth: Int) throws -> ReferenceJSON {
    guard depth <= depthMax else { throw ReferenceJSON.Refused() }
    var members: [ReferenceMember] = []
    var names: Set<[UInt16]> = []
    try take("{")
    skip()
    while next != "}" {
      if !members.isEmpty {
        try take(",")
        skip()
      }
      let name = try string()
      guard names.insert(name).inserted else { throw ReferenceJSON.Refused() }
      skip()
      try take(":")
      skip()
      members.append(ReferenceMember(name: name, value: try value(depth: depth)))
      skip()
    }
    at += 1
    return .object(members)
  }

  mutating func array(depth: Int) throws -> ReferenceJSON {
    guard depth <= depthMax else { throw ReferenceJSON.Refused() }
    var elements: [ReferenceJSON] = []
    try take("[")
    skip()
    while next != "]" {
      if !elements.isEmpty {
        try take(",")
        skip()
      }
      elements.append(try value(depth: depth))
      skip()
    }
    at += 1
    return .array(elements)
  }

  mutating func string() throws -> [UInt16] {
    try take("\"")
    var units: [UInt16] = []
    while let scalar = next, scalar != "\"" {
      at += 1
      if scalar.value < 0x20 { throw ReferenceJSON.Refused() }
      if scalar != "\\" {
        units.append(contentsOf: Array(String(scalar).utf16))
        continue
      }
      guard let letter = next else { throw ReferenceJSON.Refused() }
      at += 1
      switch letter {
      case "\"", "\\", "/": units.append(UInt16(letter.value))
      case "b": units.append(8)
      case "t": units.append(9)
      case "n": units.append(10)
      case "f": units.append(12)
      case "r": units.append(13)
      case "u":
        guard at + 4 <= text.count, text[at..<at + 4].allSatisfy({ $0.properties.isASCIIHexDigit }),
          let unit = UInt16(String(String.UnicodeScalarView(text[at..<at + 4])), radix: 16)
        else { throw ReferenceJSON.Refused() }
        units.append(unit)
        at += 4
      default: throw ReferenceJSON.Refused()
      }
    }
    try take("\"")
    guard Array(String(decoding: units, as: UTF16.self).utf16) == units else { throw ReferenceJSON.Refused() }
    return units
  }

  mutating func digits() throws -> String {
    var digits = ""
    while let digit = next, ("0"..."9").contains(digit) {
      digits.unicodeScalars.append(digit)
      at += 1
    }
    guard !digits.isEmpty else { throw ReferenceJSON.Refused() }
    return digits
  }

  mutating func number() throws -> ReferenceDecimal {
    let negative = next == "-"
    if negative { at += 1 }
    let integer = try digits()
    guard integer == "0" || !integer.hasPrefix("0") else { throw ReferenceJSON.Refused() }
    var fraction = ""
    if next == "." {
      at += 1
      fraction = try digits()
    }
    var exponent = 0
    if next == "e" || next == "E" {
      at += 1
      let minus = next == "-"
      if next == "-" || next == "+" { at += 1 }
      let size = try digits().drop { $0 == "0" }
      exponent = size.count > 12 ? 1 << 50 : Int(size) ?? 0
      if minus { exponent = -exponent }
    }
    let decimal = ReferenceDecimal(negative: negative, digits: integer + fraction, order: integer.count + exponent)
    guard decimal.isAllowed else { throw ReferenceJSON.Refused() }
    return decimal
  }
}
