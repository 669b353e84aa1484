public import EventModel
public import ViewKit

/// Who is in the cluster and who holds what, as the membership database says.
public struct Membership: Hashable, Sendable {
  public enum Standing: String, Sendable {
    case member
    /// It said so itself, and may come back.
    case left
    /// For ever.
    case removed
  }

  /// What is known of a node.
  public struct Entry: Hashable, Sendable {
    /// What it said of itself last; nil: it never did, or it can't be read.
    public var member: Member?
    public var standing = Standing.member
    /// The greatest revision of what it said.
    public var revision: UInt64 = 0
    /// Databases of which it spoke, and whether it holds them.
    public var holdings: [String: Bool] = [:]

    public init(_ member: Member? = nil) { self.member = member }
  }

  public private(set) var entries: [Origin: Entry] = [:]

  /// Nobody.
  public init() {}

  /// What the two views of the membership database say. Rows of nodes whose ids can't be read are left out.
  public init(members: [(key: String, value: MemberRow)], holdings: [(key: Key<String, String>, value: HoldingRow)]) {
    for (text, row) in members {
      guard let id = Origin(text) else { continue }
      entries[id] = Entry(id, row)
    }
    for (key, row) in holdings {
      guard let id = Origin(key.parts.1) else { continue }
      entries[id, default: Entry()].holdings[key.parts.0] = row.holds
      entries[id]?.revision.raise(to: row.revision)
    }
  }

  /// Those that are in the cluster, by rising id.
  public var members: [Member] {
    entries.values.compactMap { $0.standing == .member ? $0.member : nil }.sorted { $0.id < $1.id }
  }

  /// Those in the cluster that hold a database, by rising id. The membership itself is held by all.
  public func members(holding database: String) -> [Member] {
    members.filter { database == NodesDatabase.name || entries[$0.id]?.holdings[database] == true }
  }

  /// The databases that a node of the cluster holds, sorted, without the membership itself.
  public func databases(heldBy node: Origin) -> [String] {
    (entries[node]?.holdings ?? [:]).filter(\.value).keys.sorted()
  }

  /// Where a node stands; nil: it is not known.
  public func standing(of node: Origin) -> Standing? { entries[node]?.standing }

  /// Whether a node that introduced itself so wants to be in the cluster, and there is something of it still to be read here: that it joined,
  /// that it is another one now, at another address for one, or that it left and came back, of which not even the leaving need be here yet.
  public func isBehind(_ introduction: Introduction) -> Bool {
    guard let entry = entries[introduction.member.id] else { return true }
    return switch entry.standing {
    case .member: introduction.revision > entry.revision || entry.member == nil || entry.isOlder(than: introduction)
    case .left: introduction.revision >= entry.revision
    case .removed: false
    }
  }

  /// What a node has to say so that the membership tells the truth about it: nothing, if it does.
  /// - Parameter databases: those that it holds.
  public func corrections(by me: Member, holding databases: Set<String>) -> [NodeEvent] {
    let entry = entries[me.id] ?? Entry()
    if entry.standing == .removed { return [] }
    var revision = entry.revision
    var events: [NodeEvent] = []
    if entry.member != me || entry.standing != .member {
      revision += 1
      events.append(.profile(me, revision: revision))
    }
    for name in databases.union(entry.holdings.keys).sorted() {
      let holds = databases.contains(name)
      if entry.holdings[name] ?? false == holds { continue }
      revision += 1
      events.append(.holding(me.id, revision: revision, database: name, holds: holds))
    }
    return events
  }
}

extension Membership.Entry {
  /// Whether the node says something else of itself than it said last. One that has not read yet what it said doesn't say its revision.
  fileprivate func isOlder(than introduction: Introduction) -> Bool {
    member != introduction.member && (introduction.revision == revision || introduction.revision == 0)
  }

  fileprivate init(_ id: Origin, _ row: MemberRow) {
    if let profile = row.profile, let role = Member.Role(rawValue: profile.role) {
      member = Member(id: id, name: profile.name, address: profile.address, region: profile.region, role: role)
    }
    revision = max(row.profile?.revision ?? 0, row.left)
    standing = row.removed ? .removed : row.left > row.profile?.revision ?? 0 ? .left : .member
  }
}

extension UInt64 {
  fileprivate mutating func raise(to other: UInt64) { self = Swift.max(self, other) }
}
