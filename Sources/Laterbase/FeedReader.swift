package import EventModel
import EventStore

/// The changes feed from a clock on, written as JSON.
package struct FeedReader: ListPieces {
  /// A page ends after so many records walked over, or bytes, whatever its limit.
  static let recordsMax: UInt64 = 100_000
  static let bytesMax = 8 << 20
  /// What one transaction walks over at most: where much is filtered out, a piece is short of bytes, not of work.
  static let pieceRecordsMax = 16_384

  let database: OpenedDatabase
  private let form: ListForm
  /// 0: no limit, up to what is held when reading began.
  private let limit: Int
  private let filter: MemberFilter
  private let target: Clock
  private var renderer: EventRenderer
  private var walked: UInt64 = 0
  private var bytes = 0

  /// The clock that was asked for, joined with what was walked over.
  package private(set) var clock: Clock
  /// Records held that `clock` doesn't cover; 0 only at the end.
  package private(set) var pending: UInt64 = 0
  package private(set) var events = 0

  /// - Parameter filter: which events are handed out; the clock moves on over the others.
  package init(
    _ database: OpenedDatabase, after clock: Clock, limit: Int, form: ListForm, bodies: Bool = true, filter: MemberFilter = MemberFilter()
  ) {
    self.database = database
    self.clock = clock
    self.limit = limit
    self.form = form
    self.filter = filter
    target = database.set.state.clock
    renderer = EventRenderer(bodies: bodies)
  }

  package mutating func writePiece(to sink: inout some ByteSink) throws(LaterbaseError) -> Bool {
    let (isFirst, form) = (events == 0, form)
    try walk(to: &sink) { (renderer, event, body, count, sink) in
      let separate = form == .array && !(isFirst && count == 0)
      renderer.write(
        event, body, before: separate ? UInt8(ascii: ",") : 0, after: form == .lines ? UInt8(ascii: "\n") : 0, to: &sink)
    }
    if pending == 0 { return false }
    if limit == 0 { return !clock.covers(target) }
    return events < limit && walked < Self.recordsMax && bytes < Self.bytesMax
  }

  /// Appends the next piece, each event by `write`, which takes how many were written before it in this piece.
  mutating func walk<Sink: ByteSink>(
    to sink: inout Sink, _ write: (inout EventRenderer, StoredEvent, RawSpan, Int, inout Sink) -> Void
  ) throws(LaterbaseError) {
    let start = sink.byteCount
    let left = limit > 0 ? limit - events : .max
    let recordsLeft = limit > 0 ? Int(clamping: Self.recordsMax - min(walked, Self.recordsMax)) : .max
    var count = 0
    var renderer = renderer
    let page = try database.reading { (set) throws(StoreError) in
      try set.feed(after: clock, recordsMax: min(recordsLeft, Self.pieceRecordsMax)) { (event, body) throws(StoreError) in
        if !filter.isEmpty, !filter.matches(body) { return true }
        write(&renderer, event, body, count, &sink)
        count += 1
        return count < left && sink.byteCount - start < Self.pieceBytes
      }
    }
    self.renderer = renderer
    events += count
    bytes += sink.byteCount - start
    walked += page.clock.delta(beyond: clock).reduce(0) { $0 + UInt64($1.numbers.count) }
    clock = page.clock
    pending = page.pending
  }

  /// Begins a new page at the clock that was reached.
  /// - Parameter limit: of the new page; nil: as of this one.
  package func following(limit: Int? = nil) -> FeedReader {
    var next = FeedReader(database, after: clock, limit: limit ?? self.limit, form: form, bodies: renderer.bodies, filter: filter)
    next.renderer = renderer
    return next
  }
}
