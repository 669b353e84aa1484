import EventModel

// How many different values there are, without keeping them: HyperLogLog++ (Heule, Nunkesser, Hall: "HyperLogLog in Practice", EDBT
// 2013) at precision 12. A value's 64-bit hash picks a register by its first bits; the register keeps the greatest rank seen, the place
// of the first one bit after them. Up to 512 hashes that differ in their first 25 bits are kept as such (the paper's sparse form), so
// small numbers are exact but for a collision in 2²⁵.
//
// Invariant: the content is a function of the set of hashes, whatever order or grouping they came in. Sparse: the greatest rank of
// every 25-bit prefix; dense: the greatest rank of every 12-bit prefix; sparse exactly if there are at most 512 prefixes of 25 bits. A
// dense content holds more than 512 for ever, because joining only adds.

/// About how many different values a key has (±1.6 % standard error, exact up to 512); in JSON a whole number.
///
///     Distinct(scan.shipment)
///
/// What is stored is a function of the set of values: 3 bytes a value up to 512, then about 2 KiB.
public struct Distinct: Reducible, Hashable {
  public static let commutative = true

  enum Content: Hashable {
    /// Rising 25-bit prefixes, each ‖ rank (6 bits).
    case sparse([UInt32])
    /// 4 096 ranks.
    case dense([UInt8])
  }
  let content: Content

  /// Bits of a hash that pick a register.
  static let precision = 12
  static let registerCount = 1 << precision
  /// The greatest rank: one more than the bits after the prefix.
  static let rankMax = UInt8(64 - precision + 1)
  static let sparsePrecision = 25
  static let sparseMax = 512

  /// One value. Values that are equal as keys are (`1` and `1.0`) count once.
  ///
  /// It is known by the first 8 bytes of the SHA-256 of its key bytes (`KeyBytes`); one that can be no key (an object, NaN, longer than
  /// 480 bytes) by those of its JSON in normal form after a byte FF, which begins no key.
  public init(_ value: some ViewKey) {
    var text: [UInt8] = []
    if let key = try? KeyBytes.bytes(of: value) {
      text = key
    } else {
      text.append(0xFF)
      // What can't be encoded at all counts as one value.
      try? EventEncoder(nonFinite: .text).encode(value, to: &text)
    }
    self.init(hash: Digest.sha256(text.raw).first8)
  }

  init(hash: UInt64) { content = .sparse([Self.sparseEntry(hash)]) }

  init(_ content: Content) { self.content = content }

  public func joined(_ later: Distinct) -> Distinct {
    switch (content, later.content) {
    case (.sparse(let a), .sparse(let b)):
      let merged = Self.merge(a, b)
      guard merged.count > Self.sparseMax else { return Distinct(.sparse(merged)) }
      return Distinct(.dense(Self.raise([UInt8](repeating: 0, count: Self.registerCount), by: merged)))
    case (.dense(let registers), .sparse(let entries)), (.sparse(let entries), .dense(let registers)):
      return Distinct(.dense(Self.raise(registers, by: entries)))
    case (.dense(let a), .dense(let b)):
      var registers = a
      for at in registers.indices { registers[at] = max(registers[at], b[at]) }
      return Distinct(.dense(registers))
    }
  }

  /// The first 25 bits of a hash ‖ the rank of the rest, or 0 where the bits from 12 to 25 already say the rank at precision 12.
  static func sparseEntry(_ hash: UInt64) -> UInt32 {
    let prefix = UInt32(hash >> UInt64(64 - sparsePrecision))
    guard needsRank(prefix) else { return prefix << 6 }
    let rest = hash << UInt64(sparsePrecision)
    return prefix << 6 | UInt32(min(rest.leadingZeroBitCount, 64 - sparsePrecision) + 1)
  }

  /// Whether the bits of a sparse prefix that lie after the register's are all zero.
  static func needsRank(_ prefix: UInt32) -> Bool { prefix & lowMask == 0 }

  private static let lowBits = sparsePrecision - precision
  private static let lowMask: UInt32 = 1 << UInt32(lowBits) - 1

  private static func raise(_ registers: [UInt8], by entries: [UInt32]) -> [UInt8] {
    var registers = registers
    for entry in entries {
      let prefix = entry >> 6
      let low = prefix & lowMask
      let rank = low == 0 ? UInt8(lowBits) + UInt8(entry & 63) : UInt8(lowBits - (32 - low.leadingZeroBitCount) + 1)
      let register = Int(prefix >> UInt32(lowBits))
      registers[register] = max(registers[register], rank)
    }
    return registers
  }

  private static func merge(_ a: [UInt32], _ b: [UInt32]) -> [UInt32] {
    var merged: [UInt32] = []
    merged.reserveCapacity(a.count + b.count)
    var (i, j) = (0, 0)
    while i < a.count, j < b.count {
      let (left, right) = (a[i], b[j])
      merged.append(left >> 6 == right >> 6 ? max(left, right) : min(left, right))
      if left >> 6 <= right >> 6 { i += 1 }
      if right >> 6 <= left >> 6 { j += 1 }
    }
    merged.append(contentsOf: a[i...])
    merged.append(contentsOf: b[j...])
    return merged
  }
}

extension Distinct {
  /// About how many different values there are.
  ///
  /// Sparse: the number of entries; linear counting over 2²⁵ would add less than 0.004. Dense: the improved raw estimator of Ertl ("New
  /// cardinality estimation algorithms for HyperLogLog sketches", arXiv:1702.01284, algorithm 6), which needs no table of biases. It
  /// adds, multiplies, divides and takes square roots of doubles, which IEEE 754 rounds in one way: the same on every platform.
  public var estimate: Int {
    switch content {
    case .sparse(let entries): return entries.count
    case .dense(let registers):
      let ranks = Int(Self.rankMax)
      var counts = [Double](repeating: 0, count: ranks + 1)
      for register in registers { counts[Int(register)] += 1 }
      let m = Double(Self.registerCount)
      var z = m * Self.tau(1 - counts[ranks] / m)
      for rank in (1..<ranks).reversed() { z = 0.5 * (z + counts[rank]) }
      z += m * Self.sigma(counts[0] / m)
      // 1 / (2 ln 2), the factor for infinitely many registers.
      let estimate = 0.721_347_520_444_481_7 * m * m / z
      return estimate < 0x1p62 ? Int(estimate.rounded()) : Int.max
    }
  }

  /// x + Σ x^(2^k) 2^(k−1), k = 1, 2 …: what the empty registers say.
  private static func sigma(_ share: Double) -> Double {
    guard share < 1 else { return .infinity }
    var (x, y, z, before) = (share, 1.0, share, -1.0)
    while z != before {
      x *= x
      before = z
      z += x * y
      y += y
    }
    return z
  }

  /// (1 − x − Σ (1 − x^(2^−k))² 2^−k) / 3, k = 1, 2 …: what the full registers say.
  private static func tau(_ share: Double) -> Double {
    guard share > 0, share < 1 else { return 0 }
    var (x, y, z, before) = (share, 1.0, 1 - share, -1.0)
    while z != before {
      x = x.squareRoot()
      before = z
      y *= 0.5
      z -= (1 - x) * (1 - x) * y
    }
    return z / 3
  }
}
