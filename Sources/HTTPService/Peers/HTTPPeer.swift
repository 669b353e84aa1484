import AsyncHTTPClient
public import EventModel
public import EventStore
import Laterbase
import NIOCore
import NIOHTTP1
import NIOHTTPCompression
import NIOPosix
public import Replication

/// A node behind its HTTP interface, as a peer. What it sends is hostile until it is verified; an answer that doesn't come is given up.
public struct HTTPPeer: PeerTransport {
  /// `http://127.0.0.1:5283`, without a slash at its end.
  public let name: String

  let cluster: String
  /// Whether records go over compressed.
  let compresses: Bool

  /// - Parameters:
  ///   - url: of the server.
  ///   - cluster: the one in whose name it is pushed to.
  ///   - compresses: whether records go over compressed: that costs more time than a loopback takes, and less than most networks do. By
  ///     default they do, but to this machine.
  public init(_ url: String, cluster: String = PullRequest.standardCluster, compresses: Bool? = nil) {
    self.cluster = cluster
    name = url.hasSuffix("/") ? String(url.dropLast()) : url
    self.compresses = compresses ?? !Self.isLoopback(url)
  }

  /// Whether a URL's host is this machine: 127.0.0.0/8, ::1, or `localhost`.
  static func isLoopback(_ url: String) -> Bool {
    let rest = url.split(separator: "//", maxSplits: 1).last ?? ""
    let authority = (rest.split(separator: "/").first ?? "").split(separator: "@").last ?? ""
    if authority.hasPrefix("[") { return authority.hasPrefix("[::1]") }
    let host = authority.split(separator: ":").first ?? ""
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return host == "localhost" || parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  /// Of an answer that was compressed, bytes at most.
  private static let inflatedBytesMax = 64 << 20

  /// The header that says which node an answer is from.
  static let nodeHeader = "laterbase-node"
  /// A longer clock isn't named in a URL.
  private static let clockBytesMax = 6 << 10
  /// Of an answer in JSON, bytes.
  private static let answerBytesMax = 16 << 20
  /// Of an introduction, and of what says what is wrong.
  private static let briefBytesMax = 64 << 10

  /// The connections to all peers, each its own long poll's. Lives as long as the process.
  private static let http = client(inflates: false)
  /// Those to peers whose answers are compressed.
  private static let inflatingHTTP = client(inflates: true)

  private static func client(inflates: Bool) -> HTTPClient {
    var configuration = HTTPClient.Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.timeout = .init(connect: .seconds(5), read: .seconds(60))
    if inflates { configuration.decompression = .enabled(limit: .size(inflatedBytesMax)) }
    // Below what a server keeps an idle connection for.
    configuration.connectionPool.idleTimeout = .seconds(30)
    // A poll keeps its connection: with the pool's own limit the ninth database would never be asked for.
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 10_000
    configuration.connectionPool.retryConnectionEstablishment = false
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  public func join(_ introduction: Introduction) async throws(SyncError) -> Introduction? {
    let body = ByteBuffer(bytes: introduction.json.bytes)
    let answer = try await send(.POST, "/nodes", body, type: MediaType.json, within: .seconds(60))
    guard let other = Introduction(try await json(answer, bytesMax: Self.briefBytesMax)) else { throw malformed }
    return other
  }

  public func databases() async throws(SyncError) -> [String] {
    let answer = try await json(try await send(.GET, "/db"))
    guard let list = answer["databases"]?.elements else { throw malformed }
    return list.compactMap { $0["name"]?.string }.filter(DatabaseName.isLegal).sorted()
  }

  public func clock(of database: String) async throws(SyncError) -> PeerClock? {
    try await clock(of: database, "", within: .seconds(60))
  }

  public func clock(of database: String, atLeast clock: Clock, timeout: Duration) async throws(SyncError) -> PeerClock? {
    let token = clock.token
    guard !clock.isEmpty, token.utf8.count <= Self.clockBytesMax else { return try await self.clock(of: database, "", within: timeout) }
    // No longer than an answer may take to begin.
    let milliseconds = min(max(1, timeout / .milliseconds(1)), 50_000)
    return try await self.clock(of: database, "?at_least=\(token)&timeout=\(Int(milliseconds))ms", within: timeout + .seconds(5))
  }

  private func clock(of database: String, _ query: String, within time: Duration) async throws(SyncError) -> PeerClock? {
    do throws(SyncError) {
      return try await clock(try await send(.GET, try path(database, "clock") + query, within: time))
    } catch {
      if error.code == .notHeld { return nil }
      throw error
    }
  }

  public func pull(
    _ database: String, _ request: PullRequest, receive: @Sendable (RecordPage) async throws(SyncError) -> Void
  ) async throws(SyncError) -> PullEnd {
    let answer = try await pull(database, request)
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
    guard var end = reader.end, reader.isBetweenFrames else { throw SyncError(.unreachable, "\(name) broke off its answer") }
    end.peer.node = Self.node(answer)
    return end
  }

  /// Sends a pull; once more with the whole clock if the peer doesn't know its base any more.
  private func pull(_ database: String, _ request: PullRequest) async throws(SyncError) -> HTTPClientResponse {
    let path = try path(database, "pull")
    do throws(SyncError) {
      return try await send(.POST, path, ByteBuffer(bytes: request.bytes), inflates: !request.asksForNothing)
    } catch {
      guard error.code == .unknownBase, !request.base.isEmpty else { throw error }
    }
    var whole = request
    whole.base = Clock()
    return try await pull(database, whole)
  }

  public func push(_ database: String, _ pages: [RecordPage]) async throws(SyncError) -> PeerClock {
    try await push(database, pages, from: .nobody)
  }

  // MARK: calls

  func path(_ database: String, _ what: String) throws(SyncError) -> String {
    guard DatabaseName.isShared(database) else { throw SyncError(.notHeld, "\(database) can't be a database's name") }
    return "/db/\(database)/\(what)"
  }

  /// Sends a request; its answer's status is 200, its body is not read yet.
  func send(
    _ method: HTTPMethod, _ path: String, _ body: ByteBuffer? = nil, type: String = MediaType.records, accept: String? = nil,
    isPacked: Bool = false, inflates: Bool = false, within time: Duration? = nil
  ) async throws(SyncError) -> HTTPClientResponse {
    let deadline = time.map { NIODeadline.now() + TimeAmount($0) } ?? .distantFuture
    var request = HTTPClientRequest(url: name + path)
    request.method = method
    if let body {
      request.headers.add(name: "content-type", value: type)
      if let accept { request.headers.add(name: "accept", value: accept) }
      if isPacked { request.headers.add(name: "content-encoding", value: "gzip") }
      if compresses, inflates { request.headers.add(name: "accept-encoding", value: "gzip") }
      request.body = .bytes(body)
    }
    let answer: HTTPClientResponse
    let http = compresses && inflates ? Self.inflatingHTTP : Self.http
    do { answer = try await http.execute(request, deadline: deadline) } catch { throw unreachable(error) }
    if answer.status == .ok { return answer }
    throw await problem(answer)
  }

  private func json(_ answer: HTTPClientResponse, bytesMax: Int = answerBytesMax) async throws(SyncError) -> JSON {
    let buffer: ByteBuffer
    do { buffer = try await answer.body.collect(upTo: bytesMax) } catch { throw unreachable(error) }
    do throws(JSONError) { return try JSON(parsing: buffer.bytes) } catch { throw malformed }
  }

  func clock(_ answer: HTTPClientResponse) async throws(SyncError) -> PeerClock {
    let json = try await json(answer)
    guard let clock = json["clock"]?.string.flatMap({ Clock(token: $0) }) else { throw malformed }
    let node = Self.node(answer)
    guard let elements = json["events"]?.int, elements >= 0, let sum = json["sum"]?.string.flatMap({ AuditSum(hex: $0) }) else {
      return PeerClock(clock, audit: nil, node: node)
    }
    return PeerClock(clock, audit: PeerClock.Audit(elements: UInt64(elements), sum: sum), node: node)
  }

  /// Which node answered; nil if it doesn't say.
  static func node(_ answer: HTTPClientResponse) -> Origin? {
    answer.headers.first(name: nodeHeader).flatMap { Origin($0) }
  }

  // MARK: failures

  /// A problem document as an error.
  private func problem(_ answer: HTTPClientResponse) async -> SyncError {
    let detail = (try? await json(answer, bytesMax: Self.briefBytesMax))?["detail"]?.string.map { String($0.prefix(1000)) }
    let code: SyncError.Code =
      switch answer.status.code {
      case 404: .notHeld
      case 403: .forbidden
      case 409, 422: .refused
      case 412: .unknownBase
      case 415, 400, 413: .malformed
      default: .failed
      }
    return SyncError(code, "\(name): \(detail ?? "it answers \(answer.status.code)")")
  }

  var malformed: SyncError { SyncError(.malformed, "\(name): the answer is not a peer's") }

  func unreachable(_ error: any Error) -> SyncError {
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
