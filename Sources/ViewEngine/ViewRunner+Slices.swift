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
    if try await correct(header) { return (Clock(), false) }
    if header.state == .live {
      if let closed = try await closeServing(header) { return (closed ? header.clock : Clock(), false) }
      guard isFarBehind(header) else { return try await advance(header, to: targets) }
      try await begin()
    } else if !isBuiltOverSame {
      try await begin()
    } else if try await build(header), isBuiltOverSame {
      try await swap(header.number)
    }
    return (Clock(), false)
  }

  /// A slice of a live view.
  private func advance(_ header: ViewHeader, to targets: [Clock]) async throws(StoreError) -> (clock: Clock, level: Bool) {
    guard let (slice, puts, isLast) = try nextSlice(header, to: targets) else {
      if !targets.isEmpty, let closed = try await closeServing(header, evenIfOpen: true) {
        return (closed ? header.clock : Clock(), closed)
      }
      return (header.clock, true)
    }
    if isLast, !slice.leavesWork { setAhead(Ahead(keysOf: slice)) }
    guard try await put(slice, puts) else { return (header.clock, false) }
    return slice.leavesWork ? (Clock(), false) : (slice.after.clock, isLast)
  }

  /// What is missing, if that is little.
  /// - Parameter ahead: what is not on disk yet, nor on its way: it is computed over that, if that can be.
  func shortSlice(to target: Clock, over ahead: Ahead?) throws(StoreError) -> Ahead? {
    let start = try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) -> (ViewHeader, Ahead?)? in
      guard let header = try lives.live(reader)?.header else { return nil }
      guard state.pending(after: header.clock) <= options.aheadRecordsMax, try !hasWork(header, reader, state) else { return nil }
      guard let ahead, ahead.isWhole, ahead.before == header, ahead.cuts == state.cuts, !view.restates else { return (header, nil) }
      return (ahead.after, ahead)
    }
    guard let (header, over) = start, let (slice, _, _) = try nextSlice(header, to: [target], over: over) else { return nil }
    guard slice.after.clock.covers(target), !slice.leavesWork else { return nil }
    return over == nil ? Ahead(slice) : over?.adding(slice)
  }

  /// - Returns: nil, if there is nothing to be read.
  private func nextSlice(
    _ header: ViewHeader, to targets: [Clock], over ahead: Ahead? = nil
  ) throws(StoreError) -> (Slice, PutList, isLast: Bool)? {
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
        return try self.slice(delta, 0..<delta.rows.count, header, figures: figures(delta, header, targets, reader), over: ahead, reader)
      }
      let puts = slice.puts
      // Large totals: a part of it at a time.
      guard Self.bytes(puts) > 3 * options.bytesMax, delta.events > 1 else { return (slice, puts, delta.isLast) }
      recordsMax = delta.events / 2
    }
  }

  func slice(
    _ delta: MappedDelta, _ range: Range<Int>, _ header: ViewHeader, figures: ServedFigures? = nil, over ahead: Ahead? = nil,
    _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) -> Slice {
    let work = ViewWork()
    defer { count(work) }
    return try Slice(delta, range, header, view, options, figures: figures, over: ahead, reader, work)
  }

  // MARK: Putting

  /// Puts a slice.
  func put(_ slice: Slice, _ puts: PutList) async throws(StoreError) -> Bool { try await send(slice, puts).isPut() }

  /// Has the writer put a slice, and learns from it how much that does in the time that a slice may take.
  func send(_ slice: Slice, _ puts: PutList) async -> SentSlice {
    await set.untilReads(areYoungerThan: options.readAgeMax)
    let sent = SentSlice()
    let size = WriteSize(bytes: Self.bytes(puts), events: slice.places(puts))
    @Sendable func put(_ writer: borrowing any StoreWriter & ~Copyable, _ state: SetState) throws(StoreError) -> SlicePut {
      let began = ContinuousClock.now
      return SlicePut(isDone: try slice.apply(puts, writer, state), began: began, ended: ContinuousClock.now)
    }
    set.slice(size, put) { result in
      if case .success(let put) = result { self.learn(put, rows: puts.count) }
      sent.end(result.map(\.isDone))
    }
    return sent
  }

  private struct SlicePut {
    let isDone: Bool
    let began, ended: ContinuousClock.Instant
  }

  private func learn(_ put: SlicePut, rows count: Int) {
    if put.isDone { dropAhead() }
    let took = put.ended - put.began
    // Where a flush takes longer than a slice may, whoever waits for the writer waits for that anyway: less in each would be slower for all.
    let timeMax = max(options.sliceTimeMax, min(ContinuousClock.now - put.ended, options.sliceTimeMax * 4))
    pace.withLock { rows in
      if took > timeMax { rows = max(rows / 2, min(options.rowsMin, options.rowsMax)) }
      if took * 3 < timeMax, count * 2 >= rows { rows = min(rows * 2, options.rowsMax) }
    }
  }

  static func bytes(_ puts: PutList) -> Int { 512 + puts.byteCount }

  /// Goes on with keys whose folds were left unfinished; false: there are none.
  private func mend(_ header: ViewHeader) async throws(StoreError) -> Bool {
    guard view.isFold else { return false }
    let begun = try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
      try Slice(mending: header, view, options, reader, ViewWork(), cuts: state.cuts)
    }
    guard let slice = begun else { return false }
    _ = try await put(slice, slice.puts)
    return true
  }

  /// Goes on with rows whose events' records were cut; false: there are none.
  private func correct(_ header: ViewHeader) async throws(StoreError) -> Bool {
    let begun = try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) -> Slice? in
      guard try Slice.hasMoved(header, reader, state) else { return nil }
      return try Slice(correcting: header, feed, view, options, reader, state, ViewWork())
    }
    guard let slice = begun else { return false }
    _ = try await put(slice, slice.puts)
    return true
  }
}
