// Numbers keep all their digits. In API.md §2's words: digits d₁…d_k without leading or trailing zeros and the value 0.d₁…d_k × 10ⁿ;
// from k and n alone follows the notation that ECMA-262's Number::toString would choose (RFC 8785 section 3.2.2.3).

/// An exact decimal, as a place in the text that it was read from.
struct JSONDecimal {
  static let digitsMax = 1024
  static let orderMax = 9999

  var negative = false
  /// From the first to the last digit other than zero; a point may stand between them. Empty: zero.
  var digits: Range<Int> = 0..<0
  /// How many digits that is: k.
  var count = 0
  /// The power of ten, n.
  var order = 0

  /// Whether the limits on k and n hold.
  var isInRange: Bool { count <= Self.digitsMax && abs(order) <= Self.orderMax }
}

extension RawSpan {
  /// Scans a number at `start` by the grammar of RFC 8259 section 6.
  /// - Returns: where it ends, and the decimal, or nil if it is in normal form (the common spellings; a decimal may still be found to be).
  func scanNumber(from start: Int) throws(JSONError) -> (end: Int, decimal: JSONDecimal?) {
    let integer = self[start] == UInt8(ascii: "-") ? start &+ 1 : start
    let point = try skipDigits(from: integer)
    let isZero = self[integer] == UInt8(ascii: "0")
    if isZero, point > integer + 1 { throw JSONError(.number, at: integer) }
    var at = point
    if at < byteCount, self[at] == UInt8(ascii: ".") { at = try skipDigits(from: at &+ 1) }
    let mantissaEnd = at
    if at < byteCount, self[at] | 0x20 == UInt8(ascii: "e") {
      let exponent = try scanExponent(from: at &+ 1)
      let decimal = decimal(start, integer, point, mantissaEnd, exponent: exponent.value)
      guard decimal.isInRange else { throw JSONError(.numberOutOfRange, at: start) }
      return (exponent.end, decimal)
    }
    if mantissaEnd &- integer <= 21 {
      // Few digits and no exponent. Not normal are "-0", zeros at the end of a fraction, and a fraction that begins with six zeros.
      if point == mantissaEnd {
        if !isZero || integer == start { return (at, nil) }
      } else if self[mantissaEnd &- 1] != UInt8(ascii: "0"), !isZero || self[point &+ 1] != UInt8(ascii: "0") {
        return (at, nil)
      }
    }
    let decimal = decimal(start, integer, point, mantissaEnd, exponent: 0)
    guard decimal.isInRange else { throw JSONError(.numberOutOfRange, at: start) }
    return (at, decimal)
  }

  /// The offset after one or more digits from `start` on.
  @inline(__always) private func skipDigits(from start: Int) throws(JSONError) -> Int {
    var at = start
    while at < byteCount, self[at] &- 0x30 < 10 { at &+= 1 }
    guard at > start else { throw at < byteCount ? JSONError(.number, at: at) : JSONError(.unexpectedEnd, at: at) }
    return at
  }

  /// The exponent after an `e`; one whose size could matter no more is cut.
  private func scanExponent(from start: Int) throws(JSONError) -> (end: Int, value: Int) {
    var digits = start
    var negative = false
    if start < byteCount, self[start] == UInt8(ascii: "+") || self[start] == UInt8(ascii: "-") {
      negative = self[start] == UInt8(ascii: "-")
      digits = start + 1
    }
    let end = try skipDigits(from: digits)
    var value = 0
    for at in digits..<end where value < 1 << 40 { value = value * 10 + Int(self[at] - 0x30) }
    return (end, negative ? -value : value)
  }

  /// The decimal of a number's text: its sign at `start`, its digits at `integer`, the end of the integer part, and that of the fraction.
  private func decimal(_ start: Int, _ integer: Int, _ point: Int, _ end: Int, exponent: Int) -> JSONDecimal {
    var first = integer
    while first < end, self[first] == UInt8(ascii: "0") || self[first] == UInt8(ascii: ".") { first += 1 }
    guard first < end else { return JSONDecimal() }
    var last = end - 1
    while self[last] == UInt8(ascii: "0") || self[last] == UInt8(ascii: ".") { last -= 1 }
    var decimal = JSONDecimal(negative: integer > start, digits: first..<last + 1)
    decimal.count = last + 1 - first - (first < point && last > point ? 1 : 0)
    decimal.order = exponent + (first < point ? point - first : point + 1 - first)
    return decimal
  }

  /// Appends a decimal that was read from this span, in normal form.
  func append(_ decimal: JSONDecimal, to bytes: inout [UInt8]) {
    let (k, n) = (decimal.count, decimal.order)
    guard k > 0 else { return bytes.append(UInt8(ascii: "0")) }
    if decimal.negative { bytes.append(UInt8(ascii: "-")) }
    if n > 21 || n <= -6 {
      appendDigits(of: decimal, pointAfter: k == 1 ? nil : 1, to: &bytes)
      bytes.append(UInt8(ascii: "e"))
      bytes.append(n > 0 ? UInt8(ascii: "+") : UInt8(ascii: "-"))
      JSONText.append(digits: (n - 1).magnitude, to: &bytes)
    } else if n <= 0 {
      bytes.append(UInt8(ascii: "0"))
      bytes.append(UInt8(ascii: "."))
      bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: -n))
      appendDigits(of: decimal, pointAfter: nil, to: &bytes)
    } else {
      appendDigits(of: decimal, pointAfter: n < k ? n : nil, to: &bytes)
      bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: max(0, n - k)))
    }
  }

  private func appendDigits(of decimal: JSONDecimal, pointAfter: Int?, to bytes: inout [UInt8]) {
    var written = 0
    for at in decimal.digits where self[at] != UInt8(ascii: ".") {
      if written == pointAfter { bytes.append(UInt8(ascii: ".")) }
      bytes.append(self[at])
      written += 1
    }
  }
}

extension JSONText {
  /// Appends an integer's digits.
  public static func append(digits value: some FixedWidthInteger & UnsignedInteger, to bytes: inout [UInt8]) {
    let start = bytes.count
    var rest = value
    repeat {
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      bytes.append(0x30 + UInt8(digit))
      rest = quotient
    } while rest > 0
    bytes[start...].reverse()
  }
}
