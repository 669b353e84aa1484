import EventModel
import Laterbase
import NIOCore
import ViewEngine

extension Frontend {
  private static let viewFeedParameters = ["feed", "lc", "heartbeat", "key", "keys", "startkey", "endkey", "inclusive_end", "prefix"]

  /// Whether a read of a view asks for a feed of it.
  static func asksForFeed(_ call: Call) -> Bool {
    call.query?.split(separator: "&").contains { $0 == "feed" || $0.hasPrefix("feed=") } ?? false
  }

  /// `GET /db/{db}/v/{view}?feed=eventsource`: the view's rows as they are, then those that change; behind a clock (`Last-Event-ID`, `lc`)
  /// only these.
  func viewFeed(_ name: String, _ view: String, _ call: Call) async throws(LaterbaseError) -> Answer {
    try Accepted.eventStream(call.headers.accept)
    let parameters = try Parameters(call.query, known: Self.viewFeedParameters)
    guard parameters.text("feed") == "eventsource" else { throw Parameters.wrong("feed", "eventsource") }
    let heartbeat = try parameters.heartbeat()
    let query = try ViewCall(keysOf: parameters, options).allKeys
    let given = try parameters.clock("lc")
    let last = try call.headers.lastEventID.map { (text) throws(LaterbaseError) in try Parameters.clock(text, "Last-Event-ID") }
    let database = try await opened(name)
    _ = try database.status(view)
    let source = ViewEventSource(follower: ViewFollower(database, view, query, after: last ?? given), timeout: heartbeat)
    return try stream(source, heartbeat: heartbeat, call)
  }
}

private struct ViewEventSource: StreamSource {
  var follower: ViewFollower
  let timeout: Duration

  let mediaType = MediaType.eventStream
  let pause = Duration.milliseconds(50)

  var database: OpenedDatabase { follower.database }

  mutating func writePage(to page: inout ByteBuffer) async throws(LaterbaseError) -> StreamTurn {
    let next = try await follower.next(timeout: timeout)
    for row in next.rows { ServerSentEvents.event("row", data: row, to: &page) }
    if let clock = next.clock { ServerSentEvents.id(clock.token, to: &page) }
    return next.more ? .goOn : .wait
  }

  func writeHeartbeat(to page: inout ByteBuffer) { ServerSentEvents.heartbeat(to: &page) }

  func writeEnd(to page: inout ByteBuffer) {}
}

extension Parameters {
  /// How long a stream may be silent: `heartbeat`, 15 s by default, 100 ms to 5 min.
  func heartbeat() throws(LaterbaseError) -> Duration {
    guard let text = text("heartbeat") else { return .seconds(15) }
    guard let duration = Duration(text: text), duration >= .milliseconds(100), duration <= .seconds(300) else {
      throw Self.wrong("heartbeat", "a duration as 500ms, 10s or 2m, at least 100ms and at most 5m")
    }
    return duration
  }
}
