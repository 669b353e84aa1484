import EventModel
import HummingbirdCore
import Laterbase
import NIOCore
import NIOHTTP1
import Synchronization

/// Answers calls over a node. It knows no connections: the responder, the short cut and the fast lane bring calls here, and take answers away.
final class Frontend: Sendable {
  /// Where the server is in its life.
  enum Phase: Int, AtomicRepresentable { case starting, ready, stopping }

  let node: LaterbaseNode
  let options: ServerOptions
  let hosts: HostRules
  let dates = DateText()
  let mailboxes = Mailboxes()
  let streams = StreamCount()
  let checks = StreamCount()
  let joins = StreamCount()
  private let current = Atomic(Phase.starting)

  /// The request line's and the headers' most bytes.
  private static let lineBytesMax = 8 << 10
  private static let headersBytesMax = 32 << 10

  init(node: LaterbaseNode, options: ServerOptions) {
    self.node = node
    self.options = options
    hosts = HostRules(advertise: options.advertise, allowedHosts: options.allowedHosts, corsOrigins: options.corsOrigins)
  }

  var phase: Phase {
    get { current.load(ordering: .acquiring) }
    set { current.store(newValue, ordering: .releasing) }
  }

  /// Answers any call.
  func respond(to call: Call, _ body: RequestBody) async -> Answer {
    var answer: Answer
    switch check(call) {
    case .failure(let refusal): answer = refusal.answer
    case .success(let route):
      do throws(LaterbaseError) {
        answer = try await self.answer(route, call, body)
      } catch {
        answer = Answer(withHolders(error, route))
      }
    }
    if hosts.hasCORS { addCORS(call, to: &answer) }
    return call.method == .head ? await Self.withoutBody(answer) : answer
  }

  /// An answer in place of a route's.
  struct Refusal: Error {
    let answer: Answer
    init(_ answer: Answer) { self.answer = answer }
    init(_ slug: LaterbaseError.Slug, _ detail: String) { answer = Answer(LaterbaseError(slug, detail)) }
  }

  /// What a call is for, if its line, its headers, its host, its path and its method are right.
  func check(_ call: Call) -> Result<Route, Refusal> {
    if call.lineBytes > Self.lineBytesMax {
      return .failure(
        Refusal(.uriTooLong, "the request line has more than \(Self.lineBytesMax) bytes; long clocks go to POST /db/{db}/e/_feed"))
    }
    if call.headers.bytes > Self.headersBytesMax {
      return .failure(Refusal(.headersTooLarge, "the headers have more than \(Self.headersBytesMax) bytes"))
    }
    do throws(LaterbaseError) { try hosts.check(call.headers) } catch { return .failure(Refusal(Answer(error))) }
    guard let route = Route(path: call.path) else { return .failure(Refusal(.notFound, "there is nothing at this path")) }
    switch call.method {
    case .options: return .failure(Refusal(Answer(204).adding("allow", route.allow(at: call.path))))
    case .head where route.methods.contains(.get): return .success(route)
    case let method? where route.methods(at: call.path).contains(method): return .success(route)
    default:
      let allow = route.allow(at: call.path)
      return .failure(Refusal(Answer(LaterbaseError(.method, "here are: \(allow)")).adding("allow", allow)))
    }
  }

  private func answer(_ route: Route, _ call: Call, _ body: RequestBody) async throws(LaterbaseError) -> Answer {
    switch route {
    case .root, .health, .ready:
      try Accepted.json(call.headers.accept)
      _ = try Parameters(call.query, known: [])
      return try status(route)
    case .databases: return try await databases(call)
    case .database(let name): return try await database(name, call, body)
    case .events(let name): return call.method == .post ? try await append(name, call, body) : try await events(name, call)
    case .feed(let name): return try await feed(name, call, body)
    case .read(let name): return try await read(name, call, body)
    case .event(let name, let id): return try await event(name, id, call)
    case .views(let name): return try await views(name, call)
    case .view(let name, let view) where call.method == .put || call.method == .delete: return try await attach(name, view, call, body)
    case .view(let name, let view) where Self.asksForFeed(call): return try await viewFeed(name, view, call)
    case .view(let name, let view): return try await self.view(name, view, call)
    case .skipped(let name, let view): return try await skipped(name, view, call)
    case .restatements(let name, let view): return try await restatements(name, view, call)
    case .clock(let name): return try await clock(name, call)
    case .verify(let name): return try await verify(name, call)
    case .pull(let name): return try await pull(name, call, body)
    case .log(let name): return try await push(name, call, body)
    case .nodes: return try await nodes(call, body)
    case .node(let id): return try await removeNode(id, call)
    }
  }

  private func status(_ route: Route) throws(LaterbaseError) -> Answer {
    switch route {
    case .root: return .json(["laterbase": JSON(options.version), "node": JSON(node.id.description)])
    case .ready where phase != .ready:
      throw LaterbaseError(.notReady, phase == .starting ? "the server is starting" : "the server is stopping")
    default: return .json(["status": "ok"])
    }
  }

  /// Whether a body that waits to be asked for may come: not one that is too large by its own account.
  func mayContinue(_ head: HTTPRequestHead) -> Bool {
    guard let length = head.headers.first(name: "content-length").flatMap({ Int($0) }) else { return true }
    let type = head.headers.first(name: "content-type") ?? ""
    return length <= options.limits.requestBytesMax || type.hasPrefix(MediaType.ndjson)
  }

  /// A database to read from, by the name in a path.
  func opened(_ name: String) async throws(LaterbaseError) -> OpenedDatabase {
    guard DatabaseName.isLegal(name) || DatabaseName.isSystem(name) else { throw .noDatabase(name) }
    return try await node.catalog.open(name)
  }

  private func addCORS(_ call: Call, to answer: inout Answer) {
    answer.add("vary", "origin")
    guard let origin = hosts.corsOrigin(call.headers) else { return }
    answer.add("access-control-allow-origin", origin)
    answer.add("access-control-expose-headers", "etag, location, preference-applied, retry-after, laterbase-elements")
    if call.method == .options {
      answer.add("access-control-allow-methods", "GET, HEAD, POST, PUT, DELETE")
      answer.add("access-control-allow-headers", "content-type, idempotency-key, if-none-match, prefer")
      answer.add("access-control-max-age", "600")
    }
  }

  /// The answer to HEAD: how long the body would be, and no body.
  private static func withoutBody(_ answer: Answer) async -> Answer {
    var answer = answer
    switch answer.content {
    case .none: return answer
    case .bytes(let body): answer.add("content-length", "\(body.readableBytes)")
    case .stream(let stream):
      let counter = Counter()
      guard (try? await stream { counter.bytes.wrappingAdd($0.readableBytes, ordering: .relaxed) }) != nil else {
        return Answer(LaterbaseError(.storage, "the database could not be read to its end"))
      }
      answer.add("content-length", "\(counter.bytes.load(ordering: .relaxed))")
    }
    answer.content = .none
    return answer
  }
}

/// Counts an answer's bytes.
private final class Counter: Sendable {
  let bytes = Atomic(0)
}
