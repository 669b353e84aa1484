import EventModel
import StoreConformance
import Testing

@testable import ViewKit

@Suite struct `Reducers over many rows` {
  /// The rows joined in order, in brackets put at random.
  func bracketed<R: Reducible>(_ rows: ArraySlice<R>, _ random: inout SeededRandom) -> R {
    guard rows.count > 1 else { return rows[rows.startIndex] }
    let middle = rows.startIndex + 1 + Int(random.next() % UInt64(rows.count - 1))
    return bracketed(rows[..<middle], &random).joined(bracketed(rows[middle...], &random))
  }

  /// As the engine does: whole values are stored and read between.
  func check<R: Reducible>(_ name: String, counts: [Int], shuffles: Bool = true, _ make: (inout SeededRandom, Happened) -> R) throws {
    let coding = StoredCoding<R>()
    for count in counts {
      var random = SeededRandom(seed: testSeed(round: count))
      var rows = (0..<count).map { index in
        make(&random, Happened(id: ULID(value: UInt128(random.next() % 50) << 80 | UInt128(index)), digest: UInt128(random.next() % 2)))
      }
      let folded = try coding.bytes(rows.dropFirst().reduce(rows[0]) { $0.joined($1) })
      for _ in 0..<4 {
        #expect(try coding.bytes(bracketed(rows[...], &random)) == folded, "\(name), \(count) rows, seed \(random.seed)")
        if shuffles { rows.shuffle(using: &random) }
        let middle = try coding.value(coding.bytes(bracketed(rows.prefix(count / 2 + 1), &random)))
        let rest = rows.dropFirst(count / 2 + 1)
        let joined = rest.isEmpty ? middle : middle.joined(try coding.value(coding.bytes(bracketed(rest, &random))))
        #expect(try coding.bytes(joined) == folded, "\(name), \(count) rows, seed \(random.seed)")
        #expect(folded.count <= 4080)
      }
    }
  }

  @Test func `are the same in whatever brackets, and those that carry their place in whatever order`() throws {
    let few = [1, 2, 7, 40]
    try check("count", counts: few) { random, _ in Count(Int(random.next() % 9)) }
    try check("sum of integers", counts: few) { random, _ in Sum(Int(truncatingIfNeeded: random.next())) }
    try check("sum of decimals", counts: few) { random, _ in Sum(DecimalNumberTests.random(&random)) }
    try check("min", counts: few) { random, _ in Min(`Built-in reducers`.double(&random)) }
    try check("max", counts: few) { random, _ in Max(Int(random.next() % 100)) }
    try check("first", counts: few) { random, when in First(random.text(), when) }
    try check("last", counts: few) { random, when in Last(random.text(), when) }
    try check("top", counts: few) { random, when in Top<5, Double>(`Built-in reducers`.double(&random), when) }
    try check("recent", counts: few) { random, when in Recent<5, String>(random.text(), when) }
    try check("recent in order", counts: few, shuffles: false) { random, _ in
      Recent<5, Int>(Int(random.next() % 100), Happened(id: ULID(value: UInt128(random.next() % 3))))
    }
    try check("top in order", counts: few, shuffles: false) { random, _ in
      Top<5, Key2>(Key2(rank: Int(random.next() % 4), name: random.text()), Happened(id: ULID(value: 1)))
    }
  }

  /// Compares by its rank alone, so that equal ones have different bytes.
  struct Key2: Comparable, Codable {
    var rank: Int
    var name: String
    static func == (a: Key2, b: Key2) -> Bool { a.rank == b.rank }
    static func < (a: Key2, b: Key2) -> Bool { a.rank < b.rank }
  }

  @Test func `of a sketch are the same bytes in whatever brackets and order, on both sides of its limits`() throws {
    try check("distinct", counts: [1, 30, 511, 512, 513, 530, 3000]) { random, _ in Distinct(hash: random.next()) }
    try check("distinct, often the same", counts: [700]) { random, _ in Distinct(hash: random.next() % 600 &* 0x9E37_79B9_7F4A_7C15) }
    // A few prefixes, many of them with zeros after the twelfth bit: the sparse form keeps the greatest of several ranks.
    try check("distinct, ranks kept", counts: [2, 30, 900]) { random, _ in
      Distinct(hash: (random.next() % 4) << 52 | random.next() >> (25 + random.next() % 39) | (random.next() % 4) << 39)
    }
    try check("quantiles", counts: [1, 2, 500]) { random, _ in Quantiles(`Built-in reducers`.double(&random)) }
    try check("quantiles of any double", counts: [1, 2, 40, 1500]) { random, _ in Quantiles(Double(bitPattern: random.next())) }
    try check("quantiles, collapsing", counts: [400, 1500]) { random, _ in
      Quantiles(Double(sign: .plus, exponent: Int(random.next() % 60), significand: 1.7) * (random.next() % 50 == 0 ? -1 : 1))
    }
  }

  /// Doubles are joined in the order and the brackets that the tree has (DESIGN.md §5): the left fold is what one block does.
  @Test func `of doubles are the plain additions from the left`() throws {
    var random = SeededRandom(seed: testSeed())
    let values = (0..<100).map { _ in `Quantiles of values`.share(&random) }
    let sum = values.dropFirst().reduce(values[0], +)
    #expect(values.dropFirst().reduce(Sum(values[0])) { $0.joined(Sum($1)) }.sum == sum)
    #expect(values.dropFirst().reduce(Stats(values[0])) { $0.joined(Stats($1)) }.sum == sum)
    #expect(values.dropFirst().reduce(Average(values[0])) { $0.joined(Average($1)) }.sum == sum)
  }
}
