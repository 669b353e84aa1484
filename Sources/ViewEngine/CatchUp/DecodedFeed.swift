import EventModel
import EventStore
import Synchronization
import ViewKit

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

  /// A page that is read by whoever is first; others wait for it.
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
        page = read.count == 0 ? nil : read
        return read
      }
    }
    return try page.get()
  }

  /// Reads and decodes the page behind a clock on another thread, if one is free, for whoever asks for it next.
  func prefetch(after clock: Clock) {
    Task.detached(executorPreference: ViewThreads.shared) {
      // A fault is found again by who needs the page.
      try? self.page(after: clock, recordsMax: Self.recordsMax).decode(self.database)
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
    var chunk: [DecodedChunk.Read] = []
    page.clock = try set.feed(after: clock, recordsMax: recordsMax, repeats: true, digests: true) { (event, body) throws(StoreError) in
      let json = JSON(normalForm: [UInt8](copying: body))
      if event.isVoid { page.voids.formUnion(json.voids) }
      if !event.voidedBy.isEmpty { page.voids.insert(event.ulid) }
      let when = Happened(id: event.ulid, digest: event.digest ?? Digest.sha256(body).first16)
      chunk.append((json, when, event.first.hlc))
      if chunk.count == DecodedChunk.eventsMax {
        page.chunks.append(DecodedChunk(chunk))
        chunk.removeAll(keepingCapacity: true)
      }
      page.count += 1
      bytes += body.byteCount
      return bytes < Self.bytesMax
    }.clock
    if !chunk.isEmpty { page.chunks.append(DecodedChunk(chunk)) }
    return page
  }
}

extension JSON {
  /// What a body's `_voids` lists: in normal form an array of ULIDs.
  fileprivate var voids: [ULID] { self["_voids"]?.elements?.compactMap { $0.string.flatMap { ULID($0) } } ?? [] }
}
