package import EventModel
package import EventStore
import ViewKit

/// Takes a row of an answer: its key, the JSON of its value, and, where rows are not joined, the element that it is of. The spans are
/// valid during the call.
/// - Returns: how many bytes it took of the page.
package typealias RowVisitor = (_ key: RawSpan, _ value: RawSpan, _ element: ElementID?) throws(StoreError) -> Int

/// A page of a view while it is read: in pieces, each in one short transaction, all of them right at one clock.
///
/// The first piece is read from stored values. If the view has moved on before a later one, that is read as of the clock: what comes out
/// is what one long transaction would have shown, and none is held open for a slow client.
package struct ViewListing: Sendable {
  /// What all rows are right at.
  package let clock: Clock
  /// The clock as a token.
  package let token: String
  /// Rows handed out so far.
  package private(set) var count = 0
  /// Where the next page goes on; nil at the end.
  package private(set) var cursor: [UInt8]?

  private let set: EventSet
  private let runner: ViewRunner
  /// Skip, limit and cursor move on.
  private var query: ViewQuery
  /// The group that a piece ended in.
  private var group: OpenGroup?
  private let isEmpty: Bool
  private let over: Ahead?

  /// - Parameters:
  ///   - clock: what the rows are to be right at; nil: the view was never built, there are none.
  ///   - over: a slice that may not be there yet, and is to be read as if it were. Of few keys' values only.
  init(_ set: EventSet, _ runner: ViewRunner, _ query: ViewQuery, _ clock: Clock?, token: String? = nil, over: Ahead? = nil) {
    (self.set, self.runner, self.query, self.clock, isEmpty) = (set, runner, query, clock ?? Clock(), clock == nil)
    self.over = over
    self.token = token ?? self.clock.token
    cursor = query.cursor
  }

  /// Reads the next piece: at least one row, if there is any and the work for it is bounded.
  ///
  /// - Parameters:
  ///   - bytesMax: it ends after about so many.
  ///   - event: takes the event of the row that comes next, if the query wants events; left out, if none of its records is intact.
  /// - Returns: whether the page goes on; `cursor` says so of the listing.
  /// - Throws: `cancelled`, if the view is no more where it was: the store was opened anew, from an older file.
  package mutating func read(bytesMax: Int, _ event: EventVisitor, _ row: RowVisitor) throws(ViewError) -> Bool {
    let (shape, set) = (query.shape, set)
    return try read(bytesMax: bytesMax) { (piece, reader, state) throws(StoreError) in
      switch shape {
      case .values:
        try piece.values { (key, stored, value) throws(StoreError) in try row(key, stored.extracting(value), nil) }
      case .joined(let level): try piece.joined(level, row)
      case .rows(let events): try piece.rows(events, reader, state, set, event, row)
      }
    }
  }

  /// Reads the next piece of totals: each key and its row, with total and value as the query wants them.
  mutating func readTotals(bytesMax: Int, _ visit: (RawSpan, RawSpan) throws(StoreError) -> Int) throws(ViewError) -> Bool {
    try read(bytesMax: bytesMax) { (piece, _, _) throws(StoreError) in
      try piece.values { (key, row, _) throws(StoreError) in try visit(key, row) }
    }
  }

  /// - Parameter body: reads a piece, and says where the listing goes on.
  private mutating func read(
    bytesMax: Int, _ body: (inout ViewPiece, borrowing any StoreReader & ~Copyable, SetState) throws(StoreError) -> [UInt8]?
  ) throws(ViewError) -> Bool {
    if isEmpty {
      cursor = nil
      return false
    }
    let (query, clock, runner, group, ahead) = (query, clock, runner, group, over)
    let budget = PieceBudget(
      skip: query.skip, left: query.limit > 0 ? query.limit - count : nil, bytesMax: bytesMax, stepsMax: runner.options.readStepsMax)
    let read: (cursor: [UInt8]?, budget: PieceBudget, group: OpenGroup?)?
    do throws(StoreError) {
      read = try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
        var header = try runner.lives.live(reader)?.header
        if header == nil, !query.isComputed { header = try runner.headers(reader).old }
        guard let header else { return nil }
        // Not there yet; else it is a part of the rest.
        let over = ahead?.before == header ? ahead : nil
        guard over != nil || header.clock.covers(clock) else { return nil }
        let filter = try over == nil ? RowFilter(query, clock, header, held: state.clock, reader) : RowFilter()
        var piece = try ViewPiece(query, runner, header, filter, budget, group, over, reader)
        let cursor = try body(&piece, reader, state)
        return (cursor, piece.budget, piece.group)
      }
    } catch {
      throw .store(error)
    }
    guard let read else { throw .cancelled }
    (self.group, cursor) = (read.group, read.group == nil ? read.cursor : read.cursor ?? cursor)
    count += read.budget.count
    (self.query.skip, self.query.cursor) = (read.budget.skip, cursor)
    return self.group != nil || cursor != nil && read.budget.left > 0
  }
}

extension RowFilter {
  /// - Parameter clock: what the rows are to be right at.
  fileprivate init(
    _ query: ViewQuery, _ clock: Clock, _ header: ViewHeader, held: Clock, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) {
    func first(_ instant: Instant) -> Pos { Pos(id: ULID(at: max(instant, Instant(milliseconds: 0)), low80: 0).value, digest: 0, index: 0) }
    if let from = query.happenedFrom { self.from = first(from) }
    to = query.happenedBefore.map(first)
    // A view holds nothing that its own clock doesn't cover.
    if !clock.covers(header.clock) { known = try Knowledge(clock, held: held, reader) }
  }
}
