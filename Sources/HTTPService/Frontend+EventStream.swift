import EventStore
import Laterbase
import NIOCore
import ServiceLifecycle
import Synchronization

/// What an event stream tells.
protocol EventStreamSource: Sendable {
  /// Whose changes it waits for.
  var database: OpenedDatabase { get }
  /// Writes the next page.
  /// - Returns: whether there is more at once.
  /// - Throws: `not-ready` if the page wasn't there in time: it is asked for again. Any other error ends the stream.
  mutating func writePage(to events: inout ServerSentEvents) async throws(LaterbaseError) -> Bool
}

extension Frontend {
  /// An answer of server-sent events, which ends when the client leaves, the server stops, or there is nothing more to tell.
  ///
  /// A page is written when the one before was taken: a slow client holds no transaction, and one page of memory. After a page the stream
  /// pauses, so that many changes at a time are one page.
  /// - Throws: `busy` if there are too many streams.
  func eventStream(_ source: some EventStreamSource, heartbeat: Duration, _ call: Call) throws(LaterbaseError) -> Answer {
    var answer = Answer(200)
    answer.fields = [
      ("content-type", MediaType.eventStream), ("cache-control", "private, no-cache"), ("x-accel-buffering", "no"), ("vary", "accept"),
    ]
    if call.method == .head { return answer }
    let place = try StreamPlace(streams, max: options.eventStreamsMax)
    answer.content = .stream { write in
      defer { withExtendedLifetime(place) {} }
      try await cancelWhenGracefulShutdown {
        // A stop that finds it between two pages ends it like any other, with the answer's end: the client sees no broken connection.
        do { try await Self.run(source, heartbeat, write) } catch is CancellationError { return }
      }
    }
    return answer
  }

  private static let pause = Duration.milliseconds(50)

  private static func run(
    _ source: some EventStreamSource, _ heartbeat: Duration, _ write: @Sendable (ByteBuffer) async throws -> Void
  ) async throws {
    var source = source
    let database = source.database
    var lastWrite = ContinuousClock.now
    while !Task.isCancelled {
      var events = ServerSentEvents()
      let seen = database.set.changes.version
      var more = false
      do throws(LaterbaseError) {
        more = try await source.writePage(to: &events)
      } catch {
        // The client comes back, and is told why by the status.
        guard error.slug == .notReady, !database.set.changes.isClosed else { return }
      }
      if !more, events.isEmpty {
        // Long enough nothing: who has left is noticed, and so is who is still there.
        if ContinuousClock.now - lastWrite >= heartbeat { events.heartbeat() }
      }
      if !events.isEmpty {
        try await write(events.buffer)
        lastWrite = .now
      }
      if more { continue }
      try await Task.sleep(for: min(pause, heartbeat))
      await database.waitForChange(after: seen, until: lastWrite + heartbeat)
      if database.set.changes.isClosed { return }
    }
  }
}

/// How many event streams there are.
final class StreamCount: Sendable {
  private let count = Mutex(0)

  func take(max: Int) -> Bool {
    count.withLock { count in
      guard count < max else { return false }
      count += 1
      return true
    }
  }

  func give() { count.withLock { $0 -= 1 } }
}

/// A stream's place among those that there may be; given back with the last reference, also when the answer is never written.
private final class StreamPlace: Sendable {
  private let streams: StreamCount

  init(_ streams: StreamCount, max: Int) throws(LaterbaseError) {
    guard streams.take(max: max) else { throw LaterbaseError(.busy, "there are \(max) event streams, as many as this server takes") }
    self.streams = streams
  }

  deinit { streams.give() }
}
