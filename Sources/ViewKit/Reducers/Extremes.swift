/// The least of a key's values; of equal ones the first. In JSON the value.
public struct Min<Value: Comparable & Codable & Sendable>: Reducible {
  public static var commutative: Bool { true }
  public let min: Value

  public init(_ value: Value) { min = value }

  public func joined(_ later: Min) -> Min { isWithin(later.min, below: min) ? later : self }

  public init(from decoder: any Decoder) throws { min = try decoder.singleValueContainer().decode(Value.self) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(min)
  }
}

/// The greatest of a key's values; of equal ones the first. In JSON the value.
public struct Max<Value: Comparable & Codable & Sendable>: Reducible {
  public static var commutative: Bool { true }
  public let max: Value

  public init(_ value: Value) { max = value }

  public func joined(_ later: Max) -> Max { isWithin(later.max, above: max) ? later : self }

  public init(from decoder: any Decoder) throws { max = try decoder.singleValueContainer().decode(Value.self) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(max)
  }
}

extension Min: Equatable where Value: Equatable {}
extension Min: Hashable where Value: Hashable {}
extension Max: Equatable where Value: Equatable {}
extension Max: Hashable where Value: Hashable {}

extension Min: Compact where Value: Compact {
  public func write(to bytes: inout [UInt8]) { min.write(to: &bytes) }
  public init(from bytes: inout ArraySlice<UInt8>) throws { min = try Value(from: &bytes) }
}

extension Max: Compact where Value: Compact {
  public func write(to bytes: inout [UInt8]) { max.write(to: &bytes) }
  public init(from bytes: inout ArraySlice<UInt8>) throws { max = try Value(from: &bytes) }
}

/// Whether a later value takes the place of the least so far. NaN, which is unequal to itself, gives way to anything: comparing alone
/// would not be associative.
func isWithin<Value: Comparable>(_ later: Value, below value: Value) -> Bool { value != value ? later == later : later < value }

/// Whether a later value takes the place of the greatest so far.
func isWithin<Value: Comparable>(_ later: Value, above value: Value) -> Bool { value != value ? later == later : later > value }
