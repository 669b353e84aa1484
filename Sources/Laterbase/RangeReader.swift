package import EventModel
package import EventStore

/// The elements in order of happening, written as JSON.
package struct RangeReader: ListPieces {
  package struct Bounds: Sendable {
    /// Inclusive.
    package var from: Instant?
    /// Exclusive.
    package var to: Instant?
    /// The last element of the page before.
    package var cursor: ElementID?
    package var descending = false

    package init() {}
  }

  private let database: OpenedDatabase
  private let form: ListForm
  /// 0: no limit.
  private let limit: Int
  private var bounds: Bounds
  private var renderer: EventRenderer
  package private(set) var events = 0
  /// The last element walked over; nil at the end of the range.
  package private(set) var cursor: ElementID?
  private var bytes = 0

  package init(_ database: OpenedDatabase, _ bounds: Bounds, limit: Int, form: ListForm, bodies: Bool = true) {
    self.database = database
    self.bounds = bounds
    self.limit = limit
    self.form = form
    renderer = EventRenderer(bodies: bodies)
  }

  package mutating func writePiece(to sink: inout some ByteSink) throws(LaterbaseError) -> Bool {
    let start = sink.byteCount
    let left = limit > 0 ? limit - events : .max
    var count = 0
    var renderer = renderer
    let (first, form, bounds) = (events == 0, form, bounds)
    cursor = try database.reading { (set) throws(StoreError) in
      try set.range(from: bounds.from, to: bounds.to, after: bounds.cursor, descending: bounds.descending) {
        (event, body) throws(StoreError) in
        let separate = form == .array && !(first && count == 0)
        renderer.write(
          event, body, before: separate ? UInt8(ascii: ",") : 0, after: form == .lines ? UInt8(ascii: "\n") : 0, to: &sink)
        count += 1
        return count < left && sink.byteCount - start < Self.pieceBytes
      }
    }
    self.renderer = renderer
    self.bounds.cursor = cursor
    events += count
    bytes += sink.byteCount - start
    return cursor != nil && (limit == 0 || (events < limit && bytes < FeedReader.bytesMax))
  }
}
