// Quantiles of numbers, without keeping them: DDSketch (Masson, Rim, Lee: "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with
// Relative-Error Guarantees", PVLDB 12, 2019). Values are counted in bins that grow with the value; a quantile is answered with a number
// from the bin that it lies in, at most 1 % from each value there. `QuantileBins` says which bin.
//
// Invariant: the content is a function of the multiset of values, whatever order or grouping they came in. With M the greatest index of
// a bin on either side of zero, the bins below M − width + 1 are counted in that one. M only rises and the width only falls as values
// are added, so what was counted in a lower bin before is counted right again later.

/// How numbers are spread (±1 % of each), with their number, the least and the greatest exactly:
/// `{"count":3,"max":9,"min":1,"p50":2.999862569043439,…}` with `p90`, `p95` and `p99`.
///
/// Values down to the greatest divided by 4·10⁸ are told apart (by 20 000, if there are values on both sides of zero); closer to zero the
/// error is at most what that is. NaN has no part in it. An infinite value counts as the greatest finite one, and one below 2⁻¹⁰²² as
/// zero. At most 4 080 bytes.
public struct Quantiles: Reducible, Hashable {
  public static let commutative = true

  /// How many values there are.
  public let count: Int
  /// The least value; nil if there is none.
  public var min: Double? { count > 0 ? least : nil }
  /// The greatest value; nil if there is none.
  public var max: Double? { count > 0 ? greatest : nil }

  let least: Double
  let greatest: Double
  let zeros: Int
  let negative: QuantileBins
  let positive: QuantileBins

  /// All bins together are at most so many.
  static let widthMax = 1000
  /// From so many values on the bins are at most 400, so that their counts still take no more than 4 080 bytes.
  static let countOfWideMax = 1 << 33

  public init(_ value: Double) {
    guard !value.isNaN else {
      self.init(count: 0, least: 0, greatest: 0, zeros: 0, negative: .init(), positive: .init())
      return
    }
    let value = Swift.min(Swift.max(value, -.greatestFiniteMagnitude), .greatestFiniteMagnitude).canonical
    let bin = QuantileBins.Bin(of: value.magnitude).map { QuantileBins(bins: [$0]) }
    self.init(
      count: 1, least: value, greatest: value, zeros: bin == nil ? 1 : 0, negative: value < 0 ? bin ?? .init() : .init(),
      positive: value > 0 ? bin ?? .init() : .init())
  }

  /// Takes bins of any width, and makes them as narrow as they should be.
  init(count: Int, least: Double, greatest: Double, zeros: Int, negative: QuantileBins, positive: QuantileBins) {
    (self.count, self.least, self.greatest, self.zeros) = (count, least, greatest, zeros)
    var width = count < Self.countOfWideMax ? Self.widthMax : 400
    if !negative.bins.isEmpty, !positive.bins.isEmpty { width /= 2 }
    let top = Swift.max(negative.bins.last?.index ?? .min, positive.bins.last?.index ?? .min)
    let low = top == .min ? top : top - width + 1
    (self.negative, self.positive) = (negative.collapsed(below: low), positive.collapsed(below: low))
  }

  public func joined(_ later: Quantiles) -> Quantiles {
    guard count > 0 else { return later }
    guard later.count > 0 else { return self }
    return Quantiles(
      count: count &+ later.count, least: Swift.min(least, later.least), greatest: Swift.max(greatest, later.greatest),
      zeros: zeros &+ later.zeros, negative: negative.joined(later.negative), positive: positive.joined(later.positive))
  }

  /// The value below which a share of all values lies, within 1 %; of n values in rising order that at place ⌊q (n − 1)⌋ from 0.
  ///
  /// - Parameter q: from 0, the least value, to 1, the greatest.
  /// - Returns: nil if there is no value, or q is none.
  /// - Complexity: O(bins).
  public func quantile(_ q: Double) -> Double? {
    guard count > 0, q >= 0, q <= 1 else { return nil }
    let rank = Int((q * Double(count - 1)).rounded(.down))
    if rank <= 0 { return least }
    if rank >= count - 1 { return greatest }
    return Swift.min(Swift.max(estimate(at: rank), least), greatest)
  }

  /// A number from the bin of the value at this place.
  private func estimate(at rank: Int) -> Double {
    var left = rank
    for bin in negative.bins.reversed() {
      if left < bin.count { return -bin.representative }
      left -= bin.count
    }
    if left < zeros { return 0 }
    left -= zeros
    for bin in positive.bins {
      if left < bin.count { return bin.representative }
      left -= bin.count
    }
    return greatest
  }
}

extension Quantiles: Codable {
  private enum CodingKeys: CodingKey { case count, min, max, p50, p90, p95, p99 }

  public init(from decoder: any Decoder) throws { self = try decoder.sketch() }

  public func encode(to encoder: any Encoder) throws {
    if encoder.wantsStoredForm { return try encoder.encodeSketch(self) }
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(count, forKey: .count)
    try container.encode(min, forKey: .min)
    try container.encode(max, forKey: .max)
    try container.encode(quantile(0.5), forKey: .p50)
    try container.encode(quantile(0.9), forKey: .p90)
    try container.encode(quantile(0.95), forKey: .p95)
    try container.encode(quantile(0.99), forKey: .p99)
  }
}

/// | bytes | |
/// | --- | --- |
/// | number of values | 0: nothing follows. 1: only the value follows (8, IEEE 754) |
/// | the least, the greatest value | 8 each |
/// | number of zeros | |
/// | negative bins, positive bins | each: number of indices from the first bin to the last; that of the first (zigzag); counts |
///
/// Numbers are unsigned LEB128. Among the counts, k empty bins in a row are 0 ‖ k.
extension Quantiles: Compact {
  public func write(to bytes: inout [UInt8]) {
    bytes.appendVariable(UInt128(count))
    guard count > 0 else { return }
    least.write(to: &bytes)
    guard count > 1 else { return }
    greatest.write(to: &bytes)
    bytes.appendVariable(UInt128(zeros))
    negative.write(to: &bytes)
    positive.write(to: &bytes)
  }

  public init(from bytes: inout ArraySlice<UInt8>) throws {
    guard let count = Int(exactly: try bytes.takeVariable()) else { throw CompactError() }
    guard count > 0 else {
      self.init(.nan)
      return
    }
    let least = try Double(from: &bytes)
    guard count > 1 else {
      guard least.isFinite else { throw CompactError() }
      self.init(least)
      return
    }
    let greatest = try Double(from: &bytes)
    guard let zeros = Int(exactly: try bytes.takeVariable()), least.isFinite, greatest.isFinite, least <= greatest else {
      throw CompactError()
    }
    let (negative, positive) = (try QuantileBins(from: &bytes), try QuantileBins(from: &bytes))
    var rest: Int? = count
    for part in [zeros] + negative.bins.map(\.count) + positive.bins.map(\.count) {
      rest = rest.flatMap { $0 >= part ? $0 - part : nil }
    }
    guard rest == 0 else { throw CompactError() }
    self.init(count: count, least: least, greatest: greatest, zeros: zeros, negative: negative, positive: positive)
  }
}
