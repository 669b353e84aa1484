import EventModel
public import ViewKit

/// The membership database's first view: by node id, what the node said of itself last, and whether it left or was removed.
public struct MembersView: ReduceView {
  public let name = "members"

  public init() {}

  public func map(_ event: NodeEvent, _ when: Happened, emit: inout Emit<String, MemberRow>) {
    switch event {
    case .profile(let member, let revision):
      let profile = MemberRow.Profile(
        revision: revision, name: member.name, address: member.address, region: member.region, role: member.role.rawValue)
      emit(member.id.description, MemberRow(profile: profile))
    case .left(let node, let revision): emit(node.description, MemberRow(left: revision))
    case .removed(let node): emit(node.description, MemberRow(removed: true))
    case .holding: break
    }
  }
}

/// What is known of one node. Joining is associative and idempotent; of two profiles of one revision, which only a node that was restored
/// from a backup can have written, the one that happened later counts.
public struct MemberRow: Reducible, Hashable {
  public struct Profile: Codable, Hashable, Sendable {
    public var revision: UInt64
    public var name: String
    public var address: String?
    public var region: String
    public var role: String
  }

  public var profile: Profile?
  /// The revision at which it last said that it left; 0: never.
  public var left: UInt64
  public var removed: Bool

  init(profile: Profile? = nil, left: UInt64 = 0, removed: Bool = false) {
    (self.profile, self.left, self.removed) = (profile, left, removed)
  }

  public func joined(_ later: MemberRow) -> MemberRow {
    let isNewer = (later.profile?.revision ?? 0) >= (profile?.revision ?? 0)
    return MemberRow(
      profile: isNewer ? later.profile ?? profile : profile, left: max(left, later.left), removed: removed || later.removed)
  }
}

/// The membership database's second view: by database and node id, whether the node holds the database.
public struct HoldingsView: ReduceView {
  public let name = "holdings"

  public init() {}

  public func map(_ event: NodeEvent, _ when: Happened, emit: inout Emit<Key<String, String>, HoldingRow>) {
    guard case .holding(let node, let revision, let database, let holds) = event else { return }
    emit(Key(database, node.description), HoldingRow(revision: revision, holds: holds))
  }
}

/// What a node said last of one database. Joining is as that of `MemberRow`.
public struct HoldingRow: Reducible, Hashable {
  public var revision: UInt64
  public var holds: Bool

  public func joined(_ later: HoldingRow) -> HoldingRow { later.revision >= revision ? later : self }
}

/// The database that says who is in the cluster: synced as any other, so there is no second protocol. Clients can't append to it.
public enum NodesDatabase {
  public static let name = "_nodes"
  public static let declaration = Database(name, of: NodeEvent.self) {
    MembersView()
    HoldingsView()
  }
}
