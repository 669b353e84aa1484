package import EventModel
import EventStore

/// The elements under many ULIDs, in the order asked, written as JSON.
package struct KeysReader: ListPieces {
  private let database: OpenedDatabase
  private let form: ListForm
  private let keys: [ULID]
  private var next = 0
  private var renderer: EventRenderer
  /// How many keys one transaction reads: it rises while their events are small.
  private var step = 32
  package private(set) var events = 0
  /// Those under which nothing is held.
  package private(set) var missing: [ULID] = []

  package init(_ database: OpenedDatabase, _ keys: [ULID], form: ListForm, bodies: Bool = true) {
    self.database = database
    self.keys = keys
    self.form = form
    renderer = EventRenderer(bodies: bodies)
  }

  package mutating func writePiece(to sink: inout some ByteSink) throws(LaterbaseError) -> Bool {
    let start = sink.byteCount
    let part = Array(keys[next..<min(next + step, keys.count)])
    var count = 0
    var renderer = renderer
    let (first, form) = (events == 0, form)
    missing += try database.reading { (set) throws(StoreError) in
      try set.events(part) { (event, body) throws(StoreError) in
        let separate = form == .array && !(first && count == 0)
        renderer.write(
          event, body, before: separate ? UInt8(ascii: ",") : 0, after: form == .lines ? UInt8(ascii: "\n") : 0, to: &sink)
        count += 1
        return true
      }
    }
    self.renderer = renderer
    events += count
    next += part.count
    let written = sink.byteCount - start
    step = written < Self.pieceBytes / 4 ? min(step * 4, 1000) : written > Self.pieceBytes ? max(step / 4, 1) : step
    return next < keys.count
  }
}
