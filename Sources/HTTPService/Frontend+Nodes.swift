import EventModel
import HummingbirdCore
import Laterbase
import NIOCore
import Replication

extension Frontend {
  /// How long an introduction may be.
  private static let introductionBytesMax = 16 << 10
  /// As many requests to join are under way at a time: each waits for somebody else.
  private static let joinsMax = 8

  /// `GET` and `POST /nodes`.
  func nodes(_ call: Call, _ body: RequestBody) async throws(LaterbaseError) -> Answer {
    try Accepted.json(call.headers.accept)
    _ = try Parameters(call.query, known: [])
    guard call.method == .post else { return try nodes() }
    let object = try await object(body, call, bytesMax: Self.introductionBytesMax)
    // A node that says who it is wants to join; without that, this one is told to.
    if object["node"] == nil, let url = object["url"] { return try await join(url, object) }
    guard let introduction = Introduction(object) else {
      throw LaterbaseError(
        .badParameter,
        "the body must be a node's introduction: cluster, node, name, region, role, and its address if it has one; or the url of a node "
          + "whose cluster this one is to join")
    }
    return .json(try node.cluster.meet(introduction).json).notCached()
  }

  /// Joins the cluster of the node at a URL.
  private func join(_ url: JSON, _ object: JSON) async throws(LaterbaseError) -> Answer {
    guard let url = url.string, object.members?.count == 1 else {
      throw LaterbaseError(.badParameter, "to let this node join, the body is {\"url\":\"http://host:port\"}, and nothing else")
    }
    guard joins.take(max: Self.joinsMax) else { throw LaterbaseError(.busy, "this node is joining at \(Self.joinsMax) URLs already") }
    defer { joins.give() }
    return .json(try await node.join(url).json).notCached()
  }

  private func nodes() throws(LaterbaseError) -> Answer {
    let nodes = try node.nodes().map { status in
      var members: [(name: String, value: JSON)] = [
        ("id", Self.text(status.id?.description)), ("name", Self.text(status.member?.name)), ("address", Self.text(status.address)),
        ("region", Self.text(status.member?.region)), ("role", Self.text(status.member?.role.rawValue)),
        ("databases", JSON(status.databases.map { JSON($0) })), ("last_heard", Self.text(status.lastHeard?.description)),
        ("lag", status.lag.map { JSON($0) } ?? .null), ("state", JSON(status.state)),
      ]
      if status.isThis { members.append(("this", JSON(true))) }
      if status.sharesName { members.append(("shares_name", JSON(true))) }
      return JSON(members: members)
    }
    return .json(JSON(members: [("nodes", JSON(nodes))])).notCached()
  }

  private static func text(_ text: String?) -> JSON { text.map { JSON($0) } ?? .null }

  /// `DELETE /nodes/{id}`: removes a node for ever; `DELETE /nodes/self`: this node leaves.
  func removeNode(_ text: String, _ call: Call) async throws(LaterbaseError) -> Answer {
    try Accepted.json(call.headers.accept)
    _ = try Parameters(call.query, known: [])
    if text == "self" {
      let told = try await node.leave()
      return Answer.json(JSON(members: [("left", JSON(true)), ("told", JSON(told))])).notCached()
    }
    guard let id = Origin(text) else { throw LaterbaseError(.notFound, "\(text) is no node's id") }
    try await node.remove(member: id)
    return Answer(204)
  }

  /// The problem of a database that isn't here, with the members that hold it.
  func withHolders(_ error: LaterbaseError, _ route: Route) -> LaterbaseError {
    guard error.slug == .noDatabase, let name = route.database else { return error }
    var error = error
    error.holders = node.cluster.holders(of: name)
    return error
  }
}
