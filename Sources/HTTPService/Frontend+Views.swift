import EventModel
import EventStore
import Laterbase
import NIOCore
import ViewEngine
import ViewKit

extension Frontend {
  /// `GET /db/{db}/v`.
  func views(_ name: String, _ call: Call) async throws(LaterbaseError) -> Answer {
    let form = try Accepted.list(call.headers.accept)
    _ = try Parameters(call.query, known: [])
    let database = try await opened(name)
    var body = ByteBuffer()
    if form == .array { body.append(code: "{\"views\":[") }
    for (index, view) in (database.views?.names ?? []).enumerated() {
      if index > 0, form == .array { body.append(code: ",") }
      let status = try database.status(view)
      body.append(
        "{\"name\":\"\(status.name)\",\"version\":\(status.version),\"set\":\"\(status.clock.token)\",\"pending\":\(status.pending)")
      body.append(",\"rows\":\(status.rows),\"skipped\":\(status.skipped)}")
      if form == .lines { body.append(code: "\n") }
    }
    if form == .array { body.append(code: "]}") }
    return Answer(200, form.mediaType, body).adding("vary", "accept").notCached()
  }

  /// `GET /db/{db}/v/{view}/_errors`.
  func skipped(_ name: String, _ view: String, _ call: Call) async throws(LaterbaseError) -> Answer {
    let form = try Accepted.list(call.headers.accept)
    let parameters = try Parameters(call.query, known: ["limit"])
    let limit = try parameters.count("limit", default: 1000)
    let database = try await opened(name)
    var body = ByteBuffer()
    if form == .array { body.append(code: "{\"errors\":[") }
    for (index, event) in try database.skipped(view, limit: limit == 0 ? .max : limit).enumerated() {
      if index > 0, form == .array { body.append(code: ",") }
      body.append("{\"id\":\"\(event.id)\",\"detail\":")
      body.append(quoted: event.reason)
      body.append(code: "}")
      if form == .lines { body.append(code: "\n") }
    }
    if form == .array { body.append(code: "]}") }
    return Answer(200, form.mediaType, body).adding("vary", "accept").notCached()
  }

  private static let viewParameters = [
    "key", "keys", "startkey", "endkey", "inclusive_end", "prefix", "descending", "limit", "skip", "cursor", "update", "timeout",
    "consistency", "at_least",
  ]

  /// `GET /db/{db}/v/{view}` and `GET /{db}/{view}`.
  func view(_ name: String, _ view: String, _ call: Call) async throws(LaterbaseError) -> Answer {
    let form = try Accepted.list(call.headers.accept)
    let parameters = try Parameters(call.query, known: Self.viewParameters)
    let query = try Self.query(parameters)
    let update = try Self.update(parameters)
    let timeout = try parameters.timeout(default: options.viewTimeout)
    let level = try parameters.consistency(default: options.readConsistency)
    let database = try await opened(name)
    try await wait(for: database, parameters)
    try await checkLevel(level, parameters)
    let separator = form == .array ? UInt8(ascii: ",") : UInt8(ascii: "\n")
    let page = try await database.rows(view, query, update: update, separator: separator, timeout: timeout)
    return try answer(page, database, view, parameters, form, call)
  }

  /// Nobody else can be asked yet: a read that asks for more nodes than this one finds too few when its time is over.
  private func checkLevel(_ level: Consistency, _ parameters: Parameters) async throws(LaterbaseError) {
    guard level.requiredAlone > 1 else { return }
    let timeout = try parameters.timeout(default: .seconds(5))
    try await untilShutdown { () throws(LaterbaseError) in try? await Task.sleep(for: timeout) }
    throw LaterbaseError(.behind, "\(level.requiredAlone) nodes were asked for, and this is the only one")
  }

  private func answer(
    _ page: ViewPage, _ database: OpenedDatabase, _ view: String, _ parameters: Parameters, _ form: ListForm, _ call: Call
  ) throws(LaterbaseError) -> Answer {
    guard let compiled = database.declared?.views.first(where: { $0.name == view }) else {
      throw LaterbaseError(.notFound, "there is no view \(view)")
    }
    let set = page.clock.token
    let tag = Self.tag(compiled, parameters, form, set)
    var answer = Answer(200)
    if let held = call.headers.ifNoneMatch, Self.matches(tag, held) {
      answer.status = 304
    } else {
      answer.fields = [("content-type", form.mediaType)]
      answer.content = .bytes(Self.body(page, compiled, set, form))
    }
    answer.add("etag", tag)
    answer.add("vary", "accept")
    return answer.notCached()
  }

  private static func body(_ page: ViewPage, _ view: CompiledView, _ set: String, _ form: ListForm) -> ByteBuffer {
    var body = ByteBufferAllocator().buffer(capacity: page.rows.count + set.utf8.count + 256)
    let facts = "\"view\":\"\(view.name)\",\"version\":\(view.version),\"set\":\"\(set)\""
    let cursor = page.cursor.map { "\"\(Base64URL.encode($0.raw))\"" } ?? "null"
    switch form {
    case .array:
      body.append("{\(facts),\"rows\":[")
      body.append(copying: page.rows.raw)
      body.append("],\"cursor\":\(cursor)}")
    case .lines:
      body.append(copying: page.rows.raw)
      if page.count > 0 { body.append(code: "\n") }
      body.append("{\(facts),\"cursor\":\(cursor)}\n")
    }
    return body
  }

  /// Names all that the answer depends on: the view's meaning, the query, the form, and the set.
  private static func tag(_ view: CompiledView, _ parameters: Parameters, _ form: ListForm, _ set: String) -> String {
    let query = parameters.named.filter { !["update", "timeout", "consistency", "at_least"].contains($0.name) }
      .sorted { $0.name < $1.name }.map { "\($0.name)=\($0.value)" }
    let text = ([view.fingerprint, form.mediaType, set] + query).joined(separator: "\u{0}")
    return "\"\(Digest.sha256([UInt8](text.utf8).raw).hex.prefix(32))\""
  }
}

// MARK: Query
extension Frontend {
  /// What a listing without a limit takes at most, in one snapshot.
  private static let unlimitedBytesMax = 64 << 20

  private static func query(_ parameters: Parameters) throws(LaterbaseError) -> ViewQuery {
    var query = ViewQuery()
    let ranges = ["startkey", "endkey", "inclusive_end", "prefix", "skip", "cursor", "descending", "limit"]
    if let one = parameters.first(of: ["key", "keys"]), let other = parameters.first(of: ranges + (one == "key" ? ["keys"] : [])) {
      throw LaterbaseError(.badParameter, "\(other) can't be given together with \(one)")
    }
    if let key = try json("key", parameters) {
      query.keys = .these([try bytes("key") { () throws(KeyError) in try KeyBytes.bytes(of: key) }])
    }
    if let keys = try json("keys", parameters) {
      guard let elements = keys.elements else { throw Parameters.wrong("keys", "a JSON array of keys") }
      var all: [[UInt8]] = []
      for key in elements { all.append(try bytes("keys") { () throws(KeyError) in try KeyBytes.bytes(of: key) }) }
      query.keys = .these(all)
    }
    if let start = try json("startkey", parameters) {
      query.start = try bytes("startkey") { () throws(KeyError) in try KeyBytes.bound(start) }
    }
    if let end = try json("endkey", parameters) { query.end = try bytes("endkey") { () throws(KeyError) in try KeyBytes.bound(end) } }
    if let prefix = try json("prefix", parameters) {
      query.prefix = try bytes("prefix") { () throws(KeyError) in try ViewQuery.prefix(of: prefix) }
    }
    query.inclusiveEnd = try parameters.flag("inclusive_end", default: true)
    query.descending = try parameters.flag("descending", default: false)
    query.skip = try parameters.count("skip", default: 0)
    query.limit = try parameters.count("limit", default: 1000)
    if query.limit == 0 { query.bytesMax = unlimitedBytesMax }
    if let cursor = parameters.text("cursor") {
      guard let bytes = Base64URL.decode([UInt8](cursor.utf8).raw), !bytes.isEmpty, bytes.count <= 512 else {
        throw Parameters.wrong("cursor", "a cursor that a page gave out")
      }
      query.cursor = bytes
    }
    return query
  }

  private static func json(_ name: String, _ parameters: Parameters) throws(LaterbaseError) -> JSON? {
    guard let text = parameters.text(name) else { return nil }
    let bytes = [UInt8](text.utf8)
    do throws(JSONError) {
      return JSON(normalForm: try JSONNormalForm.normalise(bytes.raw) ?? bytes)
    } catch {
      throw Parameters.wrong(name, "JSON, a string in quotes: \(name)=\"HAM\"")
    }
  }

  private static func bytes(_ name: String, _ body: () throws(KeyError) -> [UInt8]) throws(LaterbaseError) -> [UInt8] {
    do throws(KeyError) { return try body() } catch { throw Parameters.wrong(name, "a key: \(error)") }
  }

  private static func update(_ parameters: Parameters) throws(LaterbaseError) -> ViewUpdate {
    switch parameters.text("update") {
    case nil, "true": return .first
    case "false": return .no
    case "lazy": return .lazy
    default: throw Parameters.wrong("update", "true, false or lazy")
    }
  }
}
