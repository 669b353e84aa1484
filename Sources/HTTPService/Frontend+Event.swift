import EventModel
import EventStore
import Laterbase
import NIOCore

extension Frontend {
  /// `GET /db/{db}/e/{ulid}`.
  func event(_ name: String, _ id: String, _ call: Call) async throws(LaterbaseError) -> Answer {
    try Accepted.json(call.headers.accept)
    let parameters = try Parameters(call.query, known: ["bodies", "consistency", "at_least", "timeout"])
    let bodies = try parameters.flag("bodies", default: true)
    let database = try await opened(name)
    guard let ulid = ULID(id) else { throw LaterbaseError(.notFound, "\(id) is not a ULID") }
    try await wait(for: database, parameters)
    return try event(database, ulid, bodies: bodies, call)
  }

  /// One event: of two bodies that with the least digest.
  func event(_ database: OpenedDatabase, _ ulid: ULID, bodies: Bool, _ call: Call) throws(LaterbaseError) -> Answer {
    var body = ByteBufferAllocator().buffer(capacity: 1 << 10)
    var digest: Digest?
    let count = try database.reading { (set) throws(StoreError) in
      try set.events(ulid) { (event, bytes) throws(StoreError) in
        if digest == nil {
          digest = Digest.sha256(bytes)
          var renderer = EventRenderer(bodies: bodies)
          renderer.write(event, bytes, to: &body)
        }
        return true
      }
    }
    guard let digest else { throw LaterbaseError(.notFound, "there is no event \(ulid) in \(database.name)") }
    let tag = "\"\(digest.hex)\""
    let isHeld = call.headers.ifNoneMatch.map { Self.matches(tag, $0) } ?? false
    var answer = isHeld ? Answer(304) : Answer(200, MediaType.json, body)
    answer.add("etag", tag)
    if count > 1 { answer.add("laterbase-elements", "\(count)") }
    return answer.notCached()
  }

  /// Whether one of the tags of `If-None-Match` is this one, weak or not.
  static func matches(_ tag: String, _ header: String) -> Bool {
    header.split(separator: ",").contains {
      let named = $0.trimmed
      return named == "*" || named == tag || named == "W/" + tag
    }
  }
}
