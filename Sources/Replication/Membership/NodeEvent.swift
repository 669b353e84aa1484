public import EventModel
public import ViewKit

/// An event of the membership database: what a node says of itself, or that one was removed for ever.
///
///     {"node":"0ZK3…","revision":3,"name":"ham-1","address":"http://10.0.0.5:5283","region":"eu","role":"server"}
///     {"node":"0ZK3…","revision":4,"database":"shipments","holds":true}
///     {"node":"0ZK3…","revision":5,"left":true}
///     {"node":"0ZK3…","removed":true}
///
/// A node numbers what it says by rising revisions, and the highest counts, whichever arrives first. Only `removed` is said of others, and
/// no revision takes it back.
public enum NodeEvent: EventType, Codable, Hashable {
  case profile(Member, revision: UInt64)
  case holding(Origin, revision: UInt64, database: String, holds: Bool)
  case left(Origin, revision: UInt64)
  case removed(Origin)

  private enum CodingKeys: CodingKey { case node, revision, name, address, region, role, database, holds, left, removed }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    guard let node = Origin(try container.decode(String.self, forKey: .node)) else { throw Refusal("/node", "is no node's id") }
    if try container.decodeIfPresent(Bool.self, forKey: .removed) == true {
      self = .removed(node)
      return
    }
    let revision = try container.decode(UInt64.self, forKey: .revision)
    if try container.decodeIfPresent(Bool.self, forKey: .left) == true {
      self = .left(node, revision: revision)
    } else if let database = try container.decodeIfPresent(String.self, forKey: .database) {
      self = .holding(node, revision: revision, database: database, holds: try container.decode(Bool.self, forKey: .holds))
    } else {
      guard let role = Member.Role(rawValue: try container.decode(String.self, forKey: .role)) else {
        throw Refusal("/role", "is none of: " + Member.Role.allCases.map(\.rawValue).joined(separator: ", "))
      }
      let member = Member(
        id: node, name: try container.decode(String.self, forKey: .name),
        address: try container.decodeIfPresent(String.self, forKey: .address), region: try container.decode(String.self, forKey: .region),
        role: role)
      self = .profile(member, revision: revision)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .profile(let member, let revision):
      try container.encode(member.id.description, forKey: .node)
      try container.encode(revision, forKey: .revision)
      try container.encode(member.name, forKey: .name)
      try container.encodeIfPresent(member.address, forKey: .address)
      try container.encode(member.region, forKey: .region)
      try container.encode(member.role.rawValue, forKey: .role)
    case .holding(let node, let revision, let database, let holds):
      try container.encode(node.description, forKey: .node)
      try container.encode(revision, forKey: .revision)
      try container.encode(database, forKey: .database)
      try container.encode(holds, forKey: .holds)
    case .left(let node, let revision):
      try container.encode(node.description, forKey: .node)
      try container.encode(revision, forKey: .revision)
      try container.encode(true, forKey: .left)
    case .removed(let node):
      try container.encode(node.description, forKey: .node)
      try container.encode(true, forKey: .removed)
    }
  }
}
