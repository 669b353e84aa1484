import EventModel
import StoreConformance
import Testing

@testable import ViewKit

@Suite struct `Built-in reducers` {
  /// Associative, commutative over several keys if it says so, and stored without loss: all of a reducer's laws, on random rows.
  func check<R: Reducible & Equatable>(_ name: String, commutes: Bool = true, _ make: (inout SeededRandom, Happened) -> R) throws {
    var random = SeededRandom(seed: testSeed())
    let coding = StoredCoding<R>()
    for _ in 0..<500 {
      let rows = (0..<3).map { index in
        let at = Instant(milliseconds: Int64(random.next() % 3) * 1000)
        return make(&random, Happened(id: ULID(at: at, low80: UInt128(index)), digest: UInt128(random.next() % 2)))
      }
      let left = rows[0].joined(rows[1]).joined(rows[2])
      let right = rows[0].joined(rows[1].joined(rows[2]))
      #expect(try coding.bytes(left) == coding.bytes(right), "\(name) \(rows) seed \(random.seed)")
      if commutes {
        let ab = try coding.bytes(rows[0].joined(rows[1]))
        #expect(try ab == coding.bytes(rows[1].joined(rows[0])), "\(name) \(rows) seed \(random.seed)")
      }
      let stored = try coding.bytes(coding.value(coding.bytes(left)))
      #expect(try stored == coding.bytes(left), "\(name) seed \(random.seed)")
      let encoder = EventEncoder(userInfo: StoredForm.userInfo, nonFinite: .text)
      let decoder = EventDecoder(userInfo: StoredForm.userInfo, nonFiniteText: true)
      let json = try encoder.encode(left)
      #expect(try encoder.encode(decoder.decode(R.self, from: json)) == json, "\(name) seed \(random.seed)")
    }
  }

  /// Doubles that add up exactly in any order, or are awkward.
  static func double(_ random: inout SeededRandom) -> Double {
    switch random.next() % 12 {
    case 0: .nan
    case 1: -0.0
    case 2: 0.0
    default: Double(Int(random.next() % 2000) - 1000) / 8
    }
  }

  @Test func `keep their laws`() throws {
    try check("count") { random, _ in Count(Int(random.next() % 9)) }
    try check("sum of integers") { random, _ in Sum(Int(truncatingIfNeeded: random.next())) }
    try check("sum of doubles") { random, _ in Sum(Self.double(&random)) }
    try check("min of doubles") { random, _ in Min(Self.double(&random)) }
    try check("max of doubles") { random, _ in Max(Self.double(&random)) }
    try check("min of strings") { random, _ in Min(String(random.next() % 5)) }
    try check("max of times") { random, _ in Max(Instant(milliseconds: Int64(random.next() % 5))) }
    try check("stats") { random, _ in Stats(Self.double(&random)) }
    try check("average") { random, _ in Average(Self.double(&random)) }
    try check("first") { random, when in First(Self.double(&random), when) }
    try check("last") { random, when in Last(random.text(), when) }
    try check("last of JSON") { random, when in Last(["x": JSON(random.text())] as JSON, when) }
    try check("distinct") { random, _ in Distinct(Int(random.next() % 3)) }
    try check("quantiles") { random, _ in Quantiles(Self.double(&random)) }
    try check("top of doubles") { random, when in Top<2, Double>(Self.double(&random), when) }
    try check("top of ranked") { random, when in Top<2, Ranked<Double, String>>(Ranked(by: Self.double(&random), random.text()), when) }
    try check("recent") { random, when in Recent<2, String>(random.text(), when) }
    try check("recent JSON") { random, when in Recent<3, JSON?>(random.next() % 2 == 0 ? nil : ["x": JSON(random.text())], when) }
    try check("sum of decimals") { random, _ in Sum(DecimalNumberTests.random(&random)) }
    try check("min of decimals") { random, _ in Min(DecimalNumberTests.random(&random)) }
    try check("last of anything", commutes: false) { random, _ in Last(Int(random.next() % 9), Happened(id: ULID(value: 1))) }
  }

  @Test func `a sum of integers is exact past 64 bits and never traps`() throws {
    let sum = Sum(Int.max).joined(Sum(Int.max))
    #expect(try EventEncoder().encode(sum).description == "18446744073709551614")
    #expect(sum.sum == .max)
    #expect(sum.joined(Sum(-1)).joined(Sum(-Int.max)).sum == .max - 1)
    #expect(Sum(Int.min).joined(Sum(Int.min)).sum == .min)
  }

  @Test func `answer with what a reader wants`() throws {
    func answer(_ value: some Encodable) throws -> String { try EventEncoder(nonFinite: .null).encode(value).description }
    let early = Happened(id: ULID(value: 1))
    let late = Happened(id: ULID(value: 2))
    #expect(try answer(Stats(2.5).joined(Stats(7.5))) == #"{"count":2,"max":7.5,"min":2.5,"sum":10}"#)
    #expect(try answer(Average(1).joined(Average(2))) == "1.5")
    #expect(try answer(Last("b", late).joined(Last("a", early))) == #""b""#)
    #expect(try answer(First("b", late).joined(First("a", early))) == #""a""#)
    #expect(try answer(Last(1, early).joined(Last(2, early))) == "2")
    #expect(try answer(First(1, early).joined(First(2, early))) == "1")
    #expect(try answer(Sum(1e308).joined(Sum(1e308))) == "null")
    #expect(try answer(Count().joined(Count())) == "2")
    #expect(try answer(Distinct("a").joined(Distinct("b")).joined(Distinct("a"))) == "2")
    #expect(try answer(Top<2, Int>(1, early).joined(Top(3, early)).joined(Top(2, late))) == "[3,2]")
    #expect(try answer(Recent<2, Int>(1, late).joined(Recent(3, early)).joined(Recent(2, late))) == "[2,1]")
    #expect(try answer(Top<1, Ranked<Double, String>>(Ranked(by: 2.5, "S1"), early)) == #"[{"by":2.5,"item":"S1"}]"#)
    #expect(
      try answer(Quantiles(9).joined(Quantiles(1)).joined(Quantiles(3)))
        == #"{"count":3,"max":9,"min":1,"p50":2.999862569043439,"p90":2.999862569043439,"p95":2.999862569043439,"p99":2.999862569043439}"#)
    #expect(try answer(Sum(DecimalNumber(0)).joined(Sum(-3))) == "-3")
  }

  @Test func `stored bytes that are cut short are an error, never a crash`() throws {
    let bytes = try StoredCoding<Last<String>>().bytes(Last("abc", Happened(id: ULID(value: 7))))
    for end in 0..<bytes.count {
      #expect(throws: (any Error).self) { try StoredCoding<Last<String>>().value([UInt8](bytes[..<end])) }
    }
    #expect(throws: (any Error).self) { try StoredCoding<Last<String>>().value(bytes + [0]) }
  }
}
