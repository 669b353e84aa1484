import EventModel
import EventStore
import Synchronization
import ViewKit

// What a catch-up does in one step. A live view takes slices: a consecutive part of the delta each, right at its clock after every one. A
// view that is new, or means something else than before, or is so far behind that it is cheaper, is built under a number of its own, beside
// the one that answers: nobody reads it before it is level, so as many rows as memory may hold are sorted at a time, and its clock moves
// when all of them are in. Then they swap.

extension ViewRunner {
  /// One step: reads and maps on snapshots, then puts in transactions of its own.
  ///
  /// - Parameter targets: what those wait for who are to read the view.
  /// - Returns: the clock that the view is right at (none, if it isn't yet), and whether that is all that the database held.
  func step(to targets: [Clock] = []) async throws(StoreError) -> (clock: Clock, level: Bool) {
    let headers = try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in try self.headers(reader) }
    guard let header = headers.building ?? headers.live else {
      try await begin()
      return (Clock(), false)
    }
    if try await mend(header) { return (Clock(), false) }
    if header.state == .live {
      if let closed = try await closeServing(header) { return (closed ? header.clock : Clock(), false) }
      guard isFarBehind(header) else { return try await advance(header, to: targets) }
      try await begin()
    } else if try await build(header) {
      try await swap(header.number)
    }
    return (Clock(), false)
  }

  /// Whether all of a view is sooner built than the rest is put: row by row in the order of recording nearly each row of a slice is of
  /// another key, whose place on disk is read and written for it alone; sorted first, a row costs about a quarter of that.
  private func isFarBehind(_ header: ViewHeader) -> Bool {
    // What was served can only be compared where it was served from.
    if view.restates { return false }
    let pending = set.state.pending(after: header.clock)
    return pending >= options.rebuildRecordsMin && header.nextGroup >= UInt64(options.rowsMax) && pending >= set.state.records / 3
  }

  // MARK: A live view

  /// A slice of a live view.
  private func advance(_ header: ViewHeader, to targets: [Clock]) async throws(StoreError) -> (clock: Clock, level: Bool) {
    guard let (slice, puts, isLast) = try nextSlice(header, to: targets) else {
      if !targets.isEmpty, let closed = try await closeServing(header, evenIfOpen: true) {
        return (closed ? header.clock : Clock(), closed)
      }
      return (header.clock, true)
    }
    if isLast { setAhead(slice) }
    guard try await put(slice, puts) else { return (header.clock, false) }
    return slice.leavesWork ? (Clock(), false) : (slice.after.clock, isLast)
  }

  /// The last slice, if little is missing.
  func shortSlice(to target: Clock) throws(StoreError) -> Slice? {
    let header = try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) -> ViewHeader? in
      let headers = try headers(reader)
      guard headers.building == nil, let header = headers.live else { return nil }
      guard state.pending(after: header.clock) <= options.aheadRecordsMax else { return nil }
      return try hasWork(header, reader) ? nil : header
    }
    guard let header, let (slice, _, _) = try nextSlice(header, to: [target]) else { return nil }
    return slice.after.clock.covers(target) && !slice.leavesWork ? slice : nil
  }

  /// - Returns: nil, if there is nothing to be read.
  private func nextSlice(_ header: ViewHeader, to targets: [Clock]) throws(StoreError) -> (Slice, [Put], isLast: Bool)? {
    var recordsMax = options.recordsMax
    while true {
      var delta = MappedDelta(after: header.clock)
      let rowsMax = pace.withLock { $0 }
      repeat {
        let left = recordsMax - delta.events
        guard try delta.walk(feed, view, recordsMax: left, rowsMax: rowsMax, bytesMax: options.bytesMax) else { break }
      } while !delta.isLast && delta.events < recordsMax && delta.rows.count < rowsMax && delta.bytes < options.bytesMax
      if delta.clock == header.clock { return nil }
      let slice = try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
        try delta.heedVoids(feed, view, reader)
        delta.sort()
        return try self.slice(delta, 0..<delta.rows.count, header, figures: figures(delta, header, targets, reader), reader)
      }
      let puts = slice.puts
      // Large totals: a part of it at a time.
      guard Self.bytes(puts) > 3 * options.bytesMax, delta.events > 1 else { return (slice, puts, delta.isLast) }
      recordsMax = delta.events / 2
    }
  }

  private func slice(
    _ delta: MappedDelta, _ range: Range<Int>, _ header: ViewHeader, figures: ServedFigures? = nil,
    _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) -> Slice {
    let work = ViewWork()
    defer { count(work) }
    return try Slice(delta, range, header, view, options, figures: figures, reader, work)
  }

  // MARK: A view that is built

  /// Puts the delta, a sorted part at a time, into a view that nobody reads yet; after a crash, what was put of a part is put again, which
  /// changes nothing. While one part is put the next is read and mapped; while one slice is put the next is computed.
  ///
  /// - Returns: whether there was nothing left to put.
  private func build(_ first: ViewHeader) async throws(StoreError) -> Bool {
    var header = first
    var read = await part(after: first.clock)
    while let part = try read.get() {
      async let next = part.isLast ? .success(nil) : self.part(after: part.clock)
      let put = await self.put(part, header)
      read = await next
      guard let after = try put.get() else { return false }
      header = after
      if part.isLast { return false }
    }
    return header.clock == first.clock
  }

  /// The next part of the delta, sorted; nil if there is nothing.
  private func part(after clock: Clock) async -> Result<MappedDelta?, StoreError> {
    Result { () throws(StoreError) in
      var part = MappedDelta(after: clock)
      repeat {
        let bytesMax = options.buildBytesMax
        guard try part.walk(feed, view, recordsMax: DecodedFeed.recordsMax, rowsMax: .max, bytesMax: bytesMax) else { break }
      } while !part.isLast && part.bytes < options.buildBytesMax
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
    var committing: Task<Result<Bool, StoreError>, Never>?
    do throws(StoreError) {
      repeat {
        let range = nextRange(part, start, min(rowsMax, pace.withLock { $0 }))
        // A key whose rows are more than a slice takes is read as the slice before has left it.
        if start > 0, part.rows[start].key == part.rows[start - 1].key, let before = committing {
          committing = nil
          guard try await before.value.get() else { return .success(nil) }
        }
        let slice = try set.read { [header] (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
          try self.slice(part, range, header, reader)
        }
        let puts = slice.puts
        if Self.bytes(puts) > 3 * options.bytesMax, range.count > 1 {
          rowsMax = range.count / 2
          continue
        }
        if let before = committing, try await !before.value.get() { return .success(nil) }
        committing = Task(executorPreference: options.executor) { await self.result(of: slice, puts) }
        (header, start) = (slice.after, range.upperBound)
      } while header.clock != part.clock
      if let before = committing, try await !before.value.get() { return .success(nil) }
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

  private func result(of slice: Slice, _ puts: [Put]) async -> Result<Bool, StoreError> {
    do throws(StoreError) { return .success(try await put(slice, puts)) } catch { return .failure(error) }
  }

  // MARK: Both

  /// Puts a slice, and learns from it how much the writer does in the time that a slice may take.
  func put(_ slice: Slice, _ puts: [Put]) async throws(StoreError) -> Bool {
    await set.untilReads(areYoungerThan: options.readAgeMax)
    let size = WriteSize(bytes: Self.bytes(puts), events: slice.places(puts))
    let (isDone, began, ended) = try await set.slice(size) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      let began = ContinuousClock.now
      return (try slice.apply(puts, writer), began, ContinuousClock.now)
    }
    let took = ended - began
    // Where a flush takes longer than a slice may, whoever waits for the writer waits for that anyway: less in each would be slower for all.
    let timeMax = max(options.sliceTimeMax, min(ContinuousClock.now - ended, options.sliceTimeMax * 4))
    if isDone { dropAhead() }
    pace.withLock { rows in
      if took > timeMax { rows = max(rows / 2, min(options.rowsMin, options.rowsMax)) }
      if took * 3 < timeMax, puts.count * 2 >= rows { rows = min(rows * 2, options.rowsMax) }
    }
    return isDone
  }

  /// Queues a slice to be put. If it can't be, whoever comes next finds the same work, and hears why.
  func queue(_ slice: Slice, then: @escaping @Sendable () -> Void) {
    let puts = slice.puts
    let size = WriteSize(bytes: Self.bytes(puts), events: slice.places(puts))
    set.slice(size) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      try slice.apply(puts, writer)
    } done: { result in
      if case .success(true) = result { self.dropAhead() }
      then()
    }
  }

  private static func bytes(_ puts: [Put]) -> Int { puts.reduce(512) { $0 + $1.key.count + ($1.value?.count ?? 0) } }

  /// Goes on with keys whose folds were left unfinished; false: there are none.
  private func mend(_ header: ViewHeader) async throws(StoreError) -> Bool {
    guard view.isFold else { return false }
    let begun = try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      try Slice(mending: header, view, options, reader, ViewWork())
    }
    guard let slice = begun else { return false }
    _ = try await put(slice, slice.puts)
    return true
  }

  // MARK: Versions

  /// Begins the view under a new number.
  private func begin() async throws(StoreError) {
    let (name, fingerprint) = (view.name, fingerprint)
    try await set.slice(WriteSize(bytes: 512, events: 1)) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      if self.isClosed { return }
      let cursor = try writer.cursor(.view)
      let number: UInt32 = try cursor.last() ? cursor.key.bigEndian(at: 0) + 1 : 0
      let header = ViewHeader(number: number, name: name, fingerprint: fingerprint)
      try writer.put(.view, header.key.raw, header.bytes.raw)
    }
  }

  /// Makes the view that was built the one that answers, in the transaction that ends the old one.
  private func swap(_ number: UInt32) async throws(StoreError) {
    let name = view.name
    try await set.slice(WriteSize(bytes: 4096, events: 2)) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      if self.isClosed { return }
      for var header in try ViewHeader.all(writer) where header.name == name {
        header.state = header.number == number ? .live : .dead
        try writer.put(.view, header.key.raw, header.bytes.raw)
      }
    }
  }

  /// Deletes rows of what is left of other versions, a slice of them; false: there is nothing.
  func sweep() async throws(StoreError) -> Bool {
    let leftover = try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      try headers(reader).leftovers.first
    }
    guard let leftover else { return false }
    return try await Self.sweep(leftover, set, options)
  }

  /// Deletes rows of a view that nobody reads any more, a slice of them; false: there is nothing left.
  static func sweep(_ header: ViewHeader, _ set: EventSet, _ options: ViewEngineOptions) async throws(StoreError) -> Bool {
    let keys = try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) -> [[UInt8]] in
      try Self.keys(of: header, max: options.rowsMax, reader)
    }
    guard !keys.isEmpty else { return false }
    await set.untilReads(areYoungerThan: options.readAgeMax)
    let size = WriteSize(bytes: keys.reduce(0) { $0 + $1.count }, events: keys.count)
    try await set.slice(size) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      for key in keys { try writer.delete(.view, key.raw) }
    }
    return true
  }

  /// Keys of a view, at most `max`: its last ones first, so that the header goes when nothing else is left.
  private static func keys(
    of header: ViewHeader, max: Int, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) -> [[UInt8]] {
    var keys: [[UInt8]] = []
    let cursor = try reader.cursor(.view)
    let end = header.number < .max ? ViewKeys.prefix(header.number + 1, .header) : nil
    var found = if let end, try cursor.seek(end.raw) { try cursor.previous() } else { try cursor.last() }
    while found, keys.count < max, cursor.key.bigEndian(at: 0, as: UInt32.self) == header.number {
      keys.append([UInt8](copying: cursor.key))
      found = try cursor.previous()
    }
    return keys
  }
}
