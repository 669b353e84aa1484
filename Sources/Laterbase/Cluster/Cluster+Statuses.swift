package import EventModel
import EventStore
package import Replication

/// What a person is told of the cluster.
extension Cluster {
  /// A node, as `/nodes` tells of it.
  package struct Status: Sendable {
    /// Nil: whoever answers at a peer that didn't say who it is.
    package var id: Origin?
    package var member: Member?
    package var address: String?
    /// Sorted.
    package var databases: [String] = []
    /// Nil: not since this node runs.
    package var lastHeard: Instant?
    /// Records held here of databases that it told of, which it doesn't hold; nil: it told of none.
    package var lag: UInt64?
    /// `live`, `suspect`, `down`, `left` or `removed`.
    package var state: String
    package var isThis = false
    /// Whether another live node has this one's name.
    package var sharesName = false
  }

  /// Every node that this one knows of, by id, itself included, and then the peers that are nobody yet.
  /// - Parameter databases: those that this node holds, sorted.
  package func statuses(holding databases: [String]) -> [Status] {
    let state = current
    var nodes = state.membership.entries
    for (id, other) in state.met where nodes[id] == nil { nodes[id] = Membership.Entry(other.member) }
    nodes[id] = nil
    var statuses = nodes.map { status(of: $0.key, $0.value, state) }
    statuses.append(own(state, databases))
    statuses.sort { ($0.id?.value ?? 0) < ($1.id?.value ?? 0) }
    Self.markShared(&statuses)
    for peer in state.configured where state.bound[peer.name] == nil {
      statuses.append(Status(address: peer.name, state: Liveness.State.suspect.rawValue))
    }
    return statuses
  }

  private func own(_ state: State, _ databases: [String]) -> Status {
    let me = me(state)
    return Status(
      id: id, member: me, address: me.address, databases: databases, lastHeard: world.now(),
      state: state.membership.standing(of: id)?.gone ?? Liveness.State.live.rawValue, isThis: true)
  }

  private func status(of node: Origin, _ entry: Membership.Entry, _ state: State) -> Status {
    Status(
      id: node, member: entry.member, address: entry.member?.address, databases: state.membership.databases(heldBy: node),
      lastHeard: state.liveness.lastHeard(node),
      state: entry.standing.gone ?? state.liveness.state(of: node, at: world.now()).rawValue)
  }

  private static func markShared(_ statuses: inout [Status]) {
    let live = statuses.indices.filter { statuses[$0].state == Liveness.State.live.rawValue }
    for places in Dictionary(grouping: live, by: { statuses[$0].member?.name }).values where places.count > 1 {
      for place in places { statuses[place].sharesName = true }
    }
  }
}

extension Membership.Standing {
  /// The word for a node that is in the cluster no more.
  fileprivate var gone: String? { self == .member ? nil : rawValue }
}
