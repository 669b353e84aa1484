import EventModel
import EventStore
import ViewEngine

/// The events that a view skipped, in order of happening, written as JSON: `{"id":…,"detail":…}` each.
package struct SkippedPieces: ListPieces, Sendable {
  private let database: OpenedDatabase
  private let engine: ViewEngine
  private let view: String
  private let form: ListForm
  /// 0: no limit.
  private let limit: Int
  private var count = 0
  /// The last one that was written.
  private var last: ElementID?

  init(_ database: OpenedDatabase, _ engine: ViewEngine, _ view: String, limit: Int, form: ListForm) {
    (self.database, self.engine, self.view, self.limit, self.form) = (database, engine, view, limit, form)
  }

  package mutating func writePiece(to sink: inout some ByteSink) throws(LaterbaseError) -> Bool {
    let start = sink.byteCount
    var (count, text) = (count, [UInt8]())
    do throws(ViewError) {
      last = try engine.skipped(view, after: last) { (id, reason) in
        if form == .array, count > 0 { sink.append(code: ",") }
        text.removeAll(keepingCapacity: true)
        id.ulid.write(to: &text)
        sink.append(code: "{\"id\":\"")
        sink.append(copying: text.raw)
        sink.append(code: "\",\"detail\":")
        text.removeAll(keepingCapacity: true)
        text.appendString(reason)
        sink.append(copying: text.raw)
        sink.append(code: form == .lines ? "}\n" : "}")
        count += 1
        return count != limit && sink.byteCount - start < Self.pieceBytes
      }
    } catch {
      throw database.error(error, view)
    }
    self.count = count
    return last != nil && count != limit
  }
}
