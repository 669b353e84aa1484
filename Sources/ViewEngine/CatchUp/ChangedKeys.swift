import EventModel
import EventStore
import Synchronization
import ViewKit

/// Which keys the events behind a clock touch, found once for all who follow a view from there.
final class ChangedKeys: Sendable {
  /// Pages that are kept: as far as two followers may be apart.
  private static let pagesMax = 2

  /// A page that is computed by whoever is first; others wait for it.
  private final class Slot: Sendable {
    let start: Clock
    let page = Mutex<ViewChanges?>(nil)

    init(_ start: Clock) { self.start = start }
  }

  /// The latest last.
  private let slots = Mutex<[Slot]>([])

  /// The page behind a clock.
  func page(after clock: Clock, _ feed: DecodedFeed, _ view: CompiledView, rowsMax: Int) throws(StoreError) -> ViewChanges {
    let slot = slots.withLock { slots in
      if let known = slots.first(where: { $0.start == clock }) { return known }
      let slot = Slot(clock)
      slots.append(slot)
      if slots.count > Self.pagesMax { slots.removeFirst() }
      return slot
    }
    let page = slot.page.withLock { page in
      Result { () throws(StoreError) in
        if let page, try feed.isServed(page.clock, after: clock) { return page }
        let read = try Self.read(after: clock, feed, view, rowsMax: rowsMax)
        // Nothing there yet is nothing to be kept.
        page = read.clock == clock ? nil : read
        return read
      }
    }
    return try page.get()
  }

  private static func read(after clock: Clock, _ feed: DecodedFeed, _ view: CompiledView, rowsMax: Int) throws(StoreError) -> ViewChanges {
    var delta = MappedDelta(after: clock)
    let (recordsMax, bytesMax) = (DecodedFeed.recordsMax, DecodedFeed.bytesMax)
    _ = try delta.walk(feed, view, recordsMax: recordsMax, rowsMax: rowsMax, bytesMax: bytesMax)
    try feed.set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in try delta.heedVoids(feed, view, reader) }
    let touched = Set(delta.rows.map(\.key)).map { delta.keys[Int($0)] }
    return ViewChanges(keys: touched.sorted { $0.raw.compare($1.raw) < 0 }, clock: delta.clock, isLast: delta.isLast)
  }
}
