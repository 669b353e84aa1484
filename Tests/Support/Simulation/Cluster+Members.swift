import EventModel
import EventStore
import Laterbase
import Replication
import ViewKit

// Who is in the cluster: what nodes say of it, what each makes of that by the product's views and its own state, and what must come of it.
// What is left out: the membership database's events go from node to node here as values, not as records of a log.

/// The product's cluster, as one node knows it.
typealias Members = Laterbase.Cluster

extension Cluster {
  /// What a process knows when it starts: itself, and whom its configuration names.
  func members(of node: SimulatedNode) -> Members {
    var options = NodeOptions()
    options.role = node.role
    let peers = node.pullsFrom.union(node.pushesTo).sorted().map { NamedPeer(name: "n\($0)") }
    let members = Members(
      id: node.id, name: "n\(node.index)", region: node.region, options: options, peers: peers, world: world(of: node))
    members.setAddress(node.address)
    return members
  }

  /// Has a node read the membership, and say in it what it doesn't say of this node yet.
  func tend(_ life: Life) {
    let (node, members) = (nodes[life.node], life.members)
    members.update(membership(node))
    if members.announces, node.learn(members.membership.corrections(by: members.me, holding: [Self.database])) {
      members.update(membership(node))
    }
    if members.announces {
      let left = members.membership.corrections(by: members.me, holding: [Self.database])
      require(left.isEmpty, "n\(life.node) said of itself what is so, and has to say \(left)")
    }
    let counted = members.members(holding: Self.database)
    guard let expected = roster(node) else {
      return require(counted.map(\.id) == [node.id], "n\(life.node) is in no cluster, and counts \(counted.map(\.name))")
    }
    require(Set(counted) == expected, "n\(life.node) counts \(counted.map(\.name)), and was told of \(expected.map(\.name).sorted())")
  }

  /// What the product's two views make of what a node was told, whatever the order in which that came.
  private func membership(_ node: SimulatedNode) -> Membership {
    if let known = node.membership { return known }
    var (members, holdings): ([String: MemberRow], [String: (Key<String, String>, HoldingRow)]) = ([:], [:])
    for event in shuffled(node.news) {
      let when = Happened(id: ULID(at: Self.start, low80: 0))
      var member = Emit<String, MemberRow>()
      MembersView().map(event, when, emit: &member)
      for (key, row) in member.rows { members[key] = members[key]?.joined(row) ?? row }
      var holding = Emit<Key<String, String>, HoldingRow>()
      HoldingsView().map(event, when, emit: &holding)
      for (key, row) in holding.rows { holdings[key.parts.1] = (key, holdings[key.parts.1]?.1.joined(row) ?? row) }
    }
    let membership = Membership(
      members: members.map { (key: $0.key, value: $0.value) }, holdings: holdings.values.map { (key: $0.0, value: $0.1) })
    node.membership = membership
    return membership
  }

  private func shuffled(_ events: [NodeEvent]) -> [NodeEvent] {
    var events = events
    for place in events.indices.dropFirst() { events.swapAt(place, draw(in: 0..<place + 1)) }
    return events
  }

  /// Who counts by what a node was told, said once more and without the product's views; nil: it is in no cluster.
  private func roster(_ node: SimulatedNode) -> Set<Member>? {
    var said: [Origin: (revision: UInt64, member: Member?)] = [:]
    var held: [Origin: (revision: UInt64, holds: Bool)] = [:]
    for event in node.news {
      switch event {
      case .profile(let member, let revision): if revision > said[member.id]?.revision ?? 0 { said[member.id] = (revision, member) }
      case .left(let id, let revision): if revision > said[id]?.revision ?? 0 { said[id] = (revision, nil) }
      case .holding(let id, let revision, _, let holds): if revision > held[id]?.revision ?? 0 { held[id] = (revision, holds) }
      case .removed: break
      }
    }
    let removed = removed(node)
    let counted = said.filter { held[$0.key]?.holds == true && !removed.contains($0.key) }.compactMap(\.value.member)
    guard !removed.contains(node.id), said[node.id]?.member != nil else { return nil }
    let me = Member(id: node.id, name: "n\(node.index)", address: node.address, region: node.region, role: node.role)
    return Set(counted.filter { $0.id != node.id } + [me])
  }

  /// Those of whom a node was told that they were removed.
  private func removed(_ node: SimulatedNode) -> Set<Origin> {
    Set(node.news.compactMap { event in if case .removed(let id) = event { id } else { nil } })
  }

  // MARK: from node to node

  /// Whether a process follows a peer: not when it has left, nor when it knows that it was removed.
  func follows(_ life: Life, _ peer: Int) -> Bool { life.members.followed().contains { $0.name == "n\(peer)" } }

  func isRemoved(_ peer: Int, _ life: Life) -> Bool { life.members.membership.standing(of: nodes[peer].id) == .removed }

  /// Introduces a process to a peer, and learns who that is.
  func introduce(_ life: Life, _ peer: Int) async throws(SyncError) {
    let remote = SimulatedPeer(cluster: self, caller: life, node: peer)
    guard let other = try await remote.join(life.members.introduction) else { return }
    try life.members.bind(remote.name, to: other)
    require(!removed(nodes[life.node]).contains(other.member.id), "n\(life.node) takes n\(peer) for a peer, which was removed")
  }

  /// Tells a node what another one knows of the membership, as a relay of its database does.
  func tellNews(from source: Int, to target: Int, _ life: Life) async throws(SyncError) {
    guard let from = nodes[source].life, let to = nodes[target].life else { throw Network.broken }
    let news = nodes[source].news
    if news.allSatisfy(nodes[target].news.contains) { return }
    try await network.carry(from, to)
    if nodes[target].learn(news) {
      note("n\(target) learns of the cluster from n\(source)")
      tend(to)
    }
  }

  /// Who was removed isn't listened to by whoever knows it.
  func checkListening(to node: Origin, _ life: Life) {
    require(!removed(nodes[life.node]).contains(node), "n\(life.node) listens to a node that was removed")
  }

  // MARK: changes

  /// A node joins, leaves, or is removed.
  func changeMembership(_ node: SimulatedNode) {
    guard options.faults.contains(.members) else { return }
    switch draw(in: 0..<4) {
    case 0, 1: join(node)
    case 2: leave(node)
    default: removeFromCluster(node)
    }
  }

  /// A new node joins by the address of another one.
  private func join(_ other: SimulatedNode) {
    guard there.count < options.nodesMax else { return }
    let node = addNode(options.disk(UInt64(nodes.count)))
    node.pullsFrom = [other.index]
    if draw(in: 0..<2) == 0 { node.pushesTo = [other.index] }
    if node.address != nil { other.pullsFrom.insert(node.index) }
    note("n\(node.index) joins by n\(other.index)")
    start(node)
  }

  /// A node says that it leaves; it comes back when it is started again.
  private func leave(_ node: SimulatedNode) {
    guard let life = node.life, life.members.membership.standing(of: node.id) == .member else { return }
    note("n\(node.index) leaves")
    let revision = life.members.membership.entries[node.id]?.revision ?? 0
    life.members.leave()
    node.learn([.left(node.id, revision: revision + 1)])
    tend(life)
  }

  /// A node is removed for ever, by one that knows it.
  private func removeFromCluster(_ node: SimulatedNode) {
    let gone = removedForEver
    guard hasNoRot, there.count(where: { !gone.contains($0.id) }) > 2, !gone.contains(node.id), let by = draw(from: alive),
      let life = by.life,
      life.members.membership.standing(of: node.id) != nil
    else { return }
    note("n\(node.index) is removed from the cluster at n\(by.index)")
    by.learn([.removed(node.id)])
    tend(life)
  }

  /// Those whom anybody removed.
  var removedForEver: Set<Origin> { nodes.reduce(into: []) { $0.formUnion(removed($1)) } }

  /// The end of a history: all know what was said of the membership, and what only those have who were removed stays with them.
  func dismissRemoved() {
    let news = nodes.flatMap(\.news)
    for node in nodes { node.learn(news) }
    let gone = removedForEver
    let leaving = there.filter { gone.contains($0.id) }
    if leaving.isEmpty { return }
    var kept: Set<ElementID> = []
    for node in there where !gone.contains(node.id) { kept.formUnion(elements(of: node)) }
    for node in leaving {
      note("n\(node.index) was removed")
      ledger.destroy(elements(of: node).subtracting(kept))
      node.isGone = true
      kill(node)
    }
  }
}

/// Whom a configuration names; reached by other ways.
private struct NamedPeer: PeerTransport {
  let name: String

  func databases() throws(SyncError) -> [String] { throw Network.broken }
  func clock(of database: String) throws(SyncError) -> PeerClock? { throw Network.broken }

  func pull(
    _ database: String, _ request: PullRequest, receive: @Sendable (RecordPage) async throws(SyncError) -> Void
  ) throws(SyncError) -> PullEnd { throw Network.broken }

  func push(_ database: String, _ pages: [RecordPage]) throws(SyncError) -> PeerClock { throw Network.broken }
}
