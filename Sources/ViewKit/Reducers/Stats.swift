/// How many numbers a key has, their sum in order of happening, the least and the greatest:
/// `{"count":2,"max":7.5,"min":2.5,"sum":10}`.
public struct Stats: Reducible, Compact, Hashable {
  public static let commutative = true
  public let count: Int
  public let sum: Double
  public let min: Double
  public let max: Double

  public init(_ value: Double) { self.init(count: 1, sum: value.canonical, min: value.canonical, max: value.canonical) }

  private init(count: Int, sum: Double, min: Double, max: Double) {
    (self.count, self.sum, self.min, self.max) = (count, sum, min, max)
  }

  public var mean: Double { sum / Double(count) }

  public func joined(_ later: Stats) -> Stats {
    Stats(
      count: count &+ later.count, sum: Double.add(sum, later.sum), min: isWithin(later.min, below: min) ? later.min : min,
      max: isWithin(later.max, above: max) ? later.max : max)
  }

  public func write(to bytes: inout [UInt8]) {
    bytes.appendSigned(count)
    sum.write(to: &bytes)
    min.write(to: &bytes)
    max.write(to: &bytes)
  }
  public init(from bytes: inout ArraySlice<UInt8>) throws {
    self.init(
      count: try bytes.takeSigned(), sum: try Double(from: &bytes), min: try Double(from: &bytes), max: try Double(from: &bytes))
  }
}

/// The arithmetic mean of a key's numbers, whose sum is taken in order of happening; in JSON a number.
public struct Average: Reducible, Compact, Hashable {
  public static let commutative = true
  public let count: Int
  public let sum: Double

  public init(_ value: Double) { (count, sum) = (1, value.canonical) }
  private init(count: Int, sum: Double) { (self.count, self.sum) = (count, sum) }

  public var average: Double { sum / Double(count) }

  public func joined(_ later: Average) -> Average { Average(count: count &+ later.count, sum: Double.add(sum, later.sum)) }

  /// Reads the stored form, `[count, sum]`: an answer says less.
  public init(from decoder: any Decoder) throws {
    var container = try decoder.unkeyedContainer()
    (count, sum) = (try container.decode(Int.self), try container.decode(Double.self))
  }
  public func encode(to encoder: any Encoder) throws {
    if encoder.wantsStoredForm {
      var container = encoder.unkeyedContainer()
      try container.encode(count)
      try container.encode(sum)
    } else {
      var container = encoder.singleValueContainer()
      try container.encode(average)
    }
  }

  public func write(to bytes: inout [UInt8]) {
    bytes.appendSigned(count)
    sum.write(to: &bytes)
  }
  public init(from bytes: inout ArraySlice<UInt8>) throws {
    self.init(count: try bytes.takeSigned(), sum: try Double(from: &bytes))
  }
}
