import EventModel

/// The k greatest of a key's values, the greatest first; of equal ones those that happened first. In JSON an array of values.
///
///     Top<3, Ranked<Double, String>>(Ranked(by: scan.weightKg, scan.shipment), when)
///
/// A value may be there several times, from several events. NaN is below everything. Stored are 33 bytes and the value, for each: keep
/// that below 4 080 bytes for all.
public struct Top<let k: Int, Value: Comparable & Codable & Sendable>: Reducible {
  public static var commutative: Bool { true }
  let entries: [Placed<Value>]

  public init(_ value: Value, _ when: Happened) { entries = k > 0 ? [Placed(value, when)] : [] }
  private init(_ entries: [Placed<Value>]) { self.entries = entries }

  /// At most k, the greatest first.
  public var values: [Value] { entries.map(\.value) }
  /// When the event of each happened.
  public var whens: [Happened] { entries.map(\.when) }

  /// Of one event's equal values those emitted first.
  public func joined(_ later: Top) -> Top {
    Top(
      entries.merged(later.entries, limit: k) { a, b in
        if isWithin(a.value, above: b.value) { return true }
        return !isWithin(b.value, above: a.value) && a.when < b.when
      })
  }

  /// Reads the stored form, an array of `[value, id, digest]`: an answer says less.
  public init(from decoder: any Decoder) throws { entries = try decoder.singleValueContainer().decode([Placed<Value>].self) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if encoder.wantsStoredForm { try container.encode(entries) } else { try container.encode(values) }
  }
}

extension Top: Equatable where Value: Equatable {}
extension Top: Hashable where Value: Hashable {}

extension Top: Compact where Value: Compact {
  public func write(to bytes: inout [UInt8]) { entries.writeAll(to: &bytes) }
  public init(from bytes: inout ArraySlice<UInt8>) throws { entries = try Array(takingAll: &bytes) }
}

/// Something, and the number (or whatever compares) that it is ranked by; of equal numbers the greater item is above. In JSON
/// `{"by":12.5,"item":"S1"}`.
public struct Ranked<By: Comparable & Codable & Sendable, Item: Comparable & Codable & Sendable>: Comparable, Codable, Sendable {
  public let by: By
  public let item: Item

  public init(by: By, _ item: Item) { (self.by, self.item) = (by, item) }

  public static func < (a: Ranked, b: Ranked) -> Bool {
    if isWithin(b.by, above: a.by) { return true }
    return !isWithin(a.by, above: b.by) && isWithin(b.item, above: a.item)
  }
}

extension Ranked: Hashable where By: Hashable, Item: Hashable {}

extension Ranked: Compact where By: Compact, Item: Compact {
  public func write(to bytes: inout [UInt8]) {
    by.write(to: &bytes)
    item.write(to: &bytes)
  }
  public init(from bytes: inout ArraySlice<UInt8>) throws {
    by = try By(from: &bytes)
    item = try Item(from: &bytes)
  }
}
