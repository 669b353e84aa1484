import EventModel
import StoreConformance
import Testing

@testable import ViewKit

@Suite struct `Quantiles of values` {
  func sketch(_ values: [Double]) -> Quantiles { values.dropFirst().reduce(Quantiles(values[0])) { $0.joined(Quantiles($1)) } }

  /// From 0 to 1.
  static func share(_ random: inout SeededRandom) -> Double { Double(random.next() >> 11) / 0x1p53 }

  static let distributions: [(String, @Sendable (inout SeededRandom) -> Double)] = [
    ("even", { share(&$0) * 1000 }),
    ("one value", { _ in 42.5 }),
    ("heavy tail", { 1 / (share(&$0) + 1e-5) }),
    ("whole numbers", { Double($0.next() % 100) }),
    ("below zero", { -1 - share(&$0) * 50 }),
    ("bell around zero", { random in (0..<12).reduce(-6) { sum, _ in sum + share(&random) } }),
    ("many magnitudes", { Double(sign: .plus, exponent: Int($0.next() % 26) - 13, significand: 1 + share(&$0)) }),
  ]

  @Test(arguments: distributions.indices) func `an answer is within one per cent of the value at that place`(index: Int) throws {
    let (name, draw) = Self.distributions[index]
    var random = SeededRandom(seed: UInt64(index) + 7)
    let values = (0..<3000).map { _ in draw(&random) }
    let sketch = sketch(values)
    let sorted = values.sorted()
    let greatest = max(abs(sorted[0]), abs(sorted[sorted.count - 1]))
    let bothSigns = sorted[0] < 0 && sorted[sorted.count - 1] > 0
    #expect((sketch.min, sketch.max, sketch.count) == (sorted[0], sorted[sorted.count - 1], sorted.count))
    for step in 0...200 {
      let q = Double(step) / 200
      let exact = sorted[Int((q * Double(sorted.count - 1)).rounded(.down))]
      let answer = try #require(sketch.quantile(q))
      #expect(abs(answer - exact) <= max(abs(exact) / 100, bothSigns ? greatest / 20_000 : 0), "\(name), \(q): \(answer), not \(exact)")
    }
    #expect(sketch.quantile(-0.1) == nil)
    #expect(sketch.quantile(1.1) == nil)
    #expect(sketch.quantile(.nan) == nil)
  }

  @Test func `every number is within one per cent of its bin's, and bins rise with numbers`() throws {
    var random = SeededRandom(seed: testSeed())
    for _ in 0..<5000 {
      let value = Double(sign: .plus, exponent: Int(random.next() % 2046) - 1022, significand: 1 + Self.share(&random))
      let bin = try #require(QuantileBins.Bin(of: value))
      #expect(abs(bin.representative - value) <= value / 100, "\(value), seed \(random.seed)")
      let next = try #require(QuantileBins.Bin(of: min(value * 1.0203, .greatestFiniteMagnitude)))
      #expect(next.index >= bin.index, "\(value), seed \(random.seed)")
      #expect(value * 1.0203 > .greatestFiniteMagnitude || next.index > bin.index, "\(value), seed \(random.seed)")
    }
    for octave in [-1022, -1, 0, 1, 1023] {
      let edge = Double(sign: .plus, exponent: octave, significand: 1)
      #expect(try #require(QuantileBins.Bin(of: edge)).index == 35 * octave)
      #expect(QuantileBins.Bin(of: edge.nextDown)?.index == (octave == -1022 ? nil : 35 * octave - 1))
    }
    #expect(QuantileBins.Bin(of: .greatestFiniteMagnitude)?.index == 35 * 1024 - 1)
  }

  @Test func `values that no bin is for have their place all the same`() throws {
    #expect(Quantiles(.nan).count == 0)
    #expect(Quantiles(.nan).quantile(0.5) == nil)
    #expect(Quantiles(.nan).joined(Quantiles(1)) == Quantiles(1))
    #expect(Quantiles(1).joined(Quantiles(.nan)) == Quantiles(1))
    #expect(Quantiles(.infinity) == Quantiles(.greatestFiniteMagnitude))
    #expect(Quantiles(-.infinity).min == -.greatestFiniteMagnitude)
    #expect(Quantiles(-0.0) == Quantiles(0))
    let small = sketch([.leastNonzeroMagnitude, -.leastNonzeroMagnitude, 0])
    #expect((small.zeros, small.quantile(0.5)) == (3, 0))
    let json = try EventEncoder(nonFinite: .null).encode(Quantiles(.nan))
    #expect(json.description == #"{"count":0,"max":null,"min":null,"p50":null,"p90":null,"p95":null,"p99":null}"#)
  }

  @Test func `bins stay a thousand below the greatest, and the upper quantiles right`() throws {
    let values = (0..<2000).map { Double(sign: .plus, exponent: $0 - 1000, significand: 1.3) }
    let sketch = sketch(values.shuffled())
    #expect(sketch.positive.bins.count <= Quantiles.widthMax)
    #expect(sketch.positive.bins.first?.count ?? 0 > 1900)
    for q in [0.986, 0.99, 0.999, 1] {
      let exact = values[Int((q * 1999).rounded(.down))]
      #expect(abs(try #require(sketch.quantile(q)) - exact) <= exact / 100)
    }
    let both = self.sketch((values + values.map { -$0 }).shuffled())
    #expect(both.positive.bins.count + both.negative.bins.count <= Quantiles.widthMax)
    let top = try #require(QuantileBins.Bin(of: values[1999])).index
    #expect((both.positive.bins.first?.index, both.negative.bins.first?.index) == (top - 499, top - 499))
  }

  @Test func `no sketch is longer than 4080 bytes`() throws {
    func bytes(_ counts: [Int]) throws -> Int {
      let bins = QuantileBins(bins: counts.enumerated().map { QuantileBins.Bin(index: $0.offset - 30_000, count: $0.element) })
      let sketch = Quantiles(count: counts.reduce(0, +), least: 1, greatest: 2, zeros: 0, negative: .init(), positive: bins)
      let bytes = try StoredCoding<Quantiles>().bytes(sketch)
      #expect(try StoredCoding<Quantiles>().value(bytes) == sketch)
      return bytes.count
    }
    // As many long numbers as there can be below 2³³ values.
    let long = (Quantiles.countOfWideMax - 1000 << 21) / (1 << 28 - 1 << 21)
    #expect(long > 20)
    #expect(try bytes([Int](repeating: 1 << 28, count: long) + [Int](repeating: 1 << 21, count: 1000 - long)) <= 4080)
    #expect(try bytes([Int](repeating: Int.max / 1000, count: 1000)) <= 4080)
    #expect(try bytes([Int](repeating: 1 << 21, count: 1000)) > 4000)
  }

  @Test func `stored bytes that were not written are an error, never a crash`() throws {
    var random = SeededRandom(seed: testSeed())
    let values = (0..<50).map { _ in Double(Int(random.next() % 2000)) - 1000 }
    for sketch in [Quantiles(.nan), Quantiles(1), sketch(values)] {
      let bytes = try StoredCoding<Quantiles>().bytes(sketch)
      for _ in 0..<2000 {
        var damaged = bytes
        damaged[Int(random.next() % UInt64(damaged.count))] = UInt8(truncatingIfNeeded: random.next())
        if let read = try? StoredCoding<Quantiles>().value(damaged) { _ = read.joined(read).quantile(0.5) }
      }
      for end in bytes.indices {
        #expect(throws: (any Error).self) { try StoredCoding<Quantiles>().value([UInt8](bytes[..<end])) }
      }
    }
  }
}
