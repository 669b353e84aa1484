import EventModel
import EventStore
import Synchronization
import ViewKit

// A view that is built: under a number of its own, beside the one that answers.

extension ViewRunner {
  /// Whether all of a view is sooner built than the rest is put: row by row in the order of recording nearly each row of a slice is of
  /// another key, whose place on disk is read and written for it alone; sorted first, a row costs about a quarter of that.
  func isFarBehind(_ header: ViewHeader) -> Bool {
    // What was served can only be compared where it was served from.
    if view.restates { return false }
    let pending = set.state.pending(after: header.clock)
    return pending >= options.rebuildRecordsMin && header.nextGroup >= UInt64(options.rowsMax) && pending >= set.state.records / 3
  }

  /// Whether the same records are damaged as when the building began. If not, rows of a part that was put and is not yet at its clock may be
  /// of events that the part doesn't have any more.
  var isBuiltOverSame: Bool { builtOver.withLock { $0 } == set.damaged }

  /// Begins the view under a new number; what was built so far of it is left.
  func begin() async throws(StoreError) {
    let (name, fingerprint) = (view.name, fingerprint)
    builtOver.withLock { $0 = set.damaged }
    try await set.slice(WriteSize(bytes: 512, events: 1)) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      if self.isClosed { return }
      let cursor = try writer.cursor(.view)
      let number: UInt32 = try cursor.last() ? cursor.key.bigEndian(at: 0) + 1 : 0
      for var header in try ViewHeader.all(writer) where header.name == name && header.state == .building {
        header.state = .dead
        try writer.put(.view, header.key.raw, header.bytes.raw)
      }
      let header = ViewHeader(number: number, name: name, fingerprint: fingerprint)
      try writer.put(.view, header.key.raw, header.bytes.raw)
    }
  }

  /// Makes the view that was built the one that answers, in the transaction that ends the old one.
  func swap(_ number: UInt32) async throws(StoreError) {
    let name = view.name
    try await set.slice(WriteSize(bytes: 4096, events: 2)) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      if self.isClosed { return }
      for var header in try ViewHeader.all(writer) where header.name == name {
        header.state = header.number == number ? .live : .dead
        try writer.put(.view, header.key.raw, header.bytes.raw)
      }
    }
  }

  /// Puts the delta, a sorted part at a time, into a view that nobody reads yet; after a crash, what was put of a part is put again, which
  /// changes nothing. While one part is put the next is read and mapped; while one slice is put the next is computed.
  ///
  /// - Returns: whether the view is right at its clock, and little is left to be put: events that keep coming are then taken in by slices.
  func build(_ first: ViewHeader) async throws(StoreError) -> Bool {
    var header = first
    // What was put of a part before, and not to its end, is of records that are held by now.
    let held = set.state.clock
    var read = await part(after: first.clock)
    while let part = try read.get() {
      async let next = part.isLast ? .success(nil) : self.part(after: part.clock)
      let put = await self.put(part, header)
      read = await next
      guard let after = try put.get() else { return false }
      header = after
      if header.clock.covers(held), set.state.pending(after: header.clock) <= UInt64(options.recordsMax) { return true }
      if part.isLast { return false }
    }
    return header.clock == first.clock
  }

  /// The next part of the delta, sorted; nil if there is nothing. Of many events at most half of what is left: nothing is read while the
  /// last part is put, so that is to be a small one. Each part is put into pages all over the view, so there are to be few.
  private func part(after clock: Clock) async -> Result<MappedDelta?, StoreError> {
    Result { () throws(StoreError) in
      var part = MappedDelta(after: clock)
      let (left, few) = (set.state.pending(after: clock), options.rebuildRecordsMin * 4)
      let eventsMax = left > few * 2 ? max(left / 2, few) : left
      repeat {
        let bytesMax = options.buildBytesMax
        guard try part.walk(feed, view, recordsMax: DecodedFeed.recordsMax, rowsMax: .max, bytesMax: bytesMax) else { break }
      } while !part.isLast && part.events < eventsMax && part.bytes < options.buildBytesMax
      if part.clock == clock { return nil }
      try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in try part.heedVoids(feed, view, reader) }
      part.sort()
      return part
    }
  }

  /// - Returns: the view's header behind the part; nil if somebody else has changed the view.
  private func put(_ part: MappedDelta, _ header: ViewHeader) async -> Result<ViewHeader?, StoreError> {
    var header = header
    var start = 0
    var rowsMax = Int.max
    // The slice before, on its way to the disk.
    var sent: SentSlice?
    do throws(StoreError) {
      repeat {
        let range = nextRange(part, start, min(rowsMax, pace.withLock { $0 }))
        // A key whose rows are more than a slice takes is read as the slice before has left it.
        if start > 0, part.rows[start].key == part.rows[start - 1].key, let before = sent {
          sent = nil
          guard try await before.isPut() else { return .success(nil) }
        }
        let slice = try set.read { [header] (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
          try self.slice(part, range, header, reader)
        }
        let puts = slice.puts
        if Self.bytes(puts) > 3 * options.bytesMax, range.count > 1 {
          rowsMax = range.count / 2
          continue
        }
        if let before = sent, try await !before.isPut() { return .success(nil) }
        sent = await send(slice, puts)
        (header, start) = (slice.after, range.upperBound)
      } while header.clock != part.clock
      if let before = sent, try await !before.isPut() { return .success(nil) }
      return .success(header)
    } catch {
      return .failure(error)
    }
  }

  /// The rows of a slice: whole keys where they are not too long.
  private func nextRange(_ part: MappedDelta, _ start: Int, _ max: Int) -> Range<Int> {
    guard part.rows.count - start > max else { return start..<part.rows.count }
    var end = start + max
    while end > start, part.rows[end].key == part.rows[end - 1].key { end -= 1 }
    return start..<(end > start ? end : start + max)
  }
}
