import EventModel

/// The values of a key's k events that happened last, the last first, over several keys too. In JSON an array of values.
///
///     Recent<2, String>(scan.shipment, when)
///
/// Stored are 33 bytes and the value, for each: keep that below 4 080 bytes for all.
public struct Recent<let k: Int, Value: Codable & Sendable>: Reducible {
  public static var commutative: Bool { true }
  let entries: [Placed<Value>]

  public init(_ value: Value, _ when: Happened) { entries = k > 0 ? [Placed(value, when)] : [] }
  private init(_ entries: [Placed<Value>]) { self.entries = entries }

  /// At most k, the last first.
  public var values: [Value] { entries.map(\.value) }
  /// When the event of each happened.
  public var whens: [Happened] { entries.map(\.when) }

  /// Of one event's values those emitted last are first.
  public func joined(_ later: Recent) -> Recent { Recent(later.entries.merged(entries, limit: k) { $0.when > $1.when }) }

  /// Reads the stored form, an array of `[value, id, digest]`: an answer says less.
  public init(from decoder: any Decoder) throws { entries = try decoder.singleValueContainer().decode([Placed<Value>].self) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if encoder.wantsStoredForm { try container.encode(entries) } else { try container.encode(values) }
  }
}

extension Recent: Equatable where Value: Equatable {}
extension Recent: Hashable where Value: Hashable {}

extension Recent: Compact where Value: Compact {
  public func write(to bytes: inout [UInt8]) { entries.writeAll(to: &bytes) }
  public init(from bytes: inout ArraySlice<UInt8>) throws { entries = try Array(takingAll: &bytes) }
}
