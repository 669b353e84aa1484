import EventModel
import EventStore
import Laterbase
import NIOCore
import Replication
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
    for (index, view) in database.views.names.enumerated() {
      if index > 0, form == .array { body.append(code: ",") }
      let status = try database.status(view)
      body.append(
        "{\"name\":\"\(status.name)\",\"version\":\(status.version),\"set\":\"\(status.clock.token)\",\"pending\":\(status.pending)")
      body.append(",\"rows\":\(status.rows),\"skipped\":\(status.skipped),\"attached\":\(database.views.isAttached(view))}")
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
    let pieces = try database.skipped(view, limit: limit, form: form)
    return try answer(pieces, of: database, form, head: form == .array ? "{\"errors\":[" : "")
  }

  /// `GET /db/{db}/v/{view}` and `GET /{db}/{view}`.
  func view(_ name: String, _ view: String, _ call: Call) async throws(LaterbaseError) -> Answer {
    let read = try ViewCall(call, options)
    let database = try await opened(name)
    try await wait(for: database, read.parameters)
    if let answer = try oneKey(read, database, view, call) { return answer }
    let compiled = try database.compiled(view)
    let query = try read.query(of: database)
    let listing = try await database.listing(view, query, update: read.update, timeout: read.timeout)
    // What is said beside an event's body may change without the view.
    let held = query.shape == .rows(events: true) ? database.set.state.clock.token : ""
    let tag = Self.tag(compiled, read.form, Self.tagged(read.parameters), listing.token + held)
    var answer: Answer
    if let held = call.headers.ifNoneMatch, Self.matches(tag, held) {
      answer = Answer(304).adding("vary", "accept").notCached()
    } else {
      let facts = "\"view\":\"\(compiled.name)\",\"version\":\(compiled.version),\"set\":\"\(listing.token)\""
      let head = read.form == .array ? "{\(facts),\"rows\":[" : ""
      answer = try self.answer(
        ViewPieces(database, view, query, listing, form: read.form), of: database, read.form, head: head
      ) { (pieces, body) in
        if read.form == .lines { body.append("\(facts),") }
        body.append("\"cursor\":\(pieces.cursor.map { "\"\(Base64URL.encode($0.raw))\"" } ?? "null")")
      }
    }
    if case .lazy = read.update { try database.startCatchUp(view) }
    return answer.adding("etag", tag)
  }

  /// The answer to a read of one key of a view that is up to date: a point read, nothing is waited for.
  /// - Returns: nil: the request asks for something else, or the view must catch up first.
  func oneKey(_ database: OpenedDatabase, _ view: String, _ call: Call) throws(LaterbaseError) -> Answer? {
    let read = try ViewCall(call, options)
    guard !read.parameters.contains("at_least"), read.level.isLocal else { return nil }
    return try oneKey(read, database, view, call)
  }

  private func oneKey(_ read: ViewCall, _ database: OpenedDatabase, _ view: String, _ call: Call) throws(LaterbaseError) -> Answer? {
    guard let key = read.oneKey else { return nil }
    return try answer(key, Self.tagged(read.parameters), read.form, call.headers.ifNoneMatch, database, view)
  }

  /// The same to a request whose head was known but for the key's text.
  func key(_ text: Substring, _ read: KeyRead, _ database: OpenedDatabase) throws(LaterbaseError) -> Answer? {
    guard let key = AskedKey(text), let value = text.percentDecoded else { return nil }
    return try answer(key, ["key=\(value)"], read.form, read.ifNoneMatch, database, read.view)
  }

  private func answer(
    _ key: AskedKey, _ query: [String], _ form: ListForm, _ ifNoneMatch: String?, _ database: OpenedDatabase, _ view: String
  ) throws(LaterbaseError) -> Answer? {
    let compiled = try database.compiled(view)
    return try database.value(view, key.bytes) { (set, value) in
      let tag = Self.tag(compiled, form, query, set)
      var answer = Answer(200)
      if let ifNoneMatch, Self.matches(tag, ifNoneMatch) {
        answer.status = 304
      } else {
        answer.fields = [("content-type", form.mediaType)]
        answer.content = .bytes(Self.body(key.json, value, compiled, set, form))
      }
      answer.add("etag", tag)
      answer.add("vary", "accept")
      return answer.notCached()
    }
  }

  private static func body(_ key: JSON, _ value: RawSpan, _ view: CompiledView, _ set: String, _ form: ListForm) -> ByteBuffer {
    var body = ByteBufferAllocator().buffer(capacity: key.raw.byteCount + value.byteCount + set.utf8.count + 256)
    func writeFacts() {
      body.append(code: "{\"view\":\"")
      body.append(view.name)
      body.append(code: "\",\"version\":")
      body.append("\(view.version)")
      body.append(code: ",\"set\":\"")
      body.append(set)
    }
    if form == .array {
      writeFacts()
      body.append(code: "\",\"rows\":[")
    }
    if value.byteCount > 0 {
      body.append(code: "{\"key\":")
      body.append(copying: key.raw)
      body.append(code: ",\"value\":")
      body.append(copying: value)
      body.append(code: "}")
      if form == .lines { body.append(code: "\n") }
    }
    if form == .lines {
      writeFacts()
      body.append(code: "\",\"cursor\":null}\n")
    } else {
      body.append(code: "],\"cursor\":null}")
    }
    return body
  }

  /// Names all that the answer depends on: the view's meaning, the query, the form, and the set.
  private static func tag(_ view: CompiledView, _ form: ListForm, _ query: [String], _ set: String) -> String {
    let text = ([view.fingerprint, form.mediaType, set] + query).joined(separator: "\u{0}")
    return "\"\(Digest.sha256([UInt8](text.utf8).raw).hex.prefix(32))\""
  }

  /// The parameters that an answer depends on.
  private static func tagged(_ parameters: Parameters) -> [String] {
    parameters.named.filter { !["update", "timeout", "consistency", "at_least"].contains($0.name) }
      .sorted { $0.name < $1.name }.map { "\($0.name)=\($0.value)" }
  }
}
