import EventModel
import StoreConformance
import Testing

@testable import ViewKit

@Suite struct `Distinct values` {
  func sketch(_ count: Int, _ random: inout SeededRandom) -> Distinct {
    guard count > 1 else { return Distinct(hash: random.next()) }
    return sketch(count / 2, &random).joined(sketch(count - count / 2, &random))
  }

  func bytes(_ sketch: Distinct) throws -> [UInt8] { try StoredCoding<Distinct>().bytes(sketch) }

  @Test func `up to 512 are counted exactly, from there on the sketch is dense`() throws {
    var sketch = Distinct(0)
    for value in 0..<512 {
      sketch = sketch.joined(Distinct(value)).joined(Distinct(value / 2))
      #expect(sketch.estimate == value + 1)
    }
    #expect(try bytes(sketch).first == 0)
    sketch = sketch.joined(Distinct(512))
    #expect(try bytes(sketch).first == 1)
    #expect(abs(sketch.estimate - 513) < 26)
  }

  /// The standard error is 1.04 / √4096 = 1.6 %: of 12 sketches of each size none may be 5 of these away, their root mean square not 1.5.
  @Test(arguments: [600, 1500, 4000, 9000, 20_000, 70_000]) func `an estimate is as good as the paper says`(count: Int) {
    var random = SeededRandom(seed: UInt64(count))
    var squares = 0.0
    let runs = 12
    for _ in 0..<runs {
      let error = Double(sketch(count, &random).estimate) / Double(count) - 1
      #expect(abs(error) < 0.081, "\(count): \(error)")
      squares += error * error
    }
    #expect((squares / Double(runs)).squareRoot() < 0.0244, "\(count)")
  }

  /// The ranks of 4096 · 2^j values, drawn for one register after the other: the greatest of 2^j ranks is at most r with probability
  /// (1 − 2^−r)^(2^j).
  @Test(arguments: [10, 20, 30, 40]) func `an estimate holds for numbers that no test can count`(doublings: Int) {
    var random = SeededRandom(seed: UInt64(doublings))
    let count = Double(1 << (12 + doublings))
    var squares = 0.0
    let runs = 12
    let chances = (1..<Distinct.rankMax).map { rank in
      (0..<doublings).reduce(1 - Double(sign: .plus, exponent: -Int(rank), significand: 1)) { power, _ in power * power }
    }
    for _ in 0..<runs {
      let registers = (0..<Distinct.registerCount).map { _ in
        let draw = Double(random.next() >> 11) / 0x1p53
        return UInt8(1 + (chances.firstIndex { draw <= $0 } ?? chances.count))
      }
      let error = Double(Distinct(.dense(registers)).estimate) / count - 1
      #expect(abs(error) < 0.081, "2^\(doublings): \(error)")
      squares += error * error
    }
    #expect((squares / Double(runs)).squareRoot() < 0.0244, "2^\(doublings)")
  }

  @Test func `no sketch is longer than 4080 bytes, as it is and as JSON`() throws {
    var random = SeededRandom(seed: testSeed())
    let json = EventEncoder(userInfo: StoredForm.userInfo)
    // From what values give to what only an adversary could: ranks of any kind.
    for spread in [1, 4, 15, 16, 17, 30, 54] as [UInt64] {
      let sketch = Distinct(.dense((0..<Distinct.registerCount).map { _ in UInt8(random.next() % spread) }))
      let bytes = try bytes(sketch)
      #expect(bytes.count <= (spread <= 15 ? 2051 : 3073), "spread \(spread)")
      #expect(try StoredCoding<Distinct>().value(bytes) == sketch)
      #expect(try json.encode(sketch).bytes.count <= 4080)
    }
    #expect(try bytes(sketch(512, &random)).count < 1600)
    #expect(try bytes(sketch(20_000, &random)).count < 2100)
  }

  @Test func `a rank that the prefix does not say is kept beside it`() throws {
    // Twelve bits, then zeros: only the bits after the 25th tell the rank.
    let hashes = [0xABC0_0000_0000_0001, 0xABC0_0000_0000_0000, 0xABC0_0040_0000_0000, 0xABC8_0000_0000_0000] as [UInt64]
    var random = SeededRandom(seed: 1)
    let filler = sketch(600, &random)
    for (hash, rank) in zip(hashes, [52, 53, 14, 1] as [UInt8]) {
      let alone = Distinct(hash: hash)
      #expect(try StoredCoding<Distinct>().value(bytes(alone)) == alone)
      guard case .dense(let registers) = alone.joined(filler).content, case .dense(let others) = filler.content else {
        Issue.record("600 values are dense")
        return
      }
      #expect(registers[0xABC] == max(rank, others[0xABC]))
    }
    let (low, high) = (Distinct(hash: hashes[0]), Distinct(hash: hashes[1]))
    #expect(low.joined(high) == high)
    #expect(high.joined(low) == high)
    #expect(high.estimate == 1)
  }

  @Test func `values that are equal as keys are one, all others differ`() {
    func count(_ sketches: [Distinct]) -> Int { sketches.dropFirst().reduce(sketches[0]) { $0.joined($1) }.estimate }
    #expect(count([Distinct(1), Distinct(1.0), Distinct(1 as JSON), Distinct(UInt64(1)), Distinct(DecimalNumber(1))]) == 1)
    #expect(count([Distinct("a"), Distinct("a" as JSON), Distinct("a" as String?)]) == 1)
    #expect(count([Distinct(["a": 1] as JSON), Distinct(["a": 1] as JSON), Distinct(Double.nan), Distinct(-Double.nan)]) == 2)
    let long = String(repeating: "x", count: 600)
    #expect(count([Distinct(long), Distinct(long), Distinct(long + "x")]) == 2)
    #expect(count([Distinct("1"), Distinct(1), Distinct(true), Distinct(nil as Int?), Distinct([1]), Distinct(["1"])]) == 6)
    #expect(count([Distinct(Key("a", 1)), Distinct(["a", 1] as JSON), Distinct(Key("a", 2))]) == 2)
  }

  @Test func `stored bytes that were not written are an error, never a crash`() throws {
    var random = SeededRandom(seed: testSeed())
    for count in [1, 40, 600, 5000] {
      let bytes = try bytes(sketch(count, &random))
      for _ in 0..<300 {
        var damaged = bytes
        damaged[Int(random.next() % UInt64(min(damaged.count, 60)))] = UInt8(truncatingIfNeeded: random.next())
        if let read = try? StoredCoding<Distinct>().value(damaged) { _ = read.joined(read).estimate }
      }
      for end in stride(from: 0, to: bytes.count, by: 1 + bytes.count / 50) {
        #expect(throws: (any Error).self) { try StoredCoding<Distinct>().value([UInt8](bytes[..<end])) }
      }
    }
    #expect(throws: (any Error).self) { try EventDecoder().decode(Distinct.self, from: "~~~~~") }
    #expect(throws: (any Error).self) { try EventDecoder().decode(Distinct.self, from: 3) }
  }

  @Test func `text for bytes is what RFC 32 says, and any length reads back`() {
    #expect(Z85.text([0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B]) == "HelloWorld")
    var random = SeededRandom(seed: testSeed())
    for count in 0..<40 {
      let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() % 3 == 0 ? 0xFF : random.next()) }
      #expect(Z85.bytes(Z85.text(bytes)) == bytes, "seed \(random.seed)")
    }
    for text in ["0", "000000", "#####", "\"0000", "é0000"] { #expect(Z85.bytes(text) == nil) }
  }
}
