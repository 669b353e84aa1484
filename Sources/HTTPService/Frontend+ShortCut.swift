import EventModel
import EventStore
import Laterbase
import NIOCore
import NIOHTTP1

/// The short cut: small requests of the hot kinds are answered on the connection's own event loop, without a task, a hop, or a
/// framework's types. What they answer is what the long way answers; whatever is unusual goes that way.
extension Frontend {
  /// The most bytes of a request that an event loop parses itself.
  private static let shortBytesMax = 64 << 10
  private static let keysMax = 1000

  /// Whether a request looks as if it could take the short cut.
  func mayBeShort(_ head: HTTPRequestHead) -> Bool {
    if hosts.hasCORS || !head.uri.utf8.starts(with: "/db/".utf8) { return false }
    switch head.method {
    case .POST:
      guard let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length <= Self.shortBytesMax else { return false }
      return !head.headers.contains(name: "expect")
    case .GET:
      // One event is short; a list may be long.
      guard !head.uri.utf8.contains(UInt8(ascii: "?")), head.uri.utf8.count > 26 else { return false }
      return !head.headers.contains(name: "content-length") && !head.headers.contains(name: "transfer-encoding")
    default: return false
    }
  }

  /// Begins to answer a request.
  /// - Parameter reply: called once, here or on another thread, with an answer that is no stream.
  /// - Returns: false if the request must go the long way; then `reply` is never called.
  func answerShortly(_ head: HTTPRequestHead, _ body: ByteBuffer, _ reply: @escaping @Sendable (Answer) -> Void) -> Bool {
    let call = Call(head)
    guard case .success(let route) = check(call) else { return false }
    switch route {
    case .events(let name) where call.method == .post: return appendShortly(name, call, body, reply)
    case .read(let name): return readShortly(name, call, body, reply)
    case .event(let name, let id): return eventShortly(name, id, call, reply)
    default: return false
    }
  }

  private func appendShortly(_ name: String, _ call: Call, _ body: ByteBuffer, _ reply: @escaping @Sendable (Answer) -> Void) -> Bool {
    guard let database = node.catalog.opened(name) else { return false }
    do throws(LaterbaseError) {
      let append = try appendCall(name, call)
      guard append.mediaType != MediaType.ndjson, append.consistency.requiredAlone == 1 else { return false }
      let draft = try draft(append, body.bytes)
      if draft.items.isEmpty { return false }
      let ids = append.minimal && draft.items.count != 1 ? [] : draft.items.map(\.ulid)
      database.append(draft) { result in
        switch result {
        case .success(let appended):
          reply(Self.answer(Receipt(ids: ids, appended, consistency: append.consistency), append, created: false))
        case .failure(let error): reply(Answer(error))
        }
      }
    } catch {
      reply(Answer(error))
    }
    return true
  }

  private func readShortly(_ name: String, _ call: Call, _ body: ByteBuffer, _ reply: @Sendable (Answer) -> Void) -> Bool {
    guard call.query == nil, let database = node.catalog.opened(name) else { return false }
    do throws(LaterbaseError) {
      let form = try Accepted.list(call.headers.accept)
      _ = try MediaType.ofRequest(call.headers, taken: [MediaType.json])
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

  private func eventShortly(_ name: String, _ id: String, _ call: Call, _ reply: @Sendable (Answer) -> Void) -> Bool {
    guard call.query == nil, let database = node.catalog.opened(name), let ulid = ULID(id) else { return false }
    do throws(LaterbaseError) {
      try Accepted.json(call.headers.accept)
      reply(try event(database, ulid, bodies: true, call))
    } catch {
      reply(Answer(error))
    }
    return true
  }
}
