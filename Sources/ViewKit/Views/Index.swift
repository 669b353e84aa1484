import EventModel

/// One instance's events: by each key the events that name it, in order of happening, read with `reduce=false&include_events=true`. Its
/// value is how many there are.
///
///     Index("by-shipment") { if case .scanned(let scan) = $0 { [scan.shipment] } else { [] } }
///
/// A row is a reference, it holds nothing of its event. Two Indexes differ by a closure that no fingerprint shows: raise `version` when
/// it changes meaning.
public struct Index<Event: EventType, RowKey: ViewKey>: ReduceView {
  public let name: String
  public let version: Int
  private let keys: @Sendable (Event) throws -> [RowKey]

  /// - Parameter keys: those that an event is listed by; one that is there twice lists it once. Throwing skips the event.
  public init(_ name: String, version: Int = 1, _ keys: @escaping @Sendable (Event) throws -> [RowKey]) {
    (self.name, self.version, self.keys) = (name, version, keys)
  }

  public func map(_ event: Event, _ when: Happened, emit: inout Emit<RowKey, Count>) throws {
    var seen: Set<RowKey> = []
    for key in try keys(event) where seen.insert(key).inserted { emit(key, Count()) }
  }
}
