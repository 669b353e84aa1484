public import EventModel

// A fixed-point number in two parts, whole + fraction / 10³⁸ with 0 ≤ fraction < 10³⁸: two fractions add up to less than 2¹²⁸, so one
// comparison carries. An event's number is below 2⁶⁴, so 2⁶³ of them add up to less than 2¹²⁷: no sum of rows overflows.

/// An exact decimal: below 2⁶⁴ in magnitude, with up to 38 digits after the point. Read from all the digits that the event's JSON has;
/// `1.50` and `1.5` are equal.
///
///     struct Payment: EventType, Codable { var amount: DecimalNumber }
///     emit(payment.account, Sum(payment.amount))
///
/// An event's number that is beyond these bounds is no `DecimalNumber`: the event is not decoded. Sums may grow to 2¹²⁷ and are exact,
/// past that they wrap around; numbers of events can't get there. Use `EventDecoder`'s exact digits: other decoders hand over doubles.
public struct DecimalNumber: Hashable, Sendable {
  /// The greatest whole number that is not above it.
  let whole: Int128
  /// What is above that, in 10⁻³⁸; below 10³⁸.
  let fraction: UInt128

  static let places = 38
  static let one: UInt128 = 100_000_000_000_000_000_000_000_000_000_000_000_000

  init(whole: Int128, fraction: UInt128) { (self.whole, self.fraction) = (whole, fraction) }

  public init(_ value: some FixedWidthInteger) { self.init(whole: Int128(clamping: value), fraction: 0) }

  /// Reads a JSON number's text: an amount that is a string in its JSON.
  ///
  /// - Returns: nil if it is no number, is 2⁶⁴ or more in magnitude, or has more than 38 digits after the point.
  public init?(_ text: String) {
    guard let json = try? JSON(parsing: [UInt8](text.utf8)) else { return nil }
    self.init(json)
  }

  /// A JSON number; nil as for a text.
  public init?(_ json: JSON) {
    self.init(json, wholeMax: UInt128(UInt64.max))
  }

  init?(_ json: JSON, wholeMax: UInt128) {
    guard json.kind == .number, let decimal = ExactDecimal(json.raw) else { return nil }
    guard decimal.exponent <= Self.places + 1, decimal.digits.count - decimal.exponent <= Self.places else { return nil }
    var (whole, fraction): (UInt128, UInt128) = (0, 0)
    for at in 0..<Swift.max(decimal.exponent, decimal.digits.count) {
      let digit = at < decimal.digits.count ? UInt128(decimal.digits[at]) : 0
      if at < decimal.exponent {
        guard whole <= wholeMax / 10 else { return nil }
        whole = whole * 10 + digit
      } else {
        fraction = fraction * 10 + digit
      }
    }
    for _ in Swift.max(0, decimal.digits.count - decimal.exponent)..<Self.places { fraction *= 10 }
    guard whole <= wholeMax else { return nil }
    let magnitude = DecimalNumber(whole: Int128(truncatingIfNeeded: whole), fraction: fraction)
    self = decimal.negative ? -magnitude : magnitude
  }
}

extension DecimalNumber: AdditiveArithmetic, Comparable, ExpressibleByIntegerLiteral {
  public static let zero = DecimalNumber(whole: 0, fraction: 0)

  public init(integerLiteral value: Int) { self.init(value) }

  public static func + (a: DecimalNumber, b: DecimalNumber) -> DecimalNumber {
    let fraction = a.fraction + b.fraction
    guard fraction >= one else { return DecimalNumber(whole: a.whole &+ b.whole, fraction: fraction) }
    return DecimalNumber(whole: a.whole &+ b.whole &+ 1, fraction: fraction - one)
  }

  public static prefix func - (a: DecimalNumber) -> DecimalNumber {
    guard a.fraction > 0 else { return DecimalNumber(whole: 0 &- a.whole, fraction: 0) }
    return DecimalNumber(whole: -1 &- a.whole, fraction: one - a.fraction)
  }

  public static func - (a: DecimalNumber, b: DecimalNumber) -> DecimalNumber { a + -b }

  public static func < (a: DecimalNumber, b: DecimalNumber) -> Bool { (a.whole, a.fraction) < (b.whole, b.fraction) }
}

extension DecimalNumber: CustomStringConvertible {
  /// As in JSON's normal form, with all digits.
  public var description: String { json.description }

  var json: JSON {
    let negative = whole < 0
    // Of a negative number the magnitude; of −2¹²⁷ that is none of Int128's, but its bits are right.
    let magnitude = negative ? -self : self
    var digits = Self.digits(UInt128(bitPattern: magnitude.whole))
    let exponent = digits.count
    let fraction = Self.digits(magnitude.fraction)
    digits += [UInt8](repeating: 0, count: Self.places - fraction.count) + fraction
    let leading = digits.prefix { $0 == 0 }.count
    digits.removeFirst(leading)
    while digits.last == 0 { digits.removeLast() }
    var text: [UInt8] = []
    ExactDecimal(negative: negative, digits: digits, exponent: digits.isEmpty ? 0 : exponent - leading).write(to: &text)
    return JSON(normalForm: text)
  }

  /// Values 0…9, no leading zero.
  private static func digits(_ value: UInt128) -> [UInt8] {
    var digits: [UInt8] = []
    var rest = value
    while rest > 0 {
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      digits.append(UInt8(digit))
      rest = quotient
    }
    return digits.reversed()
  }
}

extension DecimalNumber: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let json = try container.decode(JSON.self)
    guard let number = DecimalNumber(json, wholeMax: decoder.hasStoredForm ? 1 << 127 : UInt128(UInt64.max)) else {
      let detail = "a number below 18446744073709551616 with at most \(Self.places) digits after the point was expected, not \(json)"
      throw DecodingError.dataCorruptedError(in: container, debugDescription: detail)
    }
    self = number
  }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(json)
  }
}

/// Sorted by value.
extension DecimalNumber: ViewKey {
  public func encode(into bytes: inout KeyBytes) { bytes.append(json) }
}

/// The whole part (zigzag LEB128), the number of digits after the point (1), and these digits as a number (LEB128).
extension DecimalNumber: Compact {
  public func write(to bytes: inout [UInt8]) {
    bytes.appendSigned(whole)
    var (places, digits) = (fraction == 0 ? 0 : Self.places, fraction)
    while places > 0, digits.isMultiple(of: 10) { (places, digits) = (places - 1, digits / 10) }
    bytes.append(UInt8(places))
    bytes.appendVariable(digits)
  }

  public init(from bytes: inout ArraySlice<UInt8>) throws {
    let whole: Int128 = try bytes.takeSigned()
    let places: UInt8 = try bytes.takeBigEndian()
    guard places <= Self.places else { throw CompactError() }
    var (fraction, over) = (try bytes.takeVariable(), false)
    for _ in Int(places)..<Self.places where !over { (fraction, over) = fraction.multipliedReportingOverflow(by: 10) }
    guard !over, fraction < Self.one else { throw CompactError() }
    self.init(whole: whole, fraction: fraction)
  }
}

/// Exactly: no number of rows overflows it.
extension DecimalNumber: Summable {
  public var total: DecimalNumber { self }
  public init(clamping total: DecimalNumber) { self = total }
  public static func add(_ a: DecimalNumber, _ b: DecimalNumber) -> DecimalNumber { a + b }
}
