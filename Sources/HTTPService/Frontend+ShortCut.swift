import EventModel
import EventStore
import Laterbase
import NIOCore
import NIOHTTP1
import NIOPosix
import Replication
import ViewKit

/// The short cut: small requests of the hot kinds are answered on the connection's own event loop, without a task, a hop, or a
/// framework's types. What they answer is what the long way answers; whatever is unusual goes that way.
extension Frontend {
  /// The most bytes of a body that is gathered here.
  private static let bodyBytesMax = 1 << 20
  /// The most bytes of a body that an event loop parses itself.
  private static let parsedHereBytesMax = 64 << 10
  private static let keysMax = 1000

  /// Whether a body may be so long.
  func takesShortBody(_ bytes: Int) -> Bool { bytes >= 0 && bytes <= min(Self.bodyBytesMax, options.limits.requestBytesMax) }

  /// Whether a request looks as if it could take the short cut.
  func mayBeShort(_ head: HTTPRequestHead) -> Bool {
    if hosts.hasCORS || !head.uri.utf8.starts(with: "/db/".utf8) { return false }
    switch head.method {
    case .POST:
      guard let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), takesShortBody(length) else { return false }
      return !head.headers.contains(name: "expect")
    case .GET:
      // One event is short, and one key of a view; a list may be long.
      guard head.uri.utf8.contains(UInt8(ascii: "?")) ? head.uri.contains("?key=") : head.uri.utf8.count > 26 else { return false }
      return !head.headers.contains(name: "content-length") && !head.headers.contains(name: "transfer-encoding")
    default: return false
    }
  }

  /// What a request that looked so asks for, if its head is right, and it isn't too unusual.
  func shortCall(_ head: HTTPRequestHead) -> ShortCall? {
    let call = Call(head)
    guard case .success(let route) = check(call) else { return nil }
    // What is wrong is said on the long way.
    return try? shortCall(route, call)
  }

  private func shortCall(_ route: Route, _ call: Call) throws(LaterbaseError) -> ShortCall? {
    switch route {
    case .events(let name) where call.method == .post:
      // Hooks may take their time.
      guard node.declaration(name)?.hooks.isEmpty ?? true else { return nil }
      let append = try appendCall(name, call)
      return append.mediaType != MediaType.ndjson && append.consistency == .one ? .append(append) : nil
    case .events: return nil
    // Reads that ask other nodes take their time.
    case _ where !options.readConsistency.isLocal: return nil
    case .read(let name) where call.query == nil:
      _ = try MediaType.ofRequest(call.headers, taken: [MediaType.json])
      return .read(name, try Accepted.list(call.headers.accept))
    case .event(let name, let id) where call.query == nil:
      try Accepted.json(call.headers.accept)
      return ULID(id).map { .event(name, $0, call) }
    case .view(let name, let view):
      if let read = try KeyRead(name, view, call) { return .key(read) }
      return .view(name, view, call)
    default: return nil
    }
  }

  /// Begins to answer a request. On an event loop.
  /// - Parameters:
  ///   - body: of a read of a key, which has none, the key as the request line has it.
  ///   - mailbox: that loop's.
  ///   - reply: called once, on the loop, with an answer that is no stream.
  /// - Returns: false if the request must go the long way; then `reply` is never called.
  func answer(_ call: ShortCall, _ body: ByteBuffer, _ mailbox: Mailbox, _ reply: @escaping @Sendable (Answer) -> Void) -> Bool {
    switch call {
    case .append(let append): return self.append(append, body, mailbox, reply)
    case .read(let name, let form): return read(name, form, body, reply)
    case .event(let name, let ulid, let call): return event(name, ulid, call, reply)
    case .view(let name, let view, let call): return self.view(name, view, call, reply)
    case .key(let read): return key(read, body, reply)
    }
  }

  private func append(
    _ append: AppendCall, _ body: ByteBuffer, _ mailbox: Mailbox, _ reply: @escaping @Sendable (Answer) -> Void
  ) -> Bool {
    guard let database = node.catalog.opened(append.database) else { return false }
    if body.readableBytes <= Self.parsedHereBytesMax {
      record(append, body.bytes, database) { outcome in mailbox.execute { reply(Self.answer(outcome, append)) } }
    } else {
      NIOThreadPool.singleton.submit { [self] _ in
        record(append, body.bytes, database) { outcome in mailbox.execute { reply(Self.answer(outcome, append)) } }
      }
    }
    return true
  }

  private typealias Outcome = Result<(ids: [ULID], appended: Appended), LaterbaseError>

  /// Parses and records; `done` is called here or on the writer's thread.
  private func record(
    _ append: AppendCall, _ bytes: [UInt8], _ database: OpenedDatabase, _ done: @escaping @Sendable (Outcome) -> Void
  ) {
    do throws(LaterbaseError) {
      let draft = try draft(append, bytes)
      if draft.items.isEmpty { return done(.success(([], Self.nothing(database)))) }
      let ids = append.minimal && draft.items.count != 1 ? [] : draft.items.map(\.ulid)
      database.append(draft) { result in done(result.map { (ids, $0) }) }
    } catch {
      done(.failure(error))
    }
  }

  private static func answer(_ outcome: Outcome, _ append: AppendCall) -> Answer {
    switch outcome {
    case .success(let (ids, appended)):
      answer(Receipt(ids: ids, appended), append, created: false)
    case .failure(let error): Answer(error)
    }
  }

  private func read(_ name: String, _ form: ListForm, _ body: ByteBuffer, _ reply: @Sendable (Answer) -> Void) -> Bool {
    guard let database = node.catalog.opened(name) else { return false }
    do throws(LaterbaseError) {
      let keys = try Self.keys(try Self.object(body.bytes))
      guard keys.count <= Self.keysMax else { return false }
      let answer = try answer(KeysReader(database, keys, form: form), of: database, form, Self.writeMissing)
      if case .stream = answer.content { return false }
      reply(answer)
    } catch {
      reply(Answer(error))
    }
    return true
  }

  private func event(_ name: String, _ ulid: ULID, _ call: Call, _ reply: @Sendable (Answer) -> Void) -> Bool {
    guard let database = node.catalog.opened(name) else { return false }
    do throws(LaterbaseError) {
      reply(try event(database, ulid, bodies: true, call))
    } catch {
      reply(Answer(error))
    }
    return true
  }

  private func key(_ read: KeyRead, _ text: ByteBuffer, _ reply: @Sendable (Answer) -> Void) -> Bool {
    guard let database = node.catalog.opened(read.database) else { return false }
    do throws(LaterbaseError) {
      guard let answer = try key(text.readableBytes > 0 ? Substring(String(buffer: text)) : read.text, read, database) else { return false }
      reply(answer)
    } catch {
      return false
    }
    return true
  }

  private func view(_ name: String, _ view: String, _ call: Call, _ reply: @Sendable (Answer) -> Void) -> Bool {
    guard let database = node.catalog.opened(name) else { return false }
    do throws(LaterbaseError) {
      guard let answer = try oneKey(database, view, call) else { return false }
      reply(answer)
    } catch {
      return false
    }
    return true
  }
}

/// What a request on the short cut asks for, as far as its head says.
enum ShortCall: Sendable {
  case append(AppendCall)
  case read(String, ListForm)
  case event(String, ULID, Call)
  case view(String, String, Call)
  /// Of a view's key, which the request line has.
  case key(KeyRead)

  /// Whether another request with the same head but for its length asks for the same.
  var isLasting: Bool {
    switch self {
    case .append, .read, .key: true
    case .event, .view: false
    }
  }
}
