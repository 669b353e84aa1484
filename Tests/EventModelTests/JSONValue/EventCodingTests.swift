import EventModel
import Foundation
import StoreConformance
import Testing

@Suite struct `Encoding to normal form and decoding from it` {
  struct Scan: Codable, Equatable {
    struct Place: Codable, Equatable { var name: String; var at: [Double]; var note: String? }
    enum Kind: String, Codable { case arrival, departure }
    var shipment: String
    var weight: Double?
    var pieces: Int
    var kind: Kind
    var places: [Place]
    var labels: [String: Int]
    var big: UInt64
    var wide: Int128
    var small: Float
    var flag: Bool
    var when: Instant
    var raw: JSON
  }

  static func scan(_ random: inout SeededRandom) -> Scan {
    Scan(
      shipment: random.text(), weight: random.next() % 3 == 0 ? nil : Double(bitPattern: random.next() & 0x7FEF_FFFF_FFFF_FFFF),
      pieces: Int(truncatingIfNeeded: random.next()), kind: random.next() % 2 == 0 ? .arrival : .departure,
      places: (0..<random.next() % 4).map { _ in
        Scan.Place(name: random.text(), at: [0.1, -1e-7, Double(random.next())], note: random.next() % 2 == 0 ? nil : "n")
      },
      labels: Dictionary((0..<random.next() % 5).map { _ in (random.text(), 1) }, uniquingKeysWith: { first, _ in first }),
      big: random.next(), wide: Int128(truncatingIfNeeded: random.next()) << 60, small: Float(random.next() % 1000) / 7,
      flag: random.next() % 2 == 0, when: Instant(milliseconds: Int64(random.next() % 253_402_300_799_999)), raw: ["x": [1, "y"]])
  }

  @Test func `what was encoded is decoded, and encoded again gives the same bytes`() throws {
    var random = SeededRandom(seed: testSeed())
    for _ in 0..<1000 {
      let scan = Self.scan(&random)
      let json = try EventEncoder().encode(scan)
      let again = try EventDecoder().decode(Scan.self, from: json)
      #expect(again == scan, "seed \(random.seed)")
      #expect(try EventEncoder().encode(again) == json, "seed \(random.seed)")
    }
  }

  @Test func `Foundation reads what was encoded, and its encoding of the same value reads as equal`() throws {
    var random = SeededRandom(seed: testSeed())
    for _ in 0..<300 {
      var scan = Self.scan(&random)
      scan.wide = 7
      let json = try EventEncoder().encode(scan)
      #expect(try JSONDecoder().decode(Scan.self, from: Data(json.bytes)) == scan, "seed \(random.seed)")
      #expect(try JSONDecoder().decode(JSON.self, from: JSONEncoder().encode(json)) == json, "seed \(random.seed)")
    }
  }

  @Test(
    arguments: [
      (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"), (0x8000_0000_0000_0001, "-5e-324"),
      (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"), (0x4340_0000_0000_0000, "9007199254740992"),
      (0xc340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
      (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
      (0x44b5_2d02_c7e1_4af6, "1e+23"), (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"), (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
      (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"), (0x444b_1ae4_d6e2_ef50, "1e+21"), (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
      (0x3eb0_c6f7_a0b5_ed8d, "0.000001"), (0x41b3_de43_5555_5553, "333333333.3333332"), (0x41b3_de43_5555_5554, "333333333.33333325"),
      (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
    ] as [(UInt64, String)])
  func `doubles are spelled as in RFC 8785, appendix B`(bits: UInt64, text: String) throws {
    let json = try EventEncoder().encode(Double(bitPattern: bits))
    #expect(json.description == text)
    #expect(json.double == Double(bitPattern: bits))
  }

  @Test func `doubles and floats survive`() throws {
    var random = SeededRandom(seed: testSeed())
    for _ in 0..<50_000 {
      let value = Double(bitPattern: random.next())
      guard value.isFinite else { continue }
      #expect(try EventEncoder().encode(value).double == value, "seed \(random.seed)")
      let cents = Double(Int32(truncatingIfNeeded: random.next())) / 100
      #expect(try EventEncoder().encode(cents).double == cents, "seed \(random.seed)")
      let float = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
      guard float.isFinite else { continue }
      let json = try EventEncoder().encode(float)
      #expect(try EventDecoder().decode(Float.self, from: json) == float, "seed \(random.seed)")
    }
  }

  @Test func `infinities and NaN are an error, or null or text where that is asked`() throws {
    for value in [Double.nan, .infinity, -.infinity] {
      #expect(throws: EncodingError.self) { try EventEncoder().encode(["a": [value]]) }
      #expect(try EventEncoder(nonFinite: .null).encode(["a": [value]]).description == #"{"a":[null]}"#)
      let text = try EventEncoder(nonFinite: .text).encode(["a": [value]])
      let read = try EventDecoder(nonFiniteText: true).decode([String: [Double]].self, from: text)["a"]?[0]
      #expect(value.isNaN ? read?.isNaN == true : read == value)
      #expect(throws: DecodingError.self) { try EventDecoder().decode([String: [Double]].self, from: text) }
    }
  }

  @Test func `integers are exact or refused`() throws {
    func decode<T: Decodable>(_ text: String, _ type: T.Type) throws -> T {
      try EventDecoder().decode(type, from: JSON(normalForm: [UInt8](text.utf8)))
    }
    #expect(try decode("18446744073709551615", UInt64.self) == .max)
    #expect(try decode("-9223372036854775808", Int64.self) == .min)
    #expect(try decode("1.7014118346046923e+38", UInt128.self) == 170_141_183_460_469_230_000_000_000_000_000_000_000)
    #expect(try decode("255", UInt8.self) == 255)
    for (text, type) in [("256", UInt8.self), ("-1", UInt.self), ("9223372036854775808", Int.self), ("1.5", Int.self), ("1e-7", Int.self)]
      as [(String, any Decodable.Type)]
    {
      #expect(throws: DecodingError.self) { try decode(text, type) }
    }
    #expect(throws: DecodingError.self) { try decode("1e+400", Double.self) }
    #expect(try decode("1e-400", Double.self) == 0)
    #expect(try decode("9007199254740993", Double.self) == 9_007_199_254_740_992)
  }

  @Test(arguments: [
    (#"{"at":[],"name":7}"#, "/name", "a string was expected, not a number"), (#"{"at":[]}"#, "/name", "is missing"),
    (#"{"at":null,"name":""}"#, "/at", "an array was expected, not null"),
    (#"{"at":[1,true],"name":""}"#, "/at/1", "a number was expected, not a boolean"), ("[]", "", "an object was expected, not an array"),
  ])
  func `an error names its place and what is wrong`(text: String, pointer: String, detail: String) throws {
    let error = #expect(throws: DecodingError.self) {
      try EventDecoder().decode(Scan.Place.self, from: JSON(normalForm: [UInt8](text.utf8)))
    }
    #expect(error?.pointer == pointer)
    #expect(error?.detail == detail)
  }

  @Test func `names in a pointer are escaped`() throws {
    let error = #expect(throws: DecodingError.self) {
      try EventDecoder().decode([String: [String: Int]].self, from: ["a/b": ["m~n": "x"]])
    }
    #expect(error?.pointer == "/a~1b/m~0n")
  }

  class Base: Codable {
    var a = 1
    init() {}
  }
  final class Derived: Base {
    enum CodingKeys: CodingKey { case zebra, nested }
    var zebra = 2
    override init() { super.init() }
    required init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      zebra = try container.decode(Int.self, forKey: .zebra)
      var list = try container.nestedUnkeyedContainer(forKey: .nested)
      #expect(try list.decodeNil())
      #expect(try list.nestedContainer(keyedBy: CodingKeys.self).decode(Int.self, forKey: .zebra) == 5)
      #expect(list.isAtEnd)
      try super.init(from: container.superDecoder())
    }
    override func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      let parent = container.superEncoder()
      var list = container.nestedUnkeyedContainer(forKey: .nested)
      try container.encode(zebra, forKey: .zebra)
      try list.encodeNil()
      var inner = list.nestedContainer(keyedBy: CodingKeys.self)
      try inner.encode(4, forKey: .zebra)
      try inner.encode(5, forKey: .zebra)
      try super.encode(to: parent)
    }
  }

  @Test func `nested containers and super coders are put in their places, in whatever order they are filled`() throws {
    let json = try EventEncoder().encode(Derived())
    #expect(json.description == #"{"nested":[null,{"zebra":5}],"super":{"a":1},"zebra":2}"#)
    #expect(try EventDecoder().decode(Derived.self, from: json).zebra == 2)
  }

  struct TwoKinds: Encodable {
    func encode(to encoder: any Encoder) throws {
      _ = encoder.unkeyedContainer()
      _ = encoder.container(keyedBy: Derived.CodingKeys.self)
    }
  }
  struct Nothing: Encodable { func encode(to encoder: any Encoder) throws {} }

  @Test func `a type that encodes nothing, or two kinds of container, is an error`() {
    #expect(throws: EncodingError.self) { try EventEncoder().encode(Nothing()) }
    #expect(throws: EncodingError.self) { try EventEncoder().encode(TwoKinds()) }
    #expect(throws: EncodingError.self) { try EventEncoder().encode(["a": TwoKinds()]) }
  }
}
