package import EventModel
import EventStore

/// The changes feed from a clock on, written as JSON.
package struct FeedReader: ListPieces {
  /// A page ends after so many records walked over, or bytes, whatever its limit.
  static let recordsMax: UInt64 = 100_000
  static let bytesMax = 8 << 20

  let database: OpenedDatabase
  private let form: ListForm
  /// 0: no limit, up to what is held when reading began.
  private let limit: Int
  private let target: Clock
  private var renderer: EventRenderer
  private var walked: UInt64 = 0
  private var bytes = 0

  /// The clock that was asked for, joined with what was walked over.
  package private(set) var clock: Clock
  /// Records held that `clock` doesn't cover; 0 only at the end.
  package private(set) var pending: UInt64 = 0
  package private(set) var events = 0

  package init(_ database: OpenedDatabase, after clock: Clock, limit: Int, form: ListForm, bodies: Bool = true) {
    self.database = database
    self.clock = clock
    self.limit = limit
    self.form = form
    target = database.set.state.clock
    renderer = EventRenderer(bodies: bodies)
  }

  package mutating func writePiece(to sink: inout some ByteSink) throws(LaterbaseError) -> Bool {
    let start = sink.byteCount
    let left = limit > 0 ? limit - events : .max
    let recordsLeft = limit > 0 ? Int(Self.recordsMax - walked) : .max
    var count = 0
    var renderer = renderer
    let (first, form) = (events == 0, form)
    let page = try database.reading { (set) throws(StoreError) in
      try set.feed(after: clock, recordsMax: recordsLeft) { (event, body) throws(StoreError) in
        let separate = form == .array && !(first && count == 0)
        renderer.write(
          event, body, before: separate ? UInt8(ascii: ",") : 0, after: form == .lines ? UInt8(ascii: "\n") : 0, to: &sink)
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
    if pending == 0 { return false }
    if limit == 0 { return !clock.covers(target) }
    return events < limit && walked < Self.recordsMax && bytes < Self.bytesMax
  }

  /// Begins a new page at the clock that was reached.
  package func following() -> FeedReader {
    var next = FeedReader(database, after: clock, limit: limit, form: form, bodies: renderer.bodies)
    next.renderer = renderer
    return next
  }
}
