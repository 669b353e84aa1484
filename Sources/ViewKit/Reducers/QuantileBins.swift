// Which bin a number x = 2ᵉ (1 + s), 0 ≤ s < 1, is counted in: ⌊35 (e + P(s))⌋, P(s) = s (6 s² − 21 s + 50) / 35, the cubic that DDSketch's
// authors put in the logarithm's place ("cubically interpolated mapping", in their DDSketch libraries). P rises from P(0) = 0 to P(1) = 1,
// and dP/d ln x = P′(s) (1 + s) is nowhere below 10/7. So one bin spans at most 7 / (10 · 35) = 0.02 of the natural logarithm, and a number
// between its ends is at most tanh 0.01 < 1 % from each value in it. 35 cancels the denominator: with s cut to 30 bits, m = 2³⁰ s, the
// index is 35 e + ⌊m (6 m² − 21 · 2³⁰ m + 50 · 2⁶⁰) / 2⁹⁰⌋, all in integers, the same on every platform.

/// Counts of numbers above zero, by bins that grow with the number.
struct QuantileBins: Hashable {
  struct Bin: Hashable {
    var index: Int
    var count: Int
  }

  /// By rising index; none is empty.
  var bins: [Bin] = []

  /// Counts the bins below an index in that one.
  func collapsed(below low: Int) -> QuantileBins {
    guard let first = bins.first, first.index < low else { return self }
    var count = 0
    var kept = 0
    while kept < bins.count, bins[kept].index <= low {
      count += bins[kept].count
      kept += 1
    }
    return QuantileBins(bins: [Bin(index: low, count: count)] + bins[kept...])
  }

  func joined(_ other: QuantileBins) -> QuantileBins {
    let (a, b) = (bins, other.bins)
    guard !b.isEmpty else { return self }
    guard !a.isEmpty else { return other }
    var merged: [Bin] = []
    merged.reserveCapacity(a.count + b.count)
    var (i, j) = (0, 0)
    while i < a.count, j < b.count {
      if a[i].index == b[j].index {
        merged.append(Bin(index: a[i].index, count: a[i].count &+ b[j].count))
        (i, j) = (i + 1, j + 1)
      } else if a[i].index < b[j].index {
        merged.append(a[i])
        i += 1
      } else {
        merged.append(b[j])
        j += 1
      }
    }
    merged.append(contentsOf: a[i...])
    merged.append(contentsOf: b[j...])
    return QuantileBins(bins: merged)
  }
}

extension QuantileBins.Bin {
  static let perOctave = 35
  private static let fractionBits = 30

  /// 35 · 2⁹⁰ P(m / 2³⁰).
  private static func scaledLogarithm(_ m: Int) -> Int128 {
    let m = Int128(m)
    return m * (6 * m * m - (21 << 30) * m + 50 << 60)
  }

  /// One value's bin; nil for a number that isn't normal.
  init?(of value: Double) {
    guard value.isNormal else { return nil }
    let m = Int(value.significandBitPattern >> UInt64(Double.significandBitCount - Self.fractionBits))
    index = Self.perOctave * Int(value.exponent) + Int(Self.scaledLogarithm(m) >> 90)
    count = 1
  }

  /// The number that is at most 1 % from every value in the bin: the harmonic mean of its ends.
  ///
  /// - Complexity: 60 steps.
  var representative: Double {
    let place = index % Self.perOctave
    let step = place < 0 ? place + Self.perOctave : place
    let (low, high) = (Self.significand(from: step), Self.significand(from: step + 1))
    return Double(sign: .plus, exponent: (index - step) / Self.perOctave, significand: 2 * low * high / (low + high))
  }

  /// Where a bin of the first octave begins, from 1 to 2.
  private static func significand(from step: Int) -> Double {
    var (low, high) = (0, 1 << fractionBits)
    while low < high {
      let middle = (low + high) / 2
      if scaledLogarithm(middle) >> 90 < step { low = middle + 1 } else { high = middle }
    }
    return 1 + Double(low) / Double(1 << fractionBits)
  }
}

extension QuantileBins: Compact {
  /// Written as `Quantiles` says.
  func write(to bytes: inout [UInt8]) {
    guard let first = bins.first, let last = bins.last else { return bytes.append(0) }
    bytes.appendVariable(UInt128(last.index - first.index + 1))
    bytes.appendSigned(first.index)
    var next = first.index
    for bin in bins {
      if bin.index > next {
        bytes.append(0)
        bytes.appendVariable(UInt128(bin.index - next))
      }
      bytes.appendVariable(UInt128(bin.count))
      next = bin.index + 1
    }
  }

  init(from bytes: inout ArraySlice<UInt8>) throws {
    let width = try bytes.takeVariable()
    guard width > 0 else { return }
    guard width <= Quantiles.widthMax else { throw CompactError() }
    let start = try bytes.takeSigned(Int.self)
    guard start.magnitude < 1 << 16 else { throw CompactError() }
    let end = start + Int(width)
    var next = start
    while next < end {
      guard let count = Int(exactly: try bytes.takeVariable()) else { throw CompactError() }
      if count > 0 {
        bins.append(Bin(index: next, count: count))
        next += 1
      } else {
        let empty = try bytes.takeVariable()
        // Neither the first bin nor the last is empty.
        guard next > start, bins.last?.index == next - 1, empty > 0, empty < end - next else { throw CompactError() }
        next += Int(empty)
      }
    }
  }
}
