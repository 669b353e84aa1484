import AsyncHTTPClient
import EventModel
public import EventStore
import Laterbase
import NIOCore
import NIOHTTP1
import NIOPosix
public import Replication

/// A node behind its HTTP interface, as a peer. What it sends is hostile until it is verified; an answer that doesn't come is given up.
public struct HTTPPeer: PeerTransport {
  /// `http://127.0.0.1:5283`, without a slash at its end.
  public let name: String

  /// - Parameter url: of the server.
  public init(_ url: String) { name = url.hasSuffix("/") ? String(url.dropLast()) : url }

  /// Of an answer in JSON, bytes.
  private static let answerBytesMax = 16 << 20

  /// The connections to all peers, each its own long poll's. Lives as long as the process.
  private static let http: HTTPClient = {
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.timeout = .init(connect: .seconds(5), read: .seconds(60))
    // Below what a server keeps an idle connection for.
    configuration.connectionPool.idleTimeout = .seconds(30)
    // A poll keeps its connection: with the pool's own limit the ninth database would never be asked for.
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 10_000
    configuration.connectionPool.retryConnectionEstablishment = false
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }()

  public func databases() async throws(SyncError) -> [String] {
    let answer = try await json(try await send(.GET, "/db"))
    guard let list = answer["databases"]?.elements else { throw malformed }
    return list.compactMap { $0["name"]?.string }.filter(DatabaseName.isLegal).sorted()
  }

  public func clock(of database: String) async throws(SyncError) -> PeerClock? {
    do throws(SyncError) {
      return try clock(try await json(try await send(.GET, try path(database, "clock"))))
    } catch {
      if error.code == .notHeld { return nil }
      throw error
    }
  }

  public func pull(
    _ database: String, _ request: PullRequest, receive: @Sendable (RecordPage) async throws(SyncError) -> Void
  ) async throws(SyncError) -> PullEnd {
    let answer = try await send(.POST, try path(database, "pull"), ByteBuffer(bytes: request.bytes))
    guard answer.headers.first(name: "content-type") == MediaType.records else { throw malformed }
    // A page and a record may end behind the bytes asked for, and frames have headers.
    var reader = FrameReader(held: request.held, bytesMax: request.bytesMax * 2 + 4 * PullRequest.pageBytes)
    do {
      for try await chunk in answer.body {
        try reader.take(chunk.readableBytesSpan)
        if reader.page.bytes.count >= PullRequest.pageBytes { try await receive(reader.takePage()) }
      }
    } catch {
      throw unreachable(error)
    }
    if !reader.page.entries.isEmpty { try await receive(reader.takePage()) }
    guard let end = reader.end, reader.isBetweenFrames else { throw SyncError(.unreachable, "\(name) broke off its answer") }
    return end
  }

  public func push(_ database: String, _ pages: [RecordPage]) async throws(SyncError) -> PeerClock {
    var bytes: [UInt8] = []
    for page in pages { Frame.write(page, to: &bytes) }
    return try clock(try await json(try await send(.POST, try path(database, "log"), ByteBuffer(bytes: bytes))))
  }

  // MARK: calls

  private func path(_ database: String, _ what: String) throws(SyncError) -> String {
    guard DatabaseName.isLegal(database) else { throw SyncError(.notHeld, "\(database) can't be a database's name") }
    return "/db/\(database)/\(what)"
  }

  /// Sends a request; its answer's status is 200, its body is not read yet.
  private func send(_ method: HTTPMethod, _ path: String, _ body: ByteBuffer? = nil) async throws(SyncError) -> HTTPClientResponse {
    var request = HTTPClientRequest(url: name + path)
    request.method = method
    if let body {
      request.headers.add(name: "content-type", value: MediaType.records)
      request.body = .bytes(body)
    }
    let answer: HTTPClientResponse
    do { answer = try await Self.http.execute(request, deadline: .distantFuture) } catch { throw unreachable(error) }
    if answer.status == .ok { return answer }
    throw await problem(answer)
  }

  private func json(_ answer: HTTPClientResponse) async throws(SyncError) -> JSON {
    let buffer: ByteBuffer
    do { buffer = try await answer.body.collect(upTo: Self.answerBytesMax) } catch { throw unreachable(error) }
    do throws(JSONError) { return try JSON(parsing: buffer.bytes) } catch { throw malformed }
  }

  private func clock(_ answer: JSON) throws(SyncError) -> PeerClock {
    guard let clock = answer["clock"]?.string.flatMap({ Clock(token: $0) }) else { throw malformed }
    guard let elements = answer["events"]?.int, elements >= 0, let sum = answer["sum"]?.string.flatMap({ AuditSum(hex: $0) }) else {
      return PeerClock(clock, audit: nil)
    }
    return PeerClock(clock, audit: PeerClock.Audit(elements: UInt64(elements), sum: sum))
  }

  // MARK: failures

  /// A problem document as an error.
  private func problem(_ answer: HTTPClientResponse) async -> SyncError {
    let detail = (try? await json(answer))?["detail"]?.string
    let code: SyncError.Code =
      switch answer.status.code {
      case 404: .notHeld
      case 403: .forbidden
      case 409, 422: .refused
      case 412, 415, 400, 413: .malformed
      default: .failed
      }
    return SyncError(code, "\(name): \(detail ?? "it answers \(answer.status.code)")")
  }

  private var malformed: SyncError { SyncError(.malformed, "\(name): the answer is not a peer's") }

  private func unreachable(_ error: any Error) -> SyncError {
    switch error {
    case let error as SyncError: return error
    case is CancellationError: return SyncError(.cancelled, "\(name): nobody waits for the answer any more")
    case let error as NIOConnectionError:
      let why = error.connectionErrors.first.map { "\($0.error)" } ?? "no address"
      return SyncError(.unreachable, "\(name) does not answer: \(why)")
    default: return SyncError(.unreachable, "\(name) does not answer: \(error)")
    }
  }
}
