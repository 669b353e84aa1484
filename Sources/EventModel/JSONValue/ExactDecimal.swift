/// A number as normal form knows it: an exact decimal, ±0.d₁…d_k × 10ⁿ, with no leading and no trailing zero digit. Zero has no digits.
///
/// Written as ECMA-262's Number::toString would write it (API.md §2), so a double's shortest digits give the bytes of RFC 8785.
package struct ExactDecimal: Equatable, Sendable {
  package var negative = false
  /// Values 0…9.
  package var digits: [UInt8] = []
  /// The n above: how many digits stand before the point.
  package var exponent = 0

  package init(negative: Bool, digits: [UInt8], exponent: Int) {
    (self.negative, self.digits, self.exponent) = (negative, digits, exponent)
  }

  /// Reads JSON's number grammar, and Swift's descriptions of numbers, which lie within it.
  ///
  /// - Returns: nil for other text (`inf`, `nan`).
  package init?(_ text: RawSpan) {
    var at = 0
    if text.byteCount > 0, text[0] == UInt8(ascii: "-") { (negative, at) = (true, 1) }
    var seenDigit = false
    var seenPoint = false
    digits.reserveCapacity(text.byteCount)
    scan: while at < text.byteCount {
      switch text[at] {
      case 0x30...0x39:
        let digit = text[at] - 0x30
        seenDigit = true
        if digits.isEmpty && digit == 0 {
          if seenPoint { exponent -= 1 }
        } else {
          digits.append(digit)
          if !seenPoint { exponent += 1 }
        }
      case UInt8(ascii: ".") where !seenPoint: seenPoint = true
      default: break scan
      }
      at += 1
    }
    guard seenDigit else { return nil }
    if at < text.byteCount {
      guard text[at] | 0x20 == UInt8(ascii: "e"), let power = Self.power(text, from: at + 1) else { return nil }
      exponent += power
    }
    while digits.last == 0 { digits.removeLast() }
    if digits.isEmpty { (negative, exponent) = (false, 0) }
  }

  private static func power(_ text: RawSpan, from start: Int) -> Int? {
    guard start < text.byteCount else { return nil }
    var at = start
    let sign = text[at] == UInt8(ascii: "-") ? -1 : 1
    if text[at] == UInt8(ascii: "-") || text[at] == UInt8(ascii: "+") { at += 1 }
    guard at < text.byteCount else { return nil }
    var power = 0
    while at < text.byteCount {
      guard text[at] >= 0x30, text[at] <= 0x39, power < 1_000_000 else { return nil }
      power = power * 10 + Int(text[at]) - 0x30
      at += 1
    }
    return sign * power
  }

  /// Reads the description of a number of Swift's.
  package init?(describing value: some CustomStringConvertible) {
    self.init([UInt8](value.description.utf8).raw)
  }

  /// Appends the spelling of normal form.
  package func write(to bytes: inout [UInt8]) {
    guard !digits.isEmpty else { return bytes.append(0x30) }
    if negative { bytes.append(UInt8(ascii: "-")) }
    let (k, n) = (digits.count, exponent)
    func append(_ range: Range<Int>) { for digit in digits[range] { bytes.append(0x30 + digit) } }
    func zeros(_ count: Int) { for _ in 0..<count { bytes.append(0x30) } }
    if k <= n, n <= 21 {
      append(0..<k)
      zeros(n - k)
    } else if 0 < n, n <= 21 {
      append(0..<n)
      bytes.append(UInt8(ascii: "."))
      append(n..<k)
    } else if -6 < n, n <= 0 {
      bytes.append(0x30)
      bytes.append(UInt8(ascii: "."))
      zeros(-n)
      append(0..<k)
    } else {
      append(0..<1)
      if k > 1 {
        bytes.append(UInt8(ascii: "."))
        append(1..<k)
      }
      bytes.append(UInt8(ascii: "e"))
      bytes.append(n > 0 ? UInt8(ascii: "+") : UInt8(ascii: "-"))
      bytes.appendNumber(abs(n - 1))
    }
  }
}

extension [UInt8] {
  /// Appends an integer in decimal, which is its normal form up to 21 digits; longer ones go by `ExactDecimal`.
  package mutating func appendNumber(_ value: some FixedWidthInteger) {
    if let small = Int(exactly: value), small.magnitude < 1_000_000_000_000_000_000 {
      if small < 0 { append(UInt8(ascii: "-")) }
      var rest = small.magnitude
      let start = count
      repeat {
        append(0x30 + UInt8(rest % 10))
        rest /= 10
      } while rest > 0
      self[start...].reverse()
    } else {
      ExactDecimal(describing: value)?.write(to: &self)
    }
  }

  /// Appends a floating-point number by its shortest digits.
  ///
  /// - Returns: whether it was written; infinities and NaN have no JSON.
  package mutating func appendNumber<F: BinaryFloatingPoint & CustomStringConvertible>(_ value: F) -> Bool {
    if let whole = Int(exactly: value), whole.magnitude < 1 << 53 {
      appendNumber(whole)
      return true
    }
    guard value.isFinite else { return false }
    let start = count
    let text = value.description
    append(contentsOf: text.utf8)
    if self[start...].contains(UInt8(ascii: "e")) {
      removeSubrange(start...)
      ExactDecimal(describing: text)?.write(to: &self)
    } else if self[start...].suffix(2).elementsEqual(".0".utf8) {
      // Without an exponent Swift writes what normal form does, but for this.
      removeLast(2)
    }
    return true
  }
}

extension RawSpan {
  /// This number in normal form as an integer, exactly; nil if it is none or lies outside of the type's range.
  func integer<I: FixedWidthInteger>(as type: I.Type) -> I? {
    guard byteCount > 0 else { return nil }
    let negative = self[0] == UInt8(ascii: "-")
    var value: I = 0
    var at = negative ? 1 : 0
    guard at < byteCount else { return nil }
    while at < byteCount {
      let digit = self[at] &- 0x30
      // A point or an exponent: rare, and only beyond 64 bits a whole number.
      guard digit <= 9 else { return wideInteger(as: type) }
      let (shifted, over) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow) =
        negative
        ? shifted.subtractingReportingOverflow(I(truncatingIfNeeded: digit)) : shifted.addingReportingOverflow(I(truncatingIfNeeded: digit))
      guard !over, !overflow else { return nil }
      value = sum
      at += 1
    }
    return value
  }

  private func wideInteger<I: FixedWidthInteger>(as type: I.Type) -> I? {
    guard let decimal = ExactDecimal(self), decimal.exponent >= decimal.digits.count, decimal.exponent <= 40 else { return nil }
    var value: I = 0
    for at in 0..<decimal.exponent {
      let digit = at < decimal.digits.count ? I(truncatingIfNeeded: decimal.digits[at]) : 0
      let (shifted, over) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = decimal.negative ? shifted.subtractingReportingOverflow(digit) : shifted.addingReportingOverflow(digit)
      guard !over, !overflow else { return nil }
      value = sum
    }
    return value
  }

  /// This number in normal form as the nearest double; nil if it is beyond the greatest one.
  func double() -> Double? {
    guard byteCount > 0 else { return nil }
    // Clinger's fast path: up to 19 digits below 2⁵³ and a power of ten that is exact take one correctly rounded operation.
    var mantissa: UInt64 = 0
    var scale = 0
    var digits = 0
    var seenPoint = false
    var at = self[0] == UInt8(ascii: "-") ? 1 : 0
    while at < byteCount, digits <= 18 {
      let byte = self[at]
      if byte == UInt8(ascii: ".") {
        seenPoint = true
      } else if byte >= 0x30, byte <= 0x39 {
        mantissa = mantissa * 10 + UInt64(byte - 0x30)
        digits += 1
        if seenPoint { scale += 1 }
      } else {
        break
      }
      at += 1
    }
    if at == byteCount, mantissa < 1 << 53, scale <= 22 {
      let value = Double(mantissa) / powersOfTen[scale]
      return self[0] == UInt8(ascii: "-") && mantissa != 0 ? -value : value
    }
    guard let value = Double(string(0..<byteCount, escaped: false)), value.isFinite else { return nil }
    return value
  }
}

private let powersOfTen: [Double] = [
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
]
