package import EventModel
import EventStore

extension FeedReader {
  /// Clocks of more origins are too long to be said at every event.
  private static let originsMax = 16

  /// Appends the next piece as server-sent events, each with the clock of whoever has taken it as its id, if that is of few origins.
  /// - Returns: the last id that was written.
  package mutating func writeEvents(to sink: inout some ByteSink) throws(LaterbaseError) -> Clock? {
    var running = clock
    var told: Clock?
    try walk(to: &sink) { (renderer, event, body, _, sink) in
      if let reached = event.reached { running.set(reached) }
      sink.append(code: "event: event\ndata: ")
      renderer.write(event, body, after: UInt8(ascii: "\n"), to: &sink)
      if running.entries.count <= Self.originsMax {
        sink.append(code: "id: ")
        sink.append(running.token)
        sink.append(code: "\n")
        told = running
      }
      sink.append(code: "\n")
    }
    return told
  }
}
