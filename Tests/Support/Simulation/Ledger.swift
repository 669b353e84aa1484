import EventStore

/// What was asked of a cluster, what it promised, and what of that nobody can keep.
struct Ledger {
  /// Every event that a client tried to record.
  private(set) var events: [ElementID: Happening] = [:]
  /// In the order of the attempts: a dictionary's is another one in each process.
  private(set) var order: [ElementID] = []
  /// Those of which a node said that it has them on disk.
  private(set) var acknowledged: Set<ElementID> = []
  /// Those that were destroyed with the last disk that held them.
  private(set) var destroyed: Set<ElementID> = []

  mutating func attempt(_ events: [Happening]) {
    for event in events where self.events.updateValue(event, forKey: event.id) == nil { order.append(event.id) }
  }

  mutating func acknowledge(_ events: [Happening]) { acknowledged.formUnion(events.map(\.id)) }
  mutating func destroy(_ ids: Set<ElementID>) { destroyed.formUnion(ids) }

  func events(_ ids: Set<ElementID>) -> [Happening] { ids.compactMap { events[$0] } }
}
