import EventModel

/// The value of the event that happened first, over several keys too; in JSON the value.
public struct First<Value: Codable & Sendable>: Reducible {
  public static var commutative: Bool { true }
  public let value: Value
  /// When the event that it comes from happened.
  public let when: Happened

  public init(_ value: Value, _ when: Happened) { (self.value, self.when) = (value, when) }

  /// Of one event's two values the one emitted first.
  public func joined(_ later: First) -> First { later.when < when ? later : self }

  /// Reads the stored form, `[value, id, digest]`: an answer says less.
  public init(from decoder: any Decoder) throws {
    let placed = try Placed<Value>(from: decoder)
    self.init(placed.value, placed.when)
  }
  public func encode(to encoder: any Encoder) throws {
    if encoder.wantsStoredForm { return try Placed(value, when).encode(to: encoder) }
    var container = encoder.singleValueContainer()
    try container.encode(value)
  }
}

/// The value of the event that happened last, over several keys too; in JSON the value.
public struct Last<Value: Codable & Sendable>: Reducible {
  public static var commutative: Bool { true }
  public let value: Value
  /// When the event that it comes from happened.
  public let when: Happened

  public init(_ value: Value, _ when: Happened) { (self.value, self.when) = (value, when) }

  /// Of one event's two values the one emitted last.
  public func joined(_ later: Last) -> Last { later.when < when ? self : later }

  /// Reads the stored form, `[value, id, digest]`: an answer says less.
  public init(from decoder: any Decoder) throws {
    let placed = try Placed<Value>(from: decoder)
    self.init(placed.value, placed.when)
  }
  public func encode(to encoder: any Encoder) throws {
    if encoder.wantsStoredForm { return try Placed(value, when).encode(to: encoder) }
    var container = encoder.singleValueContainer()
    try container.encode(value)
  }
}

extension First: Equatable where Value: Equatable {}
extension First: Hashable where Value: Hashable {}
extension Last: Equatable where Value: Equatable {}
extension Last: Hashable where Value: Hashable {}

extension First: Compact where Value: Compact {
  public func write(to bytes: inout [UInt8]) {
    when.write(to: &bytes)
    value.write(to: &bytes)
  }
  public init(from bytes: inout ArraySlice<UInt8>) throws {
    when = try Happened(from: &bytes)
    value = try Value(from: &bytes)
  }
}

extension Last: Compact where Value: Compact {
  public func write(to bytes: inout [UInt8]) {
    when.write(to: &bytes)
    value.write(to: &bytes)
  }
  public init(from bytes: inout ArraySlice<UInt8>) throws {
    when = try Happened(from: &bytes)
    value = try Value(from: &bytes)
  }
}
