public import EventModel

/// What a level asks for among the members that there are: whose copies count, and how many are needed. A pure value; it knows no clocks.
///
/// Denominators count servers; a device's copy counts for `two` and `three` only, its own too. A majority of m is ⌊m/2⌋ + 1.
///
/// Laws: one more holder takes no level away; `all` ⇒ `each_quorum` ⇒ `quorum`, and `each_quorum` ⇒ `local_quorum` where this node's
/// region has servers; `three` ⇒ `two` ⇒ `one`; two sets of holders that both reach `quorum` have a server in common.
public struct Quorum: Hashable, Sendable {
  /// How many copies there are of those asked for.
  public struct Count: Hashable, Sendable {
    public var required: Int
    public var achieved: Int

    public init(required: Int, achieved: Int) { (self.required, self.achieved) = (required, achieved) }

    public var isReached: Bool { achieved >= required }
  }

  /// Members of whom so many are needed.
  private struct Part: Hashable {
    var ids: Set<Origin>
    var required: Int

    /// A majority of servers. Of none there is none: the level can't be reached.
    static func majority(_ servers: some Sequence<Member>) -> Part {
      let ids = Set(servers.map(\.id))
      return Part(ids: ids, required: ids.count / 2 + 1)
    }
  }

  private let parts: [Part]

  /// - Parameters:
  ///   - node: this node.
  ///   - members: those that hold the database, this node among them.
  public init(_ level: Consistency, node: Origin, members: [Member]) {
    let servers = members.filter { $0.role == .server }
    let region = members.first { $0.id == node }?.region
    switch level {
    case .none: parts = [Part(ids: [node], required: 0)]
    case .one: parts = [Part(ids: [node], required: 1)]
    case .two: parts = [Part(ids: Set(members.map(\.id)), required: 2)]
    case .three: parts = [Part(ids: Set(members.map(\.id)), required: 3)]
    case .quorum: parts = [.majority(servers)]
    case .localQuorum: parts = [.majority(servers.filter { $0.region == region })]
    case .eachQuorum:
      let regions = Dictionary(grouping: servers, by: \.region).values
      parts = regions.isEmpty ? [.majority([])] : regions.map { .majority($0) }
    case .all: parts = [Part(ids: Set(servers.map(\.id)), required: max(1, servers.count))]
    }
  }

  /// How far nodes that hold something bring the level. Where several regions count, what one of them has over its majority doesn't.
  public func count(of holders: Set<Origin>) -> Count {
    let counts = parts.map { (required: $0.required, achieved: $0.ids.intersection(holders).count) }
    let required = counts.reduce(0) { $0 + $1.required }
    guard counts.count > 1 else { return Count(required: required, achieved: counts.first?.achieved ?? 0) }
    return Count(required: required, achieved: counts.reduce(0) { $0 + min($1.required, $1.achieved) })
  }

  /// Whether a member's copy counts.
  public func counts(_ member: Origin) -> Bool { parts.contains { $0.ids.contains(member) } }
}
