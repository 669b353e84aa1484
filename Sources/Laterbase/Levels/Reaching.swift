package import EventModel
package import EventStore
package import Replication
import Synchronization

/// Brings a database at one node up to a clock: peers that are followed do so by themselves, and others are pulled from meanwhile.
package struct Reaching: Sendable {
  let node: Origin
  let database: String
  let cluster: String
  let set: EventSet
  let holders: Holders
  /// This node, as the target of what is pulled.
  let local: any PeerTransport
  /// Whom it may be pulled from.
  let sources: @Sendable () -> [any PeerTransport]
  let turns: PullTurns
  let world: World
  let timing: Timing

  /// Peers that are followed bring most of what is asked for in so short a time that nothing has to be done for it.
  private static let headStart = Duration.milliseconds(20)
  /// While another request's pull from the same peer is under way.
  private static let turnPause = Duration.milliseconds(50)

  package init(
    node: Origin, database: String, cluster: String = PullRequest.standardCluster, set: EventSet, holders: Holders,
    local: any PeerTransport, sources: @escaping @Sendable () -> [any PeerTransport], turns: PullTurns, world: World, timing: Timing
  ) {
    (self.node, self.database, self.cluster, self.set, self.holders) = (node, database, cluster, set, holders)
    (self.local, self.sources, self.turns, self.world, self.timing) = (local, sources, turns, world, timing)
  }

  /// Waits until what is held here covers a clock, and pulls meanwhile.
  /// - Returns: whether it does; false when the time is over, the task cancelled, or the set closed.
  package func wait(atLeast clock: Clock, timeout: Duration) async -> Bool {
    if set.state.clock.covers(clock) { return true }
    let deadline = timing.now() + timeout
    let pulls = sources().map { peer in { @Sendable in await self.pull(from: peer, upTo: clock) } }
    await timing.race(until: deadline, helpers: pulls) { _ = await set.wait(atLeast: clock, until: deadline, timing) }
    return set.state.clock.covers(clock)
  }

  /// What came of a read at a level.
  package enum Reached: Sendable {
    /// What is held here is at least what so many members held together.
    case reached
    /// Too few members told in time what they hold.
    case few(Quorum.Count)
    /// It could not be brought here in time.
    case behind
  }

  /// Brings this node at least as far as so many members are as a level asks for: it asks them for their clocks, and pulls until it covers
  /// these. So what a quorum wrote, a quorum reads.
  package func reach(_ level: Consistency, by levels: Levels, timeout: Duration) async -> Reached {
    let deadline = timing.now() + timeout
    let (clocks, count) = await levels.told(at: level, until: deadline)
    guard count.isReached else { return .few(count) }
    guard await wait(atLeast: clocks.reduce(Clock()) { $0.merged($1) }, timeout: max(.zero, deadline - timing.now())) else {
      return .behind
    }
    // Of a log that has forked a number says nothing: what the other has in it may be lost on the way to here.
    let isSame = clocks.allSatisfy { (try? set.forks(against: $0))?.isEmpty ?? false }
    return isSame ? .reached : .behind
  }

  /// Pulls until what is held here covers a clock, or the task is cancelled.
  private func pull(from peer: any PeerTransport, upTo clock: Clock) async {
    await timing.sleep(for: Self.headStart)
    var backoff = Backoff()
    while !Task.isCancelled, !set.state.clock.covers(clock) {
      guard turns.begin(database, peer.name) else {
        await timing.sleep(for: Self.turnPause)
        continue
      }
      do throws(SyncError) {
        let outcome = try await Relay(database, from: peer, to: local, node: node, cluster: cluster).run()
        if let source = outcome.source { holders.hear(source, beside: set, node: node, at: world.now()) }
        if outcome.records > 0 { backoff.succeeded() } else { backoff.failed() }
      } catch {
        backoff.failed()
      }
      turns.end(database, peer.name)
      if let pause = backoff.pause(world) { await timing.sleep(for: pause) }
    }
  }
}

/// Of the pulls that requests ask for, one a database and peer at a time, however many requests wait. The mutex owns the names.
package final class PullTurns: Sendable {
  private let underWay = Mutex<Set<[String]>>([])

  package init() {}

  /// - Returns: whether it is this one's turn.
  func begin(_ database: String, _ peer: String) -> Bool { underWay.withLock { $0.insert([database, peer]).inserted } }
  func end(_ database: String, _ peer: String) { underWay.withLock { _ = $0.remove([database, peer]) } }
}

extension EventSet {
  /// Waits until what is held covers a clock, without doing anything for it.
  /// - Returns: whether it does; false when the time is over, the task cancelled, or the set closed.
  func wait(atLeast clock: Clock, until deadline: ContinuousClock.Instant, _ timing: Timing) async -> Bool {
    while true {
      let seen = changes.version
      if state.clock.covers(clock) { return true }
      guard timing.now() < deadline, !changes.isClosed, !Task.isCancelled else { return false }
      observe(clock)
      await timing.race(until: deadline) { [changes] in await changes.wait(after: seen) }
    }
  }
}
