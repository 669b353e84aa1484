/// What `Sum` can add up.
public protocol Summable: Codable, Hashable, Sendable {
  /// Holds any sum of 2⁶³ numbers.
  associatedtype Total: Codable & Hashable & Compact
  var total: Total { get }
  /// The nearest number to a total.
  init(clamping total: Total)
  static func add(_ a: Total, _ b: Total) -> Total
}

/// Exactly, in 128 bits: no number of rows overflows it.
extension Int: Summable {
  public var total: Int128 { Int128(self) }
  public init(clamping total: Int128) { self = total > Int128(Int.max) ? .max : total < Int128(Int.min) ? .min : Int(total) }
  public static func add(_ a: Int128, _ b: Int128) -> Int128 { a &+ b }
}

/// By plain additions in the order of the rows; past the greatest double a sum is infinite, which is `null` in an answer.
extension Double: Summable {
  public var total: Double { canonical }
  public init(clamping total: Double) { self = total }
  public static func add(_ a: Double, _ b: Double) -> Double { (a + b).canonical }
}

/// The sum of a key's numbers, `Sum<Int>` and `Sum<DecimalNumber>` exact, `Sum<Double>` in order of happening; in JSON a number.
///
/// A `Sum<Int>` can't overflow: it holds 128 bits and answers with all its digits; only `sum` is clamped to what an `Int` holds.
public struct Sum<Value: Summable>: Reducible, Compact, Hashable {
  public static var commutative: Bool { true }
  public let total: Value.Total

  public init(_ value: Value) { total = value.total }
  private init(total: Value.Total) { self.total = total }

  /// The sum, or the nearest value to it.
  public var sum: Value { Value(clamping: total) }

  public func joined(_ later: Sum) -> Sum { Sum(total: Value.add(total, later.total)) }

  public init(from decoder: any Decoder) throws { total = try decoder.singleValueContainer().decode(Value.Total.self) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(total)
  }

  public func write(to bytes: inout [UInt8]) { total.write(to: &bytes) }
  public init(from bytes: inout ArraySlice<UInt8>) throws { total = try Value.Total(from: &bytes) }
}
