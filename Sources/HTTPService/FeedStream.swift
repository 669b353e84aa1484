import EventModel
import Laterbase
import NIOCore
import NIOPosix

/// The changes feed without an end: `feed=continuous` as lines, `feed=eventsource` as server-sent events.
///
/// The clock is told at the end of each page of events. Over what is filtered out it moves too, and is told then at the next heartbeat.
struct FeedStream: StreamSource {
  enum Form: Sendable { case lines, events }

  private var reader: FeedReader
  private let form: Form
  /// Events that it may still hand out; nil: any number.
  private var left: Int?
  /// The last clock that was told.
  private var told: Clock?

  let database: OpenedDatabase
  let pause = Duration.milliseconds(10)

  init(_ database: OpenedDatabase, _ reader: FeedReader, _ form: Form, limit: Int) {
    (self.database, self.reader, self.form) = (database, reader, form)
    left = limit > 0 ? limit : nil
  }

  var mediaType: String { form == .lines ? MediaType.ndjson : MediaType.eventStream }

  mutating func writePage(to page: inout ByteBuffer) async throws(LaterbaseError) -> StreamTurn {
    do {
      // Read on a thread that may wait for the disk: those of tasks and connections must not.
      (self, page) = try await NIOThreadPool.singleton.runIfActive { [self] in
        var (stream, page) = (self, ByteBuffer())
        try stream.readPage(into: &page)
        return (stream, page)
      }
    } catch let error as LaterbaseError {
      throw error
    } catch {
      throw LaterbaseError(.notReady, "the server is stopping")
    }
    if left == 0 { return .end }
    return reader.pending > 0 ? .goOn : .wait
  }

  private mutating func readPage(into page: inout ByteBuffer) throws(LaterbaseError) {
    reader = reader.following(limit: left ?? 0)
    switch form {
    case .lines: _ = try reader.writePiece(to: &page)
    case .events: if let id = try reader.writeEvents(to: &page) { told = id }
    }
    if let left { self.left = left - reader.events }
    // At first too: so a client knows at once that it is heard.
    if told == nil || reader.events > 0 && told != reader.clock { tell(&page) }
  }

  mutating func writeHeartbeat(to page: inout ByteBuffer) {
    if told != reader.clock { return tell(&page) }
    switch form {
    case .lines: page.append(code: "\n")
    case .events: ServerSentEvents.heartbeat(to: &page)
    }
  }

  func writeEnd(to page: inout ByteBuffer) { writeClock(to: &page) }

  private mutating func tell(_ page: inout ByteBuffer) {
    writeClock(to: &page)
    told = reader.clock
  }

  private func writeClock(to page: inout ByteBuffer) {
    switch form {
    case .lines:
      page.append(code: "{")
      Frontend.writeClock(reader, to: &page)
      page.append(code: "}\n")
    case .events: ServerSentEvents.id(reader.clock.token, to: &page)
    }
  }
}
