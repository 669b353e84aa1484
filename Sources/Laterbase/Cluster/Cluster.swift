package import EventModel
package import EventStore
package import Replication
import Synchronization

/// The cluster as this node knows it now: who is in it, whom it hears, and under which URLs. What is in the membership database comes in by
/// `update`; the rest is this node's own, and in memory only.
///
/// The mutex owns the state. Who waits for a change is told outside of it.
package final class Cluster: Sendable {
  /// What the mutex owns.
  struct State: Sendable {
    var address: String?
    var membership = Membership()
    var liveness: Liveness
    /// The peers that are followed whatever the membership says, each once, in this order: those that the configuration names, and those
    /// that this node was told to join by.
    var configured: [any PeerTransport] = []
    /// Of these, the names of those that this node was told to join by.
    var joined: Set<String> = []
    /// Who answers at a peer, by the peer's name.
    var bound: [String: Origin] = [:]
    /// The peers that said who they are and have not failed since, by name.
    var answering: Set<String> = []
    /// Nodes that introduced themselves, and that the membership doesn't have yet, or not again, as far as it was read here.
    var met: [Origin: Introduction] = [:]
    /// Whether this node is, or wants to be, in a cluster.
    var joins: Bool
    /// Whether this node said that it leaves, in this run.
    var leaves = false
  }

  package let id: Origin
  /// Announces whatever may change whom this node follows, or what it says of itself.
  package let changes = ChangeSignal()
  /// As many nodes that aren't in the membership are known at a time.
  private static let metMax = 1000
  /// As many URLs are followed whatever the membership says, if this node is told to join by them.
  static let configuredMax = 100

  let options: NodeOptions
  let world: World
  private let name: String
  private let region: String
  private let state: Mutex<State>

  /// - Parameters:
  ///   - peers: those that the configuration names.
  ///   - joined: those that this node was told to join by, in an earlier run.
  package init(
    id: Origin, name: String?, region: String?, options: NodeOptions, peers: [any PeerTransport], joined: [any PeerTransport] = [],
    world: World
  ) {
    (self.id, self.options, self.world) = (id, options, world)
    self.name = name ?? "\(id)"
    self.region = region ?? "default"
    var state = State(liveness: Liveness(began: world.now()), joins: !(peers + joined).isEmpty)
    for peer in peers { state.follow(peer) }
    for peer in joined { state.join(peer) }
    self.state = Mutex(state)
  }

  /// The peers that are followed whatever the membership says.
  var configured: [any PeerTransport] { state.withLock { $0.configured } }

  // MARK: this node

  /// All that is known at this moment.
  var current: State { state.withLock { $0 } }

  /// This node as it is now.
  package var me: Member { me(current) }

  package var introduction: Introduction {
    let state = current
    return Introduction(cluster: options.cluster, me(state), revision: state.membership.entries[id]?.revision ?? 0)
  }

  func me(_ state: State) -> Member {
    let role = options.role ?? (state.address == nil ? .device : .server)
    return Member(id: id, name: name, address: state.address, region: region, role: role)
  }

  /// Says at which URL others reach this node.
  package func setAddress(_ address: String?) { set { $0.address = address } }

  /// Whether this node is to say in the membership who it is and what it holds.
  package var announces: Bool { state.withLock { $0.joins && !$0.leaves && $0.membership.standing(of: id) != .removed } }

  /// Whether there are others to share with, as far as this node knows.
  package var hasOthers: Bool { state.withLock { !$0.configured.isEmpty || $0.membership.members.contains { $0.id != id } } }

  /// Follows nobody any more, and forgets whom this node was told to join by.
  package func leave() {
    set { state in
      state.leaves = true
      let joined = state.joined
      state.configured.removeAll { joined.contains($0.name) }
      state.joined = []
    }
  }

  /// Follows a peer from now on, whatever the membership says; then this node is in the peer's cluster, or wants to be.
  func follow(_ peer: any PeerTransport, _ other: Introduction) {
    set { state in
      (state.joins, state.leaves) = (true, false)
      state.join(peer)
      state.bound[peer.name] = other.member.id
      state.answering.insert(peer.name)
    }
    know(other)
  }

  // MARK: what the membership says

  package var membership: Membership { current.membership }

  /// Takes what the membership database says now.
  package func update(_ membership: Membership) {
    change { state in
      guard state.membership != membership else { return false }
      state.membership = membership
      // A node that was in a cluster before it was started is in it again, unless it left.
      if membership.standing(of: id) == .member { state.joins = true }
      state.met = state.met.filter { membership.isBehind($0.value) }
      return true
    }
  }

  /// The other members that hold a database, by rising id.
  package func holders(of database: String) -> [Member] { membership.members(holding: database).filter { $0.id != id } }

  // MARK: whom it hears

  /// Whether a node may talk with this one; then it was heard from.
  /// - Parameter node: 0: nobody in particular.
  /// - Throws: `forbidden`.
  package func admit(_ node: Origin, of cluster: String) throws(LaterbaseError) {
    guard cluster == options.cluster else {
      throw LaterbaseError(.forbidden, "this node is of the cluster \(options.cluster), not of another")
    }
    if node.value == 0 { return }
    if membership.standing(of: node) == .removed {
      throw LaterbaseError(.forbidden, "the node \(node) was removed from the cluster for ever")
    }
    heard(node)
  }

  /// Takes a node's introduction.
  /// - Returns: this node's own.
  /// - Throws: `forbidden`; `bad-parameter` if the introduction is none.
  package func meet(_ other: Introduction) throws(LaterbaseError) -> Introduction {
    if let fault = other.fault { throw LaterbaseError(.badParameter, fault) }
    try admit(other.member.id, of: other.cluster)
    let stands = state.withLock { !$0.leaves && ($0.joins || $0.membership.standing(of: id) != .left) }
    guard stands else { throw LaterbaseError(.forbidden, "this node has left its cluster") }
    if other.member.id != id { set { $0.joins = true } }
    know(other)
    return introduction
  }

  /// Whether who answers at a peer may be talked with.
  func check(_ other: Introduction, at peer: String) throws(SyncError) {
    if let fault = other.fault { throw SyncError(.malformed, "\(peer): \(fault)") }
    guard other.cluster == options.cluster else { throw SyncError(.forbidden, "\(peer) is of the cluster \(other.cluster)") }
    guard membership.standing(of: other.member.id) != .removed else {
      throw SyncError(.forbidden, "\(peer) was removed from the cluster for ever")
    }
  }

  /// Says that a peer answers, and who it is.
  package func bind(_ peer: String, to other: Introduction) throws(SyncError) {
    let node = other.member.id
    // Also one that may not be talked with: so it is known whom not to ask.
    if membership.standing(of: node) == .removed { change { $0.bound.updateValue(node, forKey: peer) != node } }
    try check(other, at: peer)
    change { state in
      defer { state.bound[peer] = node }
      return state.answering.insert(peer).inserted || state.bound[peer] != node
    }
    know(other)
  }

  /// Says that a peer answers no more: where the same node is configured under another URL, that one is followed.
  func lost(_ peer: String) { change { $0.answering.remove(peer) != nil } }

  /// One that left and comes back is no member before its word of it has come here. Until then it is known by its introduction, for
  /// otherwise nobody might fetch that word.
  private func know(_ other: Introduction) {
    let node = other.member.id
    change { state in
      var other = other
      // It came after a leaving that was read here, whatever it knows of itself yet.
      if let entry = state.membership.entries[node], entry.standing == .left { other.revision = max(other.revision, entry.revision) }
      guard node != id, state.met[node] != other, state.membership.isBehind(other) else { return false }
      if state.met.count >= Self.metMax { state.met = state.met.filter { state.liveness.state(of: $0.key, at: world.now()) != .down } }
      guard state.met.count < Self.metMax else { return false }
      state.met[node] = other
      return true
    }
    heard(node)
  }

  /// A node of the cluster said something. Of strangers no notice is taken: they could be any number.
  package func heard(_ node: Origin) {
    change { state in
      guard state.membership.standing(of: node) != nil || state.met[node] != nil else { return false }
      let before = state.liveness.state(of: node, at: world.now())
      state.liveness.heard(node, at: world.now())
      return before != .live
    }
  }

  /// A node of the cluster could not be talked with.
  package func failed(_ node: Origin) {
    change { state in
      let before = state.liveness.state(of: node, at: world.now())
      state.liveness.failed(node)
      return before != state.liveness.state(of: node, at: world.now())
    }
  }

  /// Changes the state, and announces it if something changed that others look at.
  private func change(_ body: (inout State) -> Bool) {
    if state.withLock({ body(&$0) }) { changes.announce() }
  }

  private func set(_ body: (inout State) -> Void) {
    change { state in
      body(&state)
      return true
    }
  }
}

extension Cluster.State {
  fileprivate mutating func follow(_ peer: any PeerTransport) {
    if !configured.contains(where: { $0.name == peer.name }) { configured.append(peer) }
  }

  fileprivate mutating func join(_ peer: any PeerTransport) {
    if configured.contains(where: { $0.name == peer.name }) { return }
    configured.append(peer)
    joined.insert(peer.name)
  }
}

extension Cluster: Roster {
  package func members(holding database: String) -> [Member] {
    let state = current
    let membership = state.membership
    var me = me(state)
    guard membership.standing(of: id) == .member else {
      // Who is alone, and wants to be, is all the servers that there are.
      if !state.joins { me.role = .server }
      return [me]
    }
    return (membership.members(holding: database).filter { $0.id != id } + [me]).sorted { $0.id < $1.id }
  }
}
