import EventModel
import EventStore
import Replication
import Synchronization

/// Keeps one peer's databases level with this node's, in one direction, until cancelled: a task for each database, a long poll while there
/// is nothing. A database that fails, is slow, or sends what doesn't fit holds up no other.
struct Follower: Sendable {
  enum Direction: Sendable { case pull, push }

  let node: LaterbaseNode
  let peer: any PeerTransport
  let direction: Direction
  private let followed = Followed()

  /// How often new databases are looked for, how long a poll waits for news, and after how long a log that was parked is asked for again.
  private static let lookEvery = Duration.seconds(3)
  private static let wait = Duration.seconds(30)
  private static let parkedFor = Duration.seconds(60)
  /// As many databases of a peer are followed.
  private static let databasesMax = 10_000

  /// The databases that have a task. The mutex owns the names.
  private final class Followed: Sendable {
    private let names = Mutex<Set<String>>([])
    /// - Returns: whether it had none.
    func begin(_ name: String) -> Bool { names.withLock { $0.count < Follower.databasesMax && $0.insert(name).inserted } }
    func end(_ name: String) { names.withLock { _ = $0.remove(name) } }
  }

  init(_ node: LaterbaseNode, _ peer: any PeerTransport, _ direction: Direction) {
    (self.node, self.peer, self.direction) = (node, peer, direction)
  }

  private var local: LocalPeer { LocalPeer(node) }
  private var source: any PeerTransport { direction == .pull ? peer : local }
  private var target: any PeerTransport { direction == .pull ? local : peer }

  func run() async {
    await withDiscardingTaskGroup { group in
      var backoff = Backoff()
      while !Task.isCancelled {
        do throws(SyncError) {
          for name in try await source.databases() where DatabaseName.isLegal(name) && followed.begin(name) {
            group.addTask {
              await follow(name)
              followed.end(name)
            }
          }
          if backoff.isFirst { tell(.reached, nil, "its databases are followed") }
          backoff.succeeded()
        } catch {
          if !backoff.isFailing { tell(.failed, nil, error.message) }
          backoff.failed()
        }
        try? await Task.sleep(for: backoff.pause(node.world) ?? Self.lookEvery)
      }
    }
  }

  /// Follows one database until cancelled, or until the source doesn't hold it any more.
  private func follow(_ database: String) async {
    var backoff = Backoff()
    // As the source had them: what has changed since may fit.
    var parked: [Origin: Clock.Entry?] = [:]
    var base = Clock()
    var forgetAt = ContinuousClock.now + Self.parkedFor
    while !Task.isCancelled {
      if ContinuousClock.now >= forgetAt { (parked, forgetAt) = ([:], ContinuousClock.now + Self.parkedFor) }
      let began = ContinuousClock.now
      do throws(SyncError) {
        let relay = Relay(database, from: source, to: target, node: node.id)
        let outcome = try await relay.run(base: base, wait: Self.wait, without: Set(parked.keys))
        guard let source = outcome.source else { return }
        base = source.clock
        parked = parked.filter { $0.value == base.entry($0.key) }
        for log in outcome.parked { parked[log.origin] = .some(base.entry(log.origin)) }
        await look(at: outcome, database)
        // A source that has nothing and doesn't wait either is asked less often.
        if outcome.records > 0 || ContinuousClock.now - began > .seconds(1) { backoff.succeeded() } else { backoff.failed() }
      } catch {
        if Task.isCancelled { return }
        if !backoff.isFailing { tell(.failed, database, error.message) }
        backoff.failed()
      }
      if let pause = backoff.pause(node.world) { try? await Task.sleep(for: pause) }
    }
  }

  private func look(at outcome: Relay.Outcome, _ database: String) async {
    for log in outcome.parked { tell(.parked, database, "the log \(log.origin) is left out: \(log.reason)") }
    if let alarm = outcome.alarm { tell(.alarm, database, alarm) }
    let theirs = direction == .pull ? outcome.source : outcome.target
    if let theirs { await node.hear(theirs, in: database, alarm: outcome.alarm) }
  }

  private func tell(_ kind: PeerNews.Kind, _ database: String?, _ message: String) {
    node.options.onPeerNews(PeerNews(kind: kind, peer: peer.name, database: database, message: message))
  }
}

/// How long to wait after failures: 0.1 s, doubling to 3 s, with jitter, so that many who lost one peer don't come back together.
struct Backoff: Sendable {
  private var delayMilliseconds: Int64 = 0
  /// Nothing succeeded or failed yet.
  private(set) var isFirst = true
  var isFailing: Bool { delayMilliseconds > 0 }

  mutating func succeeded() { (delayMilliseconds, isFirst) = (0, false) }

  mutating func failed() { (delayMilliseconds, isFirst) = (min(max(100, delayMilliseconds * 2), 3000), true) }

  /// Nil while nothing failed. Between half of the delay and all of it.
  func pause(_ world: World) -> Duration? {
    guard delayMilliseconds > 0 else { return nil }
    let half = UInt64(delayMilliseconds / 2)
    return .milliseconds(Int64(half + world.random() % (half + 1)))
  }
}
