package import EventModel
import EventStore
import Replication
import Synchronization

extension LaterbaseNode {
  /// Peers that are followed bring most of what is asked for in so short a time that nothing has to be done for it.
  private static let headStart = Duration.milliseconds(20)
  /// While another request's pull from the same peer is under way.
  private static let turnPause = Duration.milliseconds(50)

  /// Waits until what is held here covers a clock, and pulls from the peers and members meanwhile.
  /// - Throws: `behind` if it doesn't in time.
  package func wait(atLeast clock: Clock, in database: OpenedDatabase, timeout: Duration) async throws(LaterbaseError) {
    if database.set.state.clock.covers(clock) { return }
    let failure = Slot<LaterbaseError>()
    let pulls = sources(of: database.name).map { peer in { @Sendable in await self.pull(database, from: peer, upTo: clock) } }
    await race(until: ContinuousClock.now + timeout, helpers: pulls) {
      do throws(LaterbaseError) {
        try await database.wait(atLeast: clock, timeout: timeout)
      } catch {
        failure.put(error)
      }
    }
    if database.set.state.clock.covers(clock) { return }
    throw failure.value ?? LaterbaseError(.behind, "this node doesn't hold all that the clock covers")
  }

  /// Whom a database may be pulled from: the configured peers, and the members that hold it and have an address.
  private func sources(of database: String) -> [any PeerTransport] {
    let others = members(holding: database).filter { $0.id != id }.compactMap { transport(to: $0) }
    return peers.filter { cluster.leads($0.name) } + others.filter { other in !peers.contains { $0.name == other.name } }
  }

  /// Pulls until what is held here covers a clock, or the task is cancelled.
  private func pull(_ database: OpenedDatabase, from peer: any PeerTransport, upTo clock: Clock) async {
    try? await Task.sleep(for: Self.headStart)
    var backoff = Backoff()
    while !Task.isCancelled, !database.set.state.clock.covers(clock) {
      guard pulls.begin(database.name, peer.name) else {
        try? await Task.sleep(for: Self.turnPause)
        continue
      }
      do throws(SyncError) {
        let sender = cluster.node(at: peer.name) ?? Origin(value: 0)
        let relay = Relay(database.name, from: peer, to: LocalPeer(self), node: id, sender: sender, cluster: options.cluster)
        let outcome = try await relay.run()
        if let source = outcome.source { hear(source, in: database) }
        if outcome.records > 0 { backoff.succeeded() } else { backoff.failed() }
      } catch {
        backoff.failed()
      }
      pulls.end(database.name, peer.name)
      if let pause = backoff.pause(world) { try? await Task.sleep(for: pause) }
    }
  }
}

/// Of the pulls that requests ask for, one a database and peer at a time, however many requests wait. The mutex owns the names.
final class PullTurns: Sendable {
  private let underWay = Mutex<Set<[String]>>([])

  /// - Returns: whether it is this one's turn.
  func begin(_ database: String, _ peer: String) -> Bool { underWay.withLock { $0.insert([database, peer]).inserted } }
  func end(_ database: String, _ peer: String) { underWay.withLock { _ = $0.remove([database, peer]) } }
}
