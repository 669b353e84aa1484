import EventModel
import EventStore
import HummingbirdCore
import Laterbase
import NIOCore
import Replication
import ViewEngine

extension Frontend {
  /// `GET /db`.
  func databases(_ call: Call) async throws(LaterbaseError) -> Answer {
    let form = try Accepted.list(call.headers.accept)
    _ = try Parameters(call.query, known: [])
    var body = ByteBuffer()
    if form == .array { body.append("{\"databases\":[") }
    var first = true
    for name in try node.catalog.names() {
      // One that goes meanwhile is not there.
      guard let database = try? await node.catalog.open(name) else { continue }
      if !first, form == .array { body.append(",") }
      first = false
      let bytes = try database.reading { (set) throws(StoreError) in try set.store.bytesUsed() }
      body.append("{\"name\":\"\(name)\",\"events\":\(database.set.state.elements),\"bytes\":\(bytes)}")
      if form == .lines { body.append("\n") }
    }
    if form == .array { body.append("]}") }
    return Answer(200, form.mediaType, body).adding("vary", "accept")
  }

  /// `GET`, `PUT`, `POST` and `DELETE /db/{db}`.
  func database(_ name: String, _ call: Call, _ body: RequestBody) async throws(LaterbaseError) -> Answer {
    try Accepted.json(call.headers.accept)
    switch call.method {
    case .put, .post:
      _ = try Parameters(call.query, known: [])
      try checkWritable(name)
      guard try await collect(body, call, bytesMax: 64 << 10).isEmpty else {
        throw LaterbaseError(.badParameter, "a database is made without a body")
      }
      let (database, created) = try await node.catalog.create(name)
      let answer = try info(database, status: created ? 201 : 200)
      return created ? answer.adding("location", "/db/\(name)") : answer
    case .delete: return try await delete(name, call)
    default:
      let parameters = try Parameters(call.query, known: ["consistency", "at_least", "timeout"])
      let database = try await opened(name)
      try await wait(for: database, parameters, level: .one)
      return try info(database, status: 200)
    }
  }

  private func delete(_ name: String, _ call: Call) async throws(LaterbaseError) -> Answer {
    let parameters = try Parameters(call.query, known: ["confirm", "lose"])
    let lose = try parameters.count("lose", default: 0)
    try checkWritable(name)
    _ = try await node.catalog.open(name)
    guard parameters.text("confirm") == name else {
      throw LaterbaseError(.badParameter, "confirm must be the database's name: DELETE /db/\(name)?confirm=\(name)")
    }
    try await node.removeDatabase(name, losing: UInt64(lose))
    return Answer(204)
  }

  /// Refuses a name that clients can't write to.
  func checkWritable(_ name: String) throws(LaterbaseError) {
    if DatabaseName.isLegal(name) { return }
    if DatabaseName.isSystem(name) { throw LaterbaseError(.forbidden, "databases whose names begin with _ are the system's") }
    throw LaterbaseError(.badParameter, "a database's name is [a-z][a-z0-9_-]{0,63}, and none of the service's own")
  }

  private func info(_ database: OpenedDatabase, status: Int) throws(LaterbaseError) -> Answer {
    let (state, bytes, suspects) = try database.reading { (set) throws(StoreError) in
      (set.state, try set.store.bytesUsed(), try set.suspects())
    }
    var body = ByteBuffer()
    body.append("{\"database\":\"\(database.name)\",\"events\":\(state.elements),\"records\":\(state.records),\"bytes\":\(bytes)")
    body.append(",\"origin\":\(state.own.map { "\"\($0)\"" } ?? "null"),\"clock\":\"\(state.clock.token)\",\"origins\":")
    Self.append(origins: state.clock, to: &body)
    let forked = state.forked.keys.sorted().map { "\"\($0)\"" }.joined(separator: ",")
    body.append(",\"forks\":{\"origins\":[\(forked)],\"repaired\":\(state.forked.values.reduce(0, +))}")
    let damaged = database.set.damaged.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
    body.append(",\"damaged\":{\(damaged)},\"set_aside\":")
    body.append(JSON(try node.catalog.asides(of: database.name).map { JSON($0) }).description)
    body.append(",\"conflicts\":\(state.conflicts),\"suspects\":\(suspects),\"views\":[")
    body.append(database.views.names.map { "\"\($0)\"" }.joined(separator: ","))
    body.append("],\"hooks\":[")
    for (index, hook) in try database.hookStatus().enumerated() {
      if index > 0 { body.append(",") }
      body.append("{\"name\":\"\(hook.name)\",\"clock\":\"\(hook.clock.token)\",\"pending\":\(hook.pending),\"failure\":")
      if let failure = hook.failure { body.append(quoted: failure) } else { body.append("null") }
      body.append("}")
    }
    body.append("],")
    append(try node.receipts(of: database), to: &body)
    body.append("}")
    return Answer(status, MediaType.json, body).notCached()
  }
}

extension ListForm {
  var mediaType: String { self == .array ? MediaType.json : MediaType.ndjson }
}
