import EventModel
import EventStore
import HummingbirdCore
import Laterbase
import NIOCore
import Replication
import ServiceLifecycle

extension Frontend {
  /// The whole body of a request.
  /// - Throws: `too-large`, before anything is read if the request says so itself.
  func collect(_ body: RequestBody, _ call: Call, bytesMax: Int) async throws(LaterbaseError) -> [UInt8] {
    let tooLarge = LaterbaseError(.tooLarge, "the body has more than \(bytesMax) bytes")
    if let length = call.headers.contentLength, length > bytesMax { throw tooLarge }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(call.headers.contentLength ?? 0, bytesMax))
    do {
      for try await piece in body {
        guard bytes.count + piece.readableBytes <= bytesMax else { throw tooLarge }
        bytes.append(copying: piece.readableBytesSpan)
      }
    } catch let error as LaterbaseError {
      throw error
    } catch {
      throw Self.brokenOff
    }
    return bytes
  }

  /// Nobody is there to read this.
  static let brokenOff = LaterbaseError(.badParameter, "the request ended before its body")

  /// An object of a request's body.
  func object(_ body: RequestBody, _ call: Call, bytesMax: Int) async throws(LaterbaseError) -> JSON {
    _ = try MediaType.ofRequest(call.headers, taken: [MediaType.json])
    return try Self.object(try await collect(body, call, bytesMax: bytesMax))
  }

  static func object(_ bytes: [UInt8]) throws(LaterbaseError) -> JSON {
    let json: JSON
    do throws(JSONError) {
      json = JSON(normalForm: try JSONNormalForm.normalise(bytes.raw) ?? bytes)
    } catch {
      throw LaterbaseError(.notJSON, "\(error)")
    }
    guard json.kind == .object else { throw LaterbaseError(.badParameter, "the body must be an object") }
    return json
  }

  /// Waits for what a read asks for: what so many nodes hold as `consistency` says, and `at_least`.
  /// - Parameter level: of a read that names none.
  func wait(for database: OpenedDatabase, _ parameters: Parameters, level: Consistency? = nil) async throws(LaterbaseError) {
    let level = try parameters.consistency(default: level ?? options.readConsistency)
    let clock = try parameters.clock("at_least") ?? Clock()
    let timeout = try parameters.timeout(default: .seconds(5))
    if level.isLocal, database.set.state.clock.covers(clock) { return }
    let deadline = ContinuousClock.now + timeout
    try await untilShutdown { [node] () throws(LaterbaseError) in
      try await node.reach(level, in: database, timeout: timeout)
      try await node.wait(atLeast: clock, in: database, timeout: max(.zero, deadline - .now))
    }
  }

  /// Runs what may wait long: cancelled when the server is asked to stop.
  func untilShutdown<R: Sendable>(_ body: @escaping @Sendable () async throws(LaterbaseError) -> R) async throws(LaterbaseError) -> R {
    do {
      return try await cancelWhenGracefulShutdown { try await body() }
    } catch let error as LaterbaseError {
      throw error
    } catch {
      throw LaterbaseError(.notReady, "the server is stopping")
    }
  }
}
