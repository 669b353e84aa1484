package import EventModel
import EventStore
import ViewKit

/// Whether a view can be read as it is wanted.
package enum ViewReading: Sendable {
  case ready(ViewListing)
  /// First it must have caught up to this clock.
  case behind(Clock)
}

extension ViewEngine {
  /// A page of a view, to be read now.
  ///
  /// Where nobody waits for it, an old version of the view answers, with the values that it stored, until the new one is built.
  /// - Parameter update: `lazy` starts nothing here: `startCatchUp`.
  /// - Throws: `clockNotHeld`, if the query names a clock that this node doesn't cover, or whose logs are others than those held;
  ///   `notCommutative`.
  /// - Complexity: two look-ups.
  package func listing(_ view: String, _ query: ViewQuery, update: ViewUpdate) throws(ViewError) -> ViewReading {
    try reading(view, query, update, oldAnswers: true)
  }

  private func reading(
    _ view: String, _ query: ViewQuery, _ update: ViewUpdate, oldAnswers: Bool
  ) throws(ViewError) -> ViewReading {
    let runner = try runner(view)
    if case .joined = query.shape, !runner.view.commutative { throw .notCommutative }
    let reading = try self.reading(runner, query, update, oldAnswers: oldAnswers)
    // Where little is missing, that is computed here; a few keys are answered from it before it is on disk.
    if case .behind(let clock) = reading, query.isOfFewKeys, try runner.isComputed(to: clock) {
      return try self.reading(runner, query, update, oldAnswers: oldAnswers)
    }
    return reading
  }

  private func reading(
    _ runner: ViewRunner, _ query: ViewQuery, _ update: ViewUpdate, oldAnswers: Bool
  ) throws(ViewError) -> ViewReading {
    let set = set
    // Before the snapshot is taken.
    let ahead = query.isOfFewKeys ? runner.ahead : nil
    let (reading, missing): (ViewReading, [Clock.Range])
    do throws(StoreError) {
      (reading, missing) = try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
        let listing = ViewListing(set, runner, query, nil)
        if let known = query.known {
          let missing = try Self.missing(known, set, reader, state)
          if !missing.isEmpty { return (.ready(listing), missing) }
        }
        let live = try runner.lives.live(reader)
        let over = ahead?.before == live?.header && ahead?.cuts == state.cuts ? ahead : nil
        let target: Clock? =
          switch update {
          case _ where query.known != nil: query.known
          case .first: state.clock
          // A damaged record that was found meanwhile has ended its log sooner: what can't be read is not waited for.
          case .to(let clock): state.clock.covers(clock) ? clock : clock.common(with: state.clock)
          // Rows are there of events that its clock doesn't cover any more: it is put right first.
          case .no, .lazy: try Self.owes(live?.header, reader, state) ? state.clock : nil
          }
        if let target, over?.after.clock.covers(target) != true {
          guard let live, live.header.clock.covers(target) else { return (.behind(target), []) }
          // Rows that are not folded yet can be folded for a reader, but better once for all; `to` has waited for that.
          var waits = true
          if case .to = update { waits = false }
          if waits, try runner.hasWork(live.header, reader, state) { return (.behind(target), []) }
        }
        if let over { return (.ready(ViewListing(set, runner, query, over.after.clock, over: over)), []) }
        if let live {
          let token = query.known == nil ? live.token : nil
          return (.ready(ViewListing(set, runner, query, query.known ?? live.header.clock, token: token)), [])
        }
        guard oldAnswers, let old = try runner.headers(reader).old else { return (.ready(listing), []) }
        // What isn't stored can't be computed here: the old version's code is gone.
        return (query.isComputed ? .behind(Clock()) : .ready(ViewListing(set, runner, query, old.clock)), [])
      }
    } catch {
      throw .store(error)
    }
    guard missing.isEmpty else { throw .clockNotHeld(missing) }
    if case .ready = reading { runner.sweepOnce() }
    return reading
  }

  /// What a clock covers and this node doesn't hold. An entry of another log than the one held counts for nothing.
  private static func missing(
    _ clock: Clock, _ set: EventSet, _ reader: borrowing any StoreReader & ~Copyable, _ state: SetState
  ) throws(StoreError) -> [Clock.Range] {
    let trusted = try set.trusted(clock, reader, state)
    return clock.delta(beyond: Clock(state.clock.entries.filter { clock[$0.origin] == trusted[$0.origin] }))
  }

  /// A page of a view, when it has caught up as far as the query wants.
  private func ready(
    _ view: String, _ query: ViewQuery, _ update: ViewUpdate, oldAnswers: Bool
  ) async throws(ViewError) -> ViewListing {
    var update = update
    while true {
      switch try reading(view, query, update, oldAnswers: oldAnswers) {
      case .ready(let listing): return listing
      case .behind(let clock):
        try await catchUp(view, to: clock, for: query)
        // What came since needn't be in it.
        update = .to(clock)
      }
    }
  }

  /// What `lazy` means, after the read: the answer is what is there, and doesn't wait for the catch-up's processor time.
  private func start(_ view: String, _ update: ViewUpdate) {
    if case .lazy = update { try? startCatchUp(view) }
  }

  /// The rows of a view, with the clock that they are right at.
  ///
  /// - Parameter separator: between rows: a comma, or a newline.
  /// - Throws: `cancelled` when the task was cancelled before the view was up to date.
  /// - Complexity: O(rows of the page) after the catch-up; one key: O(log keys).
  package func rows(
    _ view: String, _ query: ViewQuery = ViewQuery(), update: ViewUpdate = .first, separator: UInt8 = UInt8(ascii: ",")
  ) async throws(ViewError) -> ViewPage {
    var listing = try await ready(view, query, update, oldAnswers: true)
    defer { start(view, update) }
    var page = ViewPage()
    var goesOn = true
    while goesOn, page.rows.count < query.bytesMax {
      goesOn = try listing.read(bytesMax: query.bytesMax - page.rows.count) { (_, _) in
        true
      } _: { (key, value, element) throws(StoreError) in
        let before = page.rows.count
        if before > 0 { page.rows.append(separator) }
        page.rows.append(UInt8(ascii: "{"))
        if let element { page.rows.append(contentsOf: "\"id\":\"\(element.ulid)\",".utf8) }
        page.rows.append(contentsOf: #""key":"#.utf8)
        do throws(KeyError) { try KeyBytes.writeJSON(key, to: &page.rows) } catch {
          throw StoreError(.damaged, "view \(view): \(error)")
        }
        page.rows.append(contentsOf: #","value":"#.utf8)
        page.rows.append(copying: value)
        page.rows.append(UInt8(ascii: "}"))
        return page.rows.count - before
      }
    }
    (page.clock, page.count, page.cursor) = (listing.clock, listing.count, listing.cursor)
    return page
  }

  /// The totals of a view's keys, for reading by the view's own types: `ReduceView.value(ofTotal:key:)`.
  package func totals(
    _ view: String, _ query: ViewQuery = ViewQuery(), update: ViewUpdate = .first
  ) async throws(ViewError) -> (totals: [(key: [UInt8], total: [UInt8])], clock: Clock, cursor: [UInt8]?) {
    var listing = try await ready(view, query, update, oldAnswers: false)
    defer { start(view, update) }
    return try Self.totals(&listing, bytesMax: query.bytesMax)
  }

  /// The totals of a page.
  package static func totals(
    _ listing: inout ViewListing, bytesMax: Int
  ) throws(ViewError) -> (totals: [(key: [UInt8], total: [UInt8])], clock: Clock, cursor: [UInt8]?) {
    var totals: [(key: [UInt8], total: [UInt8])] = []
    var (bytes, goesOn) = (0, true)
    while goesOn, bytes < bytesMax {
      goesOn = try listing.readTotals(bytesMax: bytesMax - bytes) { (key, row) throws(StoreError) -> Int in
        guard case .value(let total) = try KeyRow(reading: row).total else { return 0 }
        totals.append(([UInt8](copying: key), total))
        bytes += key.byteCount + total.count
        return key.byteCount + total.count
      }
    }
    return (totals, listing.clock, listing.cursor)
  }

  /// Visits one key's stored value: a point read, nothing waits for anything. A few records that the view lacks are read here first.
  ///
  /// - Parameter body: takes the clock's token and the value's JSON; empty: the view has none.
  /// - Returns: nil: the view must catch up, or the value be computed first.
  /// - Complexity: O(log keys): two look-ups, and what a late event costs for each of at most `shortRecordsMax` records.
  package func value<R>(
    _ view: String, _ key: [UInt8], _ body: (String, RawSpan) -> R
  ) throws(ViewError) -> R? {
    let runner = try runner(view)
    let (value, clock) = try stored(runner, key, body)
    guard let clock, try runner.isComputed(to: clock) else { return value }
    return try stored(runner, key, body).value
  }

  /// - Returns: the value's visit; or the clock that so few records lead to that whoever asks can read them.
  private func stored<R>(
    _ runner: ViewRunner, _ key: [UInt8], _ body: (String, RawSpan) -> R
  ) throws(ViewError) -> (value: R?, behind: Clock?) {
    // Before the snapshot is taken.
    let ahead = runner.ahead
    do throws(StoreError) {
      return try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) -> (R?, Clock?) in
        guard let live = try runner.lives.live(reader), try !Slice.hasMoved(live.header, reader, state) else { return (nil, nil) }
        var set = live.token
        if !live.header.clock.covers(state.clock) {
          guard let ahead, ahead.before == live.header, ahead.cuts == state.cuts, ahead.after.clock.covers(state.clock) else {
            let isOver = ahead?.isWhole == true && ahead?.before == live.header && ahead?.cuts == state.cuts
            let missing = state.pending(after: isOver ? ahead?.after.clock ?? Clock() : live.header.clock)
            return (nil, missing <= runner.options.shortRecordsMax ? state.clock : nil)
          }
          set = ahead.after.clock.token
          if let row = ahead.keyRow(key) { return (body(set, row.raw.extracting(try KeyRow.value(in: row.raw) ?? 0..<0)), nil) }
        }
        guard let row = try reader.get(.view, (ViewKeys.prefix(live.header.number, .key) + key).raw) else {
          return (body(set, RawSpan()), nil)
        }
        if runner.view.isFold, try KeyRow.isDirty(row) { return (nil, nil) }
        return (body(set, row.extracting(try KeyRow.value(in: row) ?? 0..<0)), nil)
      }
    } catch {
      throw .store(error)
    }
  }
}
