import EventModel
import EventStore
package import Replication

/// Whom a node follows.
extension Cluster {
  /// Who answers at a peer, if it said so.
  func node(at peer: String) -> Origin? { current.bound[peer] }

  /// Whether who answers at a peer was removed: it is left alone, but for looking now and then whether another node answers there.
  func isRemoved(_ peer: String) -> Bool {
    let state = current
    return state.bound[peer].flatMap(state.membership.standing) == .removed
  }

  /// Whether a peer is the one by which its node is followed: the first that is configured and answers, of those at which the same node is;
  /// the first of them while none does. One that didn't say who it is stands for itself.
  func leads(_ peer: String) -> Bool {
    let state = current
    guard let node = state.bound[peer] else { return true }
    let same = state.configured.lazy.map(\.name).filter { state.bound[$0] == node }
    guard let first = same.first(where: state.answering.contains) ?? same.first else { return true }
    return first == peer
  }

  /// The peers to ask for what they hold, or to tell something: those that are followed, each node once, and not this one, nor one that was removed.
  func asked() -> [any PeerTransport] { followed().filter { leads($0.name) && node(at: $0.name) != id && !isRemoved($0.name) } }

  /// The peers to follow: those that are configured, and the members that can be reached, each once; nobody after this node left.
  package func followed() -> [any PeerTransport] {
    let state = current
    let standing = state.membership.standing(of: id)
    if state.leaves || standing == .removed { return [] }
    var peers = state.configured
    var names = Set(peers.map(\.name))
    let bound = Set(peers.compactMap { state.bound[$0.name] })
    let now = world.now()
    let met = state.met.values.map(\.member).filter { state.liveness.state(of: $0.id, at: now) != .down }
    let others = standing == .left ? [] : state.membership.members + met.sorted { $0.id < $1.id }
    for other in others where other.id != id && !bound.contains(other.id) {
      guard let address = other.address, Introduction.isURL(address), names.insert(address).inserted, let peer = options.connect?(address)
      else { continue }
      peers.append(peer)
    }
    return peers
  }

  /// The databases that a member holds, the membership first; nil: it is no member, so it must be asked itself.
  func databases(heldBy node: Origin) -> [String]? {
    let membership = membership
    guard membership.standing(of: node) == .member, membership.entries[node]?.member != nil else { return nil }
    return [NodesDatabase.name] + membership.databases(heldBy: node)
  }

  /// How often to ask a node for a database. One that is no member, or not yet, is asked always.
  func polling(_ node: Origin?, for database: String) -> Polling {
    guard let node else { return .always }
    let state = current
    let me = me(state)
    let now = world.now()
    let others = state.membership.members(holding: database).filter { $0.id != me.id }
    guard others.contains(where: { $0.id == node && $0.address != nil }) else { return .always }
    let neighbours = others.map { Neighbourhood.Neighbour($0, isLive: state.liveness.state(of: $0.id, at: now) == .live) }
    return options.polling.polling(in: Neighbourhood(me, neighbours, isMembership: database == NodesDatabase.name))[node] ?? .never
  }
}
