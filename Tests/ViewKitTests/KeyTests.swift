import EventModel
import StoreConformance
import Testing

@testable import ViewKit

@Suite struct `A view's keys` {
  /// A random key's JSON.
  static func json(_ random: inout SeededRandom, depth: Int = 0) -> JSON {
    switch random.next() % (depth < 3 ? 9 : 7) {
    case 0: return .null
    case 1: return JSON(random.next() % 2 == 0)
    case 2: return JSON(Int64(truncatingIfNeeded: random.next()) >> Int64(random.next() % 64))
    case 3: return JSON(Double(bitPattern: random.next())) ?? 0
    case 4: return JSON(Double(Int(random.next() % 2000)) / 8 - 100) ?? 0
    case 5, 6: return JSON(random.text())
    default:
      var elements: [JSON] = []
      for _ in 0..<random.next() % 4 { elements.append(json(&random, depth: depth + 1)) }
      return JSON(elements)
    }
  }

  /// The order that API.md promises, on JSON itself.
  static func precedes(_ a: JSON, _ b: JSON) -> Bool {
    func rank(_ json: JSON) -> Int {
      switch json.kind {
      case .null: 0
      case .boolean: json.bool == true ? 2 : 1
      case .number: 3
      case .string: 4
      case .array, .object: 5
      }
    }
    guard rank(a) == rank(b) else { return rank(a) < rank(b) }
    switch a.kind {
    case .number:
      if let x = a.integer(as: Int64.self), let y = b.integer(as: Int64.self) { return x < y }
      return (a.double ?? 0) < (b.double ?? 0)
    case .string: return Array((a.string ?? "").utf8).lexicographicallyPrecedes(Array((b.string ?? "").utf8))
    case .array: return (a.elements ?? []).lexicographicallyPrecedes(b.elements ?? [], by: precedes)
    default: return false
    }
  }

  @Test func `bytes sort as values do, and give the value back`() throws {
    var random = SeededRandom(seed: testSeed())
    var keys: [JSON] = []
    for _ in 0..<600 {
      let key = Self.json(&random)
      let bytes = try KeyBytes.bytes(of: key)
      #expect(try KeyBytes.json(bytes) == key, "seed \(random.seed)")
      keys.append(key)
    }
    for a in keys {
      let left = try KeyBytes.bytes(of: a)
      for b in keys {
        let right = try KeyBytes.bytes(of: b)
        let order = left.lexicographicallyPrecedes(right)
        // A double's own order is too coarse for integers past 2⁵³ beside it; equal ones are equal bytes all the same.
        if Self.precedes(a, b) { #expect(order, "\(a) \(b) seed \(random.seed)") }
        #expect((a == b) == (left == right), "\(a) \(b) seed \(random.seed)")
      }
    }
  }

  @Test func `a typed key, its JSON and its bytes are one`() throws {
    func check<K: ViewKey>(_ key: K, _ text: String) throws {
      let bytes = try KeyBytes.bytes(of: key)
      #expect(try EventEncoder().encode(key).description == text)
      #expect(try KeyBytes.json(bytes).description == text)
      #expect(try KeyBytes.bytes(of: JSON(normalForm: [UInt8](text.utf8))) == bytes)
      #expect(try K(keyBytes: bytes) == key)
    }
    enum Status: String, ViewKey { case open, closed }
    try check("a\u{0}b", #""a\u0000b""#)
    try check(Key("HAM", 7), #"["HAM",7]"#)
    try check(Key("HAM", Key(1.5, true)), #"["HAM",[1.5,true]]"#)
    try check(Status.closed, #""closed""#)
    try check(Key(Status.open, nil as Int?, [1, 2]), #"["open",null,[1,2]]"#)
    try check(-0.001, "-0.001")
    try check(UInt64.max, "18446744073709551615")
    try check(Int.min, "-9223372036854775808")
    try check(Instant(milliseconds: 0), #""1970-01-01T00:00:00.000Z""#)
    try check(ULID(value: 5), #""00000000000000000000000005""#)
    try check([] as [Int], "[]")
  }

  @Test func `keys of a group are told by their bytes`() throws {
    let seed = testSeed()
    var random = SeededRandom(seed: seed)
    var keys: [JSON] = ["b", "b\0", ["b"], ["b\0", 1]]
    for _ in 0..<60 { keys.append(random.next() % 3 == 0 ? [["a", -1.5, [Self.json(&random)]], "b"] : Self.json(&random)) }
    func group(_ key: JSON, _ level: Int) -> JSON {
      guard level > 0 else { return .null }
      guard let elements = key.elements, elements.count >= level else { return key }
      return JSON(Array(elements[..<level]))
    }
    for level in 0..<4 {
      for key in keys {
        let bytes = try KeyBytes.bytes(of: key)
        let common = Array(bytes[..<(try KeyBytes.groupBytes(bytes.raw, level: level))])
        #expect(try KeyBytes.json(KeyBytes.groupKey(common, isWhole: common.count == bytes.count)) == group(key, level), "seed \(seed)")
        for other in keys {
          let bytes = try KeyBytes.bytes(of: other)
          let isOfGroup = KeyBytes.isOfGroup(bytes.raw, common.raw)
          #expect(isOfGroup == (group(other, level) == group(key, level)), "seed \(seed): \(key) \(other)")
        }
      }
    }
  }

  @Test func `numbers of equal value have equal bytes, whatever their type`() throws {
    for (integer, double) in [(0, -0.0), (1, 1.0), (-250, -250.0), (1 << 53, 9_007_199_254_740_992)] as [(Int, Double)] {
      #expect(try KeyBytes.bytes(of: integer) == KeyBytes.bytes(of: double))
    }
    #expect(try KeyBytes.bytes(of: JSON(normalForm: [UInt8]("1e+22".utf8))) == KeyBytes.bytes(of: 1e22))
  }

  @Test func `what is no key is refused`() {
    #expect(throws: KeyError.self) { try KeyBytes.bytes(of: Double.nan) }
    #expect(throws: KeyError.self) { try KeyBytes.bytes(of: Key("a", Double.infinity)) }
    #expect(throws: KeyError.self) { try KeyBytes.bytes(of: ["a": 1] as JSON) }
    #expect(throws: KeyError.self) { try KeyBytes.bytes(of: String(repeating: "x", count: 479)) }
  }

  @Test func `an empty object is above everything, in a bound`() throws {
    let high = try KeyBytes.bound(["HAM", [:]])
    #expect(try KeyBytes.bytes(of: Key("HAM", ["z"])).lexicographicallyPrecedes(high))
    #expect(try high.lexicographicallyPrecedes(KeyBytes.bytes(of: Key("HAN"))))
    #expect(try KeyBytes.bound([:] as JSON) == [9])
  }

  @Test func `bytes that are no key are an error`() {
    var random = SeededRandom(seed: testSeed())
    for _ in 0..<20_000 {
      let bytes = (0..<random.next() % 12).map { _ in UInt8(truncatingIfNeeded: random.next() % 3 == 0 ? random.next() : random.next() % 10)
      }
      if let json = try? KeyBytes.json(bytes) { _ = json.description }
    }
    for bytes in [[], [0], [1, 1], [7, 65], [8, 1], [6, 128, 1, 2], [10]] as [[UInt8]] {
      #expect(throws: KeyError.self) { try KeyBytes.json(bytes) }
    }
  }
}
