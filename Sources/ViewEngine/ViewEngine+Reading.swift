package import EventModel
import EventStore
import ViewKit

extension ViewEngine {
  /// The rows of a view, with the clock that they are right at.
  ///
  /// - Parameter separator: between rows: a comma, or a newline.
  /// - Throws: `cancelled` when the task was cancelled before the view was up to date.
  /// - Complexity: O(rows of the page) after the catch-up; one key: O(log keys).
  package func rows(
    _ view: String, _ query: ViewQuery = ViewQuery(), update: ViewUpdate = .first, separator: UInt8 = UInt8(ascii: ",")
  ) async throws(ViewError) -> ViewPage {
    var page = ViewPage()
    (page.clock, page.cursor) = try await scan(view, query, update, oldAnswers: true) { (key, row) throws(StoreError) -> Int in
      guard let value = try KeyRow.value(in: row) else { return 0 }
      let before = page.rows.count
      if page.count > 0 { page.rows.append(separator) }
      page.rows.append(contentsOf: #"{"key":"#.utf8)
      do throws(KeyError) { try KeyBytes.writeJSON(key, to: &page.rows) } catch {
        throw StoreError(.damaged, "view \(view): \(error)")
      }
      page.rows.append(contentsOf: #","value":"#.utf8)
      page.rows.append(copying: row.extracting(value))
      page.rows.append(UInt8(ascii: "}"))
      page.count += 1
      return page.rows.count - before
    }
    return page
  }

  /// The totals of a view's keys, for reading by the view's own types: `ReduceView.value(ofTotal:key:)`.
  package func totals(
    _ view: String, _ query: ViewQuery = ViewQuery(), update: ViewUpdate = .first
  ) async throws(ViewError) -> (totals: [(key: [UInt8], total: [UInt8])], clock: Clock, cursor: [UInt8]?) {
    var totals: [(key: [UInt8], total: [UInt8])] = []
    let (clock, cursor) = try await scan(view, query, update, oldAnswers: false) { (key, row) throws(StoreError) -> Int in
      let row = try KeyRow(reading: row)
      guard row.value != nil, case .value(let total) = row.total else { return 0 }
      totals.append(([UInt8](copying: key), total))
      return key.byteCount + total.count
    }
    return (totals, clock, cursor)
  }

  /// Visits the rows of a query on one snapshot.
  ///
  /// Where nobody waits for it, an old version of the view answers, with the values that it stored, until the new one is built.
  /// - Parameter visit: takes a key and its row, answers how many bytes it took of the page; 0: the view has no value here.
  private func scan(
    _ view: String, _ query: ViewQuery, _ update: ViewUpdate, oldAnswers: Bool, _ visit: (RawSpan, RawSpan) throws(StoreError) -> Int
  ) async throws(ViewError) -> (clock: Clock, cursor: [UInt8]?) {
    let runner = try runner(view)
    if case .first = update { try await catchUp(view, to: set.state.clock, for: query) }
    // Afterwards: the answer is what is there, and doesn't wait for the catch-up's processor time.
    defer { if case .lazy = update { runner.start(to: set.state.clock) } }
    // Totals of an old version can't be computed here: its code is gone.
    if update != .first, query.isOfThePast { try await reach(query.known ?? Clock(), view) }
    if update == .first, let known = query.known { try await reach(known, view) }
    let oldAnswers = oldAnswers && !query.isOfThePast
    let ahead = query.isOfFewKeys ? runner.ahead : nil
    do throws(StoreError) {
      return try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
        let headers = try runner.headers(reader)
        guard let header = headers.live ?? (oldAnswers ? headers.old : nil) else { return (Clock(), nil) }
        let filter = try RowFilter(query, held: state.clock, reader)
        let totals = try TotalReader(runner.view, header, runner.options, filter, reader)
        let over = ahead?.before == header ? ahead : nil
        return (over?.after.clock ?? header.clock, try Self.scan(header, query, over, totals, reader, visit))
      }
    } catch {
      throw .store(error)
    }
  }

  /// Brings a view up to a clock that this node must hold, whatever the query says of updates: less would be another set.
  private func reach(_ clock: Clock, _ view: String) async throws(ViewError) {
    let missing: [Clock.Range]
    do throws(StoreError) {
      missing = try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
        // An entry of another log than the one held counts for nothing.
        let trusted = try set.trusted(clock, reader, state)
        return clock.delta(beyond: Clock(state.clock.entries.filter { clock[$0.origin] == trusted[$0.origin] }))
      }
    } catch {
      throw .store(error)
    }
    guard missing.isEmpty else { throw .clockNotHeld(missing) }
    try await catchUp(view, to: clock)
  }

  /// - Parameter over: a slice that isn't there yet, and is to be read as if it were. Of few keys only.
  private static func scan(
    _ header: ViewHeader, _ query: ViewQuery, _ over: Slice?, _ totals: TotalReader, _ reader: borrowing any StoreReader & ~Copyable,
    _ visit: (RawSpan, RawSpan) throws(StoreError) -> Int
  ) throws(StoreError) -> [UInt8]? {
    let prefix = ViewKeys.prefix(header.number, .key)
    if case .these(let keys) = query.keys {
      for key in keys {
        if let row = over?.keyRow(key) {
          _ = try visit(key.raw, row.raw)
        } else if let row = try reader.get(.view, (prefix + key).raw) {
          _ = try totals.reading(key.raw, row) { (row) throws(StoreError) in try visit(key.raw, row) }
        }
      }
      return nil
    }
    let range = KeyRange(query, prefix)
    let cursor = try reader.cursor(.view)
    var (skip, count, bytes) = (query.skip, 0, 0)
    var last: [UInt8]?
    var found = try range.first(cursor)
    while found, range.contains(cursor.key) {
      let key = cursor.key.extracting(droppingFirst: prefix.count)
      let isFull = count > 0 && (query.limit > 0 && count == query.limit || bytes >= query.bytesMax)
      if isFull || skip > 0 {
        // Only a key with a value counts: the page is the last one if there is no further value.
        let hasValue = try totals.reading(key, cursor.value) { (row) throws(StoreError) in try KeyRow.value(in: row) != nil }
        if hasValue {
          if isFull { return last }
          skip -= 1
        }
      } else {
        let taken = try totals.reading(key, cursor.value) { (row) throws(StoreError) in try visit(key, row) }
        if taken > 0 {
          (count, bytes) = (count + 1, bytes + taken)
          last = [UInt8](copying: key)
        }
      }
      found = try range.next(cursor)
    }
    return nil
  }
}

extension RowFilter {
  fileprivate init(_ query: ViewQuery, held: Clock, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) {
    func first(_ instant: Instant) -> Pos { Pos(id: ULID(at: max(instant, Instant(milliseconds: 0)), low80: 0).value, digest: 0, index: 0) }
    if let from = query.happenedFrom { self.from = first(from) }
    to = query.happenedBefore.map(first)
    if let clock = query.known, !clock.covers(held) { known = try Knowledge(clock, held: held, reader) }
  }
}

/// The store's keys from a lower to an upper bound, walked in one direction.
private struct KeyRange {
  /// Inclusive.
  let low: [UInt8]
  /// Exclusive; nil: none.
  let high: [UInt8]?
  let descending: Bool

  init(_ query: ViewQuery, _ prefix: [UInt8]) {
    descending = query.descending
    // The least key above a key is that key and a zero byte.
    func above(_ key: [UInt8]) -> [UInt8] { prefix + key + [0] }
    var lows = [prefix + (query.prefix ?? [])]
    var highs = [ViewKeys.after(lows[0])].compactMap(\.self)
    if descending {
      if let start = query.start { highs.append(above(start)) }
      if let cursor = query.cursor { highs.append(prefix + cursor) }
      if let end = query.end { lows.append(query.inclusiveEnd ? prefix + end : above(end)) }
    } else {
      if let start = query.start { lows.append(prefix + start) }
      if let cursor = query.cursor { lows.append(above(cursor)) }
      if let end = query.end { highs.append(query.inclusiveEnd ? above(end) : prefix + end) }
    }
    low = lows.max { $0.raw.compare($1.raw) < 0 } ?? prefix
    high = highs.min { $0.raw.compare($1.raw) < 0 }
  }

  func contains(_ key: RawSpan) -> Bool {
    guard key.compare(low.raw) >= 0 else { return false }
    if let high { return key.compare(high.raw) < 0 }
    return true
  }

  func first(_ cursor: any StoreCursor) throws(StoreError) -> Bool {
    guard descending else { return try cursor.seek(low.raw) }
    guard let high, try cursor.seek(high.raw) else { return try cursor.last() }
    return try cursor.previous()
  }

  func next(_ cursor: any StoreCursor) throws(StoreError) -> Bool { descending ? try cursor.previous() : try cursor.next() }
}
