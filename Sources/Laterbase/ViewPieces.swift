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
    let goesOn: Bool
    do throws(ViewError) {
      goesOn = try listing.read(bytesMax: Self.pieceBytes) { (event, body) in
        writer.write(event, body)
        return true
      } _: { (key, value, element) throws(StoreError) in
        try writer.write(key, value, element)
      }
    } catch {
      throw database.error(error, view)
    }
    sink.append(copying: writer.text.raw)
    renderer = writer.renderer
    bytes += writer.text.count
    return goesOn && (query.limit == 0 || bytes < Self.bytesMax)
  }
}

/// Writes rows, one behind the other.
private struct RowWriter {
  var renderer: EventRenderer
  /// What was written. Not the sink itself: that is another module's, and each append to it has a price.
  private(set) var text: [UInt8] = []
  private let form: ListForm
  private let events: Bool
  private var isFirst: Bool
  /// Where the row begins whose event is written already.
  private var open: Int?

  init(_ renderer: EventRenderer, form: ListForm, events: Bool, isFirst: Bool) {
    (self.renderer, self.form, self.events, self.isFirst) = (renderer, form, events, isFirst)
    text.reserveCapacity(ViewPieces.pieceBytes + (4 << 10))
  }

  private mutating func begin() {
    text.append(code: form == .array && !isFirst ? ",{" : "{")
    isFirst = false
  }

  /// The event of the row that comes next.
  mutating func write(_ event: StoredEvent, _ body: RawSpan) {
    open = text.count
    begin()
    text.append(code: "\"event\":")
    renderer.write(event, body, after: UInt8(ascii: ","), to: &text)
  }

  /// - Returns: how many bytes the row has, its event's among them.
  mutating func write(_ key: RawSpan, _ value: RawSpan, _ element: ElementID?) throws(StoreError) -> Int {
    let start = open ?? text.count
    if element == nil, !events, let string = KeyBytes.plainString(in: key) {
      let (begin, end): (StaticString, StaticString) = form == .lines ? ("{\"key\":\"", "}\n") : (",{\"key\":\"", "}")
      text.append(atMost: key.byteCount + value.byteCount + 32) { bytes in
        if isFirst { bytes.append(code: "{\"key\":\"") } else { bytes.append(code: begin) }
        bytes.append(copying: key.extracting(string))
        bytes.append(code: "\",\"value\":")
        bytes.append(copying: value)
        bytes.append(code: end)
      }
      isFirst = false
      return text.count - start
    }
    if open == nil {
      begin()
      // None of its records is intact.
      if events { text.append(code: "\"event\":null,") }
    }
    open = nil
    if let element {
      text.append(code: "\"id\":\"")
      element.ulid.write(to: &text)
      text.append(code: "\",")
    }
    text.append(code: "\"key\":")
    do throws(KeyError) { try KeyBytes.writeJSON(key, to: &text) } catch {
      throw StoreError(.damaged, "a view: \(error)")
    }
    text.append(code: ",\"value\":")
    text.append(copying: value)
    text.append(code: form == .lines ? "}\n" : "}")
    return text.count - start
  }
}
