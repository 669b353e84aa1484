package import EventModel
import EventStore
import Replication

extension LaterbaseNode {
  /// Waits until what is held here covers a clock, and pulls from the peers and members meanwhile.
  /// - Throws: `behind` if it doesn't in time.
  package func wait(atLeast clock: Clock, in database: OpenedDatabase, timeout: Duration) async throws(LaterbaseError) {
    if await reaching(database).wait(atLeast: clock, timeout: timeout) { return }
    try database.failBehind()
  }

  func reaching(_ database: OpenedDatabase) -> Reaching {
    let name = database.name
    return Reaching(
      node: id, database: name, cluster: options.cluster, set: database.set, holders: database.holders, local: LocalPeer(self),
      sources: { self.sources(of: name) }, turns: pulls, world: world, timing: .machine)
  }

  /// Whom a database may be pulled from: the configured peers, and the members that hold it and have an address.
  private func sources(of database: String) -> [any PeerTransport] {
    let others = members(holding: database).filter { $0.id != id }.compactMap { transport(to: $0) }
    return peers.filter { cluster.leads($0.name) } + others.filter { other in !peers.contains { $0.name == other.name } }
  }
}
