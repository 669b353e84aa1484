import EventModel
import EventStore
package import ViewEngine
import ViewKit

/// A page of a view, written as JSON: `{"key":…,"value":…}` of keys; `{"id":…,"key":…,"value":…}` of rows that are not joined, before
/// them `"event":…` where that is wanted.
package struct ViewPieces: ListPieces {
  /// A page with a limit ends after about this many bytes.
  private static let bytesMax = 1 << 20

  private let database: OpenedDatabase
  private let view: String
  private let form: ListForm
  private let query: ViewQuery
  private var listing: ViewListing
  private var renderer = EventRenderer()
  private var bytes = 0

  package init(_ database: OpenedDatabase, _ view: String, _ query: ViewQuery, _ listing: ViewListing, form: ListForm) {
    (self.database, self.view, self.query, self.listing, self.form) = (database, view, query, listing, form)
  }

  /// Where the next page goes on; nil at the end.
  package var cursor: [UInt8]? { listing.cursor }

  package mutating func writePiece(to sink: inout some ByteSink) throws(LaterbaseError) -> Bool {
    var writer = RowWriter(renderer, form: form, events: query.shape == .rows(events: true), isFirst: listing.count == 0)
    let start = sink.byteCount
    let goesOn: Bool
    do throws(ViewError) {
      goesOn = try listing.read(bytesMax: Self.pieceBytes) { (event, body) in
        writer.write(event, body, to: &sink)
        return true
      } _: { (key, value, element) throws(StoreError) in
        try writer.write(key, value, element, to: &sink)
      }
    } catch {
      throw database.error(error, view)
    }
    renderer = writer.renderer
    bytes += sink.byteCount - start
    return goesOn && (query.limit == 0 || bytes < Self.bytesMax)
  }
}

/// Writes rows, one behind the other.
private struct RowWriter {
  var renderer: EventRenderer
  private let form: ListForm
  private let events: Bool
  private var isFirst: Bool
  /// The event of the row that comes next is written.
  private var isOpen = false
  /// Bytes of it.
  private var eventBytes = 0
  /// What stands before a row's value: so a row is two copies into the sink, which has a price for each of its appends.
  private var head: [UInt8] = []

  init(_ renderer: EventRenderer, form: ListForm, events: Bool, isFirst: Bool) {
    (self.renderer, self.form, self.events, self.isFirst) = (renderer, form, events, isFirst)
  }

  private mutating func begin() {
    if form == .array, !isFirst { head.append(UInt8(ascii: ",")) }
    isFirst = false
    head.append(UInt8(ascii: "{"))
  }

  /// The event of the row that comes next.
  mutating func write(_ event: StoredEvent, _ body: RawSpan, to sink: inout some ByteSink) {
    let start = sink.byteCount
    head.removeAll(keepingCapacity: true)
    begin()
    head.append(contentsOf: "\"event\":".utf8)
    sink.append(copying: head.raw)
    renderer.write(event, body, after: UInt8(ascii: ","), to: &sink)
    (isOpen, eventBytes) = (true, sink.byteCount - start)
  }

  /// - Returns: how many bytes the row has, its event's among them.
  mutating func write(_ key: RawSpan, _ value: RawSpan, _ element: ElementID?, to sink: inout some ByteSink) throws(StoreError) -> Int {
    head.removeAll(keepingCapacity: true)
    if !isOpen {
      begin()
      // None of its records is intact.
      if events { head.append(contentsOf: "\"event\":null,".utf8) }
    }
    isOpen = false
    if let element {
      head.append(contentsOf: "\"id\":\"".utf8)
      element.ulid.write(to: &head)
      head.append(contentsOf: "\",".utf8)
    }
    head.append(contentsOf: "\"key\":".utf8)
    do throws(KeyError) { try KeyBytes.writeJSON(key, to: &head) } catch {
      throw StoreError(.damaged, "a view: \(error)")
    }
    head.append(contentsOf: ",\"value\":".utf8)
    sink.append(atMost: head.count + value.byteCount + 2) { bytes in
      bytes.append(copying: head.raw)
      bytes.append(copying: value)
      bytes.append(UInt8(ascii: "}"))
      if form == .lines { bytes.append(UInt8(ascii: "\n")) }
    }
    defer { eventBytes = 0 }
    return eventBytes + head.count + value.byteCount + (form == .lines ? 2 : 1)
  }
}
