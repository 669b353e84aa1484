import Laterbase
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

extension Frontend {
  /// Checks at a time: each reads a whole database.
  private static let checksMax = 2
  /// How often the client is told how far it is, which also shows whether he is still there.
  private static let tellEvery = Duration.milliseconds(500)

  /// `GET /db/{db}/verify`: lines of progress, the last one with `ok`. It ends without that if the server stops, or there is no result.
  func verify(_ name: String, _ call: Call) async throws(LaterbaseError) -> Answer {
    try Accepted.lines(call.headers.accept)
    _ = try Parameters(call.query, known: [])
    let database = try await opened(name)
    var answer = Answer(200)
    answer.fields = [("content-type", MediaType.ndjson), ("cache-control", "no-store"), ("x-accel-buffering", "no")]
    if call.method == .head { return answer }
    let place = try StreamPlace(checks, max: Self.checksMax)
    answer.content = .stream { [logger = options.logger, check = options.check, node] write in
      defer {
        database.forgetDeadReaders()
        withExtendedLifetime(place) {}
      }
      do {
        try await cancelWhenGracefulShutdown { try await Self.run(write) { try await node.verify(database, by: check, $0) } }
      } catch {
        logger.notice("a check ended without a result", metadata: ["database": "\(name)", "error": "\(error)"])
        throw error
      }
    }
    return answer
  }

  /// The last line that a check has told. The mutex owns it.
  private final class Line: Sendable {
    private let line = Mutex("{}")
    var text: String {
      get { line.withLock { $0 } }
      set { line.withLock { $0 = newValue } }
    }
  }

  private static func run(
    _ write: @escaping @Sendable (ByteBuffer) async throws -> Void,
    _ check: @escaping @Sendable (_ tell: @escaping @Sendable (String) -> Void) async throws -> Void
  ) async throws {
    let line = Line()
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        try await check { line.text = $0 }
        return true
      }
      group.addTask {
        while !Task.isCancelled {
          try await Task.sleep(for: tellEvery)
          try await write(ByteBuffer(string: line.text + "\n"))
        }
        return false
      }
      // Whichever fails ends the other one: a client that has gone, or a check that can't be made.
      defer { group.cancelAll() }
      _ = try await group.next()
    }
    try Task.checkCancellation()
    try await write(ByteBuffer(string: line.text + "\n"))
  }
}
