import EventStore
import Laterbase
import NIOCore
import ServiceLifecycle
import Synchronization

/// What an answer without an end tells.
protocol StreamSource: Sendable {
  /// Whose changes it waits for.
  var database: OpenedDatabase { get }
  var mediaType: String { get }
  /// After a page a stream pauses so long, so that many changes at a time are one page.
  var pause: Duration { get }
  /// Writes the next page; nothing, if there is nothing to tell.
  /// - Throws: `not-ready` if the page wasn't there in time: it is asked for again. Any other error ends the stream.
  mutating func writePage(to page: inout ByteBuffer) async throws(LaterbaseError) -> StreamTurn
  /// Writes what shows, where nothing was told for long, that the connection lives.
  mutating func writeHeartbeat(to page: inout ByteBuffer)
  /// Writes what comes last. Nothing can be read any more.
  func writeEnd(to page: inout ByteBuffer)
}

/// What a stream does after a page.
enum StreamTurn: Sendable {
  /// There is more at once.
  case goOn
  /// The next change is waited for.
  case wait
  /// There is nothing more to tell, ever.
  case end
}

extension Frontend {
  /// An answer that ends when the client leaves, the server stops, or there is nothing more to tell.
  ///
  /// A page is written when the one before was taken: a slow client holds no transaction, and one page of memory.
  /// - Parameters:
  ///   - heartbeat: how long it may be silent.
  ///   - timeout: it ends when there was nothing to tell for so long; nil: it has no end.
  /// - Throws: `busy` if there are too many streams.
  func stream(
    _ source: some StreamSource, heartbeat: Duration, timeout: Duration? = nil, _ call: Call
  ) throws(LaterbaseError) -> Answer {
    var answer = Answer(200)
    answer.fields = [
      ("content-type", source.mediaType), ("cache-control", "private, no-cache"), ("x-accel-buffering", "no"), ("vary", "accept"),
    ]
    if call.method == .head { return answer }
    let place = try StreamPlace(streams, max: options.streamsMax)
    answer.content = .stream { write in
      defer { withExtendedLifetime(place) {} }
      let ended = try await Self.run(source, heartbeat, timeout, write)
      var last = ByteBuffer()
      ended.writeEnd(to: &last)
      if last.readableBytes > 0 { try await write(last) }
    }
    return answer
  }

  private static func run<Source: StreamSource>(
    _ source: Source, _ heartbeat: Duration, _ timeout: Duration?, _ write: @Sendable (ByteBuffer) async throws -> Void
  ) async throws -> Source {
    var source = source
    let changes = source.database.set.changes
    var (lastWrite, lastPage) = (ContinuousClock.now, ContinuousClock.now)
    while !Task.isCancelled, !Task.isShuttingDownGracefully, !changes.isClosed {
      let seen = changes.version
      var (page, turn) = (ByteBuffer(), StreamTurn.wait)
      do throws(LaterbaseError) {
        (source, page, turn) = try await nextPage(source)
      } catch {
        // The client comes back, and is told why by the status.
        guard error.slug == .notReady else { return source }
      }
      if page.readableBytes > 0 {
        lastPage = .now
      } else if ContinuousClock.now - lastWrite >= heartbeat {
        source.writeHeartbeat(to: &page)
      }
      if page.readableBytes > 0 {
        try await write(page)
        lastWrite = .now
      }
      switch turn {
      case .goOn: continue
      case .wait: break
      case .end: return source
      }
      let end = timeout.map { lastPage + $0 }
      if let end, ContinuousClock.now >= end { return source }
      let (wait, pause) = (min(lastWrite + heartbeat, end ?? lastWrite + heartbeat), min(source.pause, heartbeat))
      await cancelWhenGracefulShutdown { [database = source.database] in
        try? await Task.sleep(for: pause)
        await database.waitForChange(after: seen, until: wait)
      }
    }
    return source
  }

  private static func nextPage<Source: StreamSource>(_ source: Source) async throws(LaterbaseError) -> (Source, ByteBuffer, StreamTurn) {
    do {
      return try await cancelWhenGracefulShutdown {
        var (source, page) = (source, ByteBuffer())
        let turn = try await source.writePage(to: &page)
        return (source, page, turn)
      }
    } catch let error as LaterbaseError {
      throw error
    } catch {
      throw LaterbaseError(.notReady, "the server is stopping")
    }
  }
}

/// How many streams there are.
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
final class StreamPlace: Sendable {
  private let streams: StreamCount

  /// - Throws: `busy`, if all are taken.
  init(_ streams: StreamCount, max: Int) throws(LaterbaseError) {
    guard streams.take(max: max) else { throw LaterbaseError(.busy, "there are \(max) streams, as many as this server takes") }
    self.streams = streams
  }

  deinit { streams.give() }
}
