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
    var end = start
    let goesOn: Bool
    do throws(ViewError) {
      goesOn = try listing.read(bytesMax: Self.pieceBytes) { (event, body) in
        writer.write(event, body, to: &sink)
        return true
      } _: { (key, value, element) throws(StoreError) in
        try writer.write(key, value, element, to: &sink)
        defer { end = sink.byteCount }
        return sink.byteCount - end
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
  private var keyText: [UInt8] = []

  init(_ renderer: EventRenderer, form: ListForm, events: Bool, isFirst: Bool) {
    (self.renderer, self.form, self.events, self.isFirst) = (renderer, form, events, isFirst)
  }

  private mutating func begin(_ sink: inout some ByteSink) {
    if form == .array, !isFirst { sink.append(code: ",") }
    isFirst = false
    sink.append(code: "{")
  }

  /// The event of the row that comes next.
  mutating func write(_ event: StoredEvent, _ body: RawSpan, to sink: inout some ByteSink) {
    begin(&sink)
    sink.append(code: "\"event\":")
    renderer.write(event, body, after: UInt8(ascii: ","), to: &sink)
    isOpen = true
  }

  mutating func write(_ key: RawSpan, _ value: RawSpan, _ element: ElementID?, to sink: inout some ByteSink) throws(StoreError) {
    if !isOpen {
      begin(&sink)
      // None of its records is intact.
      if events { sink.append(code: "\"event\":null,") }
    }
    isOpen = false
    if let element {
      keyText.removeAll(keepingCapacity: true)
      element.ulid.write(to: &keyText)
      sink.append(code: "\"id\":\"")
      sink.append(copying: keyText.raw)
      sink.append(code: "\",")
    }
    keyText.removeAll(keepingCapacity: true)
    do throws(KeyError) { try KeyBytes.writeJSON(key, to: &keyText) } catch {
      throw StoreError(.damaged, "a view: \(error)")
    }
    sink.append(code: "\"key\":")
    sink.append(copying: keyText.raw)
    sink.append(code: ",\"value\":")
    sink.append(copying: value)
    sink.append(code: "}")
    if form == .lines { sink.append(code: "\n") }
  }
}
