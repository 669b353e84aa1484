import HummingbirdCore
import Laterbase
import NIOCore
import ViewEngine
import ViewKit

extension Frontend {
  /// `PUT` and `DELETE /db/{db}/v/{view}`.
  func attach(_ name: String, _ view: String, _ call: Call, _ body: RequestBody) async throws(LaterbaseError) -> Answer {
    try Accepted.json(call.headers.accept)
    _ = try Parameters(call.query, known: [])
    try checkWritable(name)
    guard try await collect(body, call, bytesMax: 64 << 10).isEmpty else {
      throw LaterbaseError(.badParameter, "a view is \(call.method == .put ? "attached" : "detached") without a body")
    }
    let database = try await opened(name)
    if call.method == .delete {
      try await database.detach(view)
      return Answer(204)
    }
    let isNew = try await database.attach(view)
    let compiled = try database.compiled(view)
    var answer = ByteBuffer()
    answer.append("{\"name\":\"\(compiled.name)\",\"version\":\(compiled.version),\"attached\":\(database.views.isAttached(view))}")
    let made = Answer(isNew ? 201 : 200, MediaType.json, answer).notCached()
    return isNew ? made.adding("location", "/db/\(name)/v/\(view)") : made
  }
}
