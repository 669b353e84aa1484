import EventModel
import EventStore
import Synchronization
import ViewKit

/// A consecutive part of the feed, read and decoded for all views of a database.
struct DecodedPage: Sendable {
  struct Event: Sendable {
    let event: DecodedEvent
    let when: Happened
    /// The least HLC of the element's dots.
    let recorded: HLC
  }

  var events: [Event] = []
  /// What void events of this page declare wrong, and ULIDs of its events that any event held declares wrong.
  var voids: Set<ULID> = []
  /// Where the feed stands after it.
  var clock: Clock
}

/// Decodes the feed once for all of a database's views that catch up over the same events at about the same time.
final class DecodedFeed: Sendable {
  /// What a page holds at most, but for its last event.
  static let recordsMax = 1024
  static let bytesMax = 1 << 20
  /// Pages that are kept: as far as two views may be apart.
  private static let pagesMax = 4

  let set: EventSet
  let database: CompiledDatabase
  /// The latest last.
  private let slots = Mutex<[Slot]>([])

  /// A page that is decoded by whoever is first; others wait for it.
  private final class Slot: Sendable {
    let start: Clock
    let recordsMax: Int
    /// The set's, when it was read: a cut changes which HLC is an event's least.
    let cuts: UInt64
    let page = Mutex<DecodedPage?>(nil)

    init(_ start: Clock, _ recordsMax: Int, _ cuts: UInt64) { (self.start, self.recordsMax, self.cuts) = (start, recordsMax, cuts) }

    func serves(_ start: Clock, _ recordsMax: Int, _ cuts: UInt64) -> Bool {
      self.recordsMax == recordsMax && self.cuts == cuts && self.start == start
    }
  }

  init(_ set: EventSet, _ database: CompiledDatabase) { (self.set, self.database) = (set, database) }

  /// The events behind a clock, at least one record and at most `recordsMax`. Events come again at each of their dots.
  func page(after clock: Clock, recordsMax: Int) throws(StoreError) -> DecodedPage {
    let recordsMax = min(max(recordsMax, 1), Self.recordsMax)
    let cuts = set.state.cuts
    let slot = slots.withLock { slots in
      if let known = slots.first(where: { $0.serves(clock, recordsMax, cuts) }) { return known }
      let slot = Slot(clock, recordsMax, cuts)
      slots.append(slot)
      if slots.count > Self.pagesMax { slots.removeFirst() }
      return slot
    }
    let page = slot.page.withLock { page in
      Result { () throws(StoreError) in
        if let page, try isServed(page.clock, after: clock) { return page }
        let read = try read(after: clock, recordsMax)
        // Nothing there yet is nothing to be kept.
        page = read.events.isEmpty ? nil : read
        return read
      }
    }
    return try page.get()
  }

  /// Decodes the page behind a clock on another thread, if one is free, for whoever asks for it next.
  func prefetch(after clock: Clock) {
    Task.detached(executorPreference: ViewThreads.shared) {
      // A fault is found again by who needs the page.
      _ = try? self.page(after: clock, recordsMax: Self.recordsMax)
    }
  }

  /// Lets go of what is kept.
  func forget() { slots.withLock { $0 = [] } }

  /// Whether the logs still are what was read of them: one that lost a fork holds other records now.
  func isServed(_ clock: Clock, after start: Clock) throws(StoreError) -> Bool {
    let read = Clock(clock.entries.filter { start.entry($0.origin) != $0 })
    return try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) -> Bool in
      guard state.clock.covers(read) else { return false }
      return try set.trusted(read, reader, state) == read
    }
  }

  private func read(after clock: Clock, _ recordsMax: Int) throws(StoreError) -> DecodedPage {
    var page = DecodedPage(clock: clock)
    var bytes = 0
    page.events.reserveCapacity(min(recordsMax, 64))
    page.clock = try set.feed(after: clock, recordsMax: recordsMax, repeats: true) { (event, body) throws(StoreError) in
      let decoded = database.decode(JSON(normalForm: [UInt8](copying: body)))
      if event.isVoid { page.voids.formUnion(decoded.body.voids) }
      if !event.voidedBy.isEmpty { page.voids.insert(event.ulid) }
      let when = Happened(id: event.ulid, digest: Digest.sha256(body).first16)
      page.events.append(DecodedPage.Event(event: decoded, when: when, recorded: event.first.hlc))
      bytes += body.byteCount
      return bytes < Self.bytesMax
    }.clock
    return page
  }
}

extension JSON {
  /// What a body's `_voids` lists: in normal form an array of ULIDs.
  fileprivate var voids: [ULID] { self["_voids"]?.elements?.compactMap { $0.string.flatMap { ULID($0) } } ?? [] }
}
