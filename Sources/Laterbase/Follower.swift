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

  /// How often new databases are looked for, and how long a poll waits for news.
  private static let lookEvery = Duration.seconds(3)
  private static let wait = Duration.seconds(30)
  /// As many databases of a peer are followed.
  private static let databasesMax = 10_000

  /// The databases' tasks, which of them have a poll under way that may wait, and whether the peer must be asked who it is. The mutex owns
  /// all three.
  private final class Followed: Sendable {
    private let state = Mutex(
      (tasks: [String: (task: Task<Void, Never>, replacements: Int)](), polled: Set<String>(), isIntroduced: false))

    /// Begins a database's task, if it has none.
    /// - Parameter replacements: how often the database was replaced by an empty one so far.
    func begin(_ name: String, _ replacements: Int, _ body: @escaping @Sendable () async -> Void) {
      state.withLock { state in
        guard state.tasks.count < Follower.databasesMax, state.tasks[name] == nil else { return }
        let task = Task {
          await body()
          end(name)
        }
        state.tasks[name] = (task, replacements)
      }
    }

    private func end(_ name: String) { state.withLock { _ = $0.tasks.removeValue(forKey: name) } }

    /// Ends those whose database isn't followed any more, or is another one.
    func cancel(where isOver: (_ name: String, _ replacements: Int) -> Bool) {
      // Asked outside of the lock, which they may take.
      for (name, database) in state.withLock({ $0.tasks }) where isOver(name, database.replacements) { database.task.cancel() }
    }

    func isPolling(_ name: String) -> Bool { state.withLock { $0.polled.contains(name) } }

    func setPolling(_ name: String, _ isPolling: Bool) {
      state.withLock { if isPolling { $0.polled.insert(name) } else { $0.polled.remove(name) } }
    }

    /// Waits until all have ended.
    func drain() async {
      for (task, _) in state.withLock({ Array($0.tasks.values) }) { await task.value }
    }

    /// Whether the peer said who it is, and hasn't failed since: another may answer there then.
    var isIntroduced: Bool {
      get { state.withLock { $0.isIntroduced } }
      set { state.withLock { $0.isIntroduced = newValue } }
    }
  }

  init(_ node: LaterbaseNode, _ peer: any PeerTransport, _ direction: Direction) {
    (self.node, self.peer, self.direction) = (node, peer, direction)
  }

  private var local: LocalPeer { LocalPeer(node) }
  private var who: Origin? { node.cluster.node(at: peer.name) }
  private var isRemoved: Bool { node.cluster.isRemoved(peer.name) }

  func run() async {
    await look()
    followed.cancel { _, _ in true }
    await followed.drain()
  }

  /// Looks for databases to follow, until cancelled.
  private func look() async {
    var backoff = Backoff()
    // Whether the node is followed by this peer; nil: nothing was said of that since it failed.
    var led: Bool?
    while !Task.isCancelled {
      let seen = node.cluster.changes.version
      do throws(SyncError) {
        if isRemoved { followed.isIntroduced = false }
        if !followed.isIntroduced { try await introduce() }
        // Behind the peer's URL is this node itself.
        if who == node.id { return await node.cluster.changes.wait(after: .max) }
        let leads = node.cluster.leads(peer.name)
        if leads { try await begin() } else { followed.cancel { _, _ in true } }
        if leads != led { tell(.reached, nil, leads ? "its databases are followed" : "it is a node that is followed by another URL") }
        led = leads
        backoff.succeeded()
      } catch {
        failed(error, nil, isFirst: !backoff.isFailing)
        if isRemoved || !node.cluster.leads(peer.name) { followed.cancel { _, _ in true } }
        backoff.failed()
        led = nil
      }
      if isRemoved {
        // By its URL a peer is nobody for ever: another node may answer there one day.
        await passMinute { isRemoved }
      } else if let pause = backoff.pause(node.world) {
        try? await Task.sleep(for: pause)
      } else {
        await ChangeSignal.waitForAny([(node.cluster.changes, seen)], until: .now + Self.lookEvery)
      }
    }
  }

  private func begin() async throws(SyncError) {
    for name in try await databases() where polling(name) != .never {
      followed.begin(name, node.catalog.replacements(of: name)) { await follow(name) }
    }
    // A poll that waits for news of what was removed here is given up, and one that said what another database held.
    followed.cancel { name, replacements in
      replacements != node.catalog.replacements(of: name) || direction == .pull && !node.takes(name)
    }
    // And one of who is to be asked less often now, or not any more.
    followed.cancel { name, _ in polling(name) != .always && followed.isPolling(name) }
  }

  private func introduce() async throws(SyncError) {
    if let other = try await peer.join(node.cluster.introduction) { try node.cluster.bind(peer.name, to: other) }
    followed.isIntroduced = true
  }

  /// The names of the source's databases that the target takes.
  private func databases() async throws(SyncError) -> [String] {
    switch direction {
    case .push: return (who == nil ? [] : [NodesDatabase.name]) + (try await local.databases())
    case .pull:
      let names = who.flatMap { node.cluster.databases(heldBy: $0) }
      if let names { return names.filter { DatabaseName.isShared($0) && node.takes($0) } }
      let membership = who == nil ? [] : [NodesDatabase.name]
      return membership + (try await peer.databases()).filter { DatabaseName.isLegal($0) && node.takes($0) }
    }
  }

  /// How often the source is asked.
  private func polling(_ database: String) -> Polling { direction == .push ? .always : node.cluster.polling(who, for: database) }

  /// Follows one database until cancelled, until the source doesn't hold it any more, or until it isn't to be asked any more.
  private func follow(_ database: String) async {
    var backoff = Backoff()
    var rounds = Rounds()
    while !Task.isCancelled {
      let polling = polling(database)
      if polling == .never || direction == .pull && !node.takes(database) { return }
      rounds.begin()
      let began = ContinuousClock.now
      do throws(SyncError) {
        followed.setPolling(database, polling == .always)
        defer { followed.setPolling(database, false) }
        guard let outcome = try await round(of: database, &rounds, wait: polling == .always ? Self.wait : .zero) else { return }
        let losing = await look(at: outcome, database)
        await heal(rounds.give(losing), of: database)
        // A source that has nothing and doesn't wait either is asked less often.
        if polling == .eachMinute || outcome.records > 0 || ContinuousClock.now - began > .seconds(1) {
          backoff.succeeded()
        } else {
          backoff.failed()
        }
      } catch {
        if Task.isCancelled { return }
        rounds.failed()
        failed(error, database, isFirst: !backoff.isFailing)
        backoff.failed()
      }
      if let pause = backoff.pause(node.world) {
        try? await Task.sleep(for: pause)
      } else if polling == .eachMinute {
        await passMinute { self.polling(database) == .eachMinute }
      }
    }
  }

  /// One round: until what the source held has come over.
  /// - Returns: nil if the source doesn't hold the database. The target is nil if it wasn't heard of.
  private func round(of database: String, _ rounds: inout Rounds, wait: Duration) async throws(SyncError) -> Relay.Outcome? {
    let without = Set(rounds.parked.keys)
    var outcome: Relay.Outcome
    var asked = true
    if direction == .pull {
      outcome = try await relay(database, from: peer, to: local, sender: who).run(base: rounds.base, wait: wait, without: without)
    } else {
      let word = who.flatMap { node.word(of: $0, in: database) }
      let source = LocalPeer(node, for: who.map { Receiver(node: $0, heard: word?.turn ?? 0) })
      let push = relay(database, from: source, to: peer, sender: node.id)
      if rounds.isTold, let word {
        asked = false
        outcome = try await push.run(held: PeerClock(word.told, audit: nil, node: who), told: rounds.told, wait: wait, without: without)
        if outcome.records == 0 { outcome.target = nil }
      } else {
        outcome = try await push.run(told: rounds.told, wait: wait, without: without)
      }
    }
    rounds.ended(outcome, asked: asked)
    if !asked { outcome.parked = [] }
    return outcome.source == nil ? nil : outcome
  }

  private func relay(
    _ database: String, from source: any PeerTransport, to target: any PeerTransport, sender: Origin?
  ) -> Relay {
    Relay(database, from: source, to: target, node: node.id, sender: sender ?? Origin(value: 0), cluster: node.options.cluster)
  }

  /// Waits a minute, with jitter, as long as that is to be waited.
  private func passMinute(while isToBeWaited: () -> Bool) async {
    let minute = node.options.pollingMinute
    let deadline = ContinuousClock.now + minute * 0.75 + minute * (Double(node.world.random() % 1000) / 2000)
    while !Task.isCancelled, ContinuousClock.now < deadline {
      let seen = node.cluster.changes.version
      guard isToBeWaited() else { return }
      await ChangeSignal.waitForAny([(node.cluster.changes, seen)], until: deadline)
    }
  }

  private func failed(_ error: SyncError, _ database: String?, isFirst: Bool) {
    followed.isIntroduced = false
    // A single database that it can't serve is no reason to go elsewhere: there is the same node.
    if database == nil || error.code == .unreachable || error.code == .malformed { node.cluster.lost(peer.name) }
    if let who { node.cluster.failed(who) }
    if isFirst { tell(.failed, database, error.message) }
  }

  /// - Returns: the heads of the peer's logs that are others here, and lose.
  private func look(at outcome: Relay.Outcome, _ database: String) async -> [Clock.Entry] {
    for log in outcome.parked { tell(.parked, database, "the log \(log.origin) is left out: \(log.reason)") }
    if let alarm = outcome.alarm { tell(.alarm, database, alarm) }
    let theirs = direction == .pull ? outcome.source : outcome.target
    guard let theirs else { return [] }
    if let who { node.cluster.heard(who) }
    return await node.hear(theirs, in: database, alarm: outcome.alarm)
  }

  /// Gives the peer the logs that win over its own: one that is only pulled from would never hear of them. A peer that takes nothing from
  /// here is left as it is: it may be pushed to, or pull, from elsewhere.
  private func heal(_ losing: [Origin], of database: String) async {
    guard direction == .pull, !losing.isEmpty, let held = try? await local.clock(of: database) else { return }
    let others = Set(held.clock.entries.map(\.origin)).subtracting(losing)
    _ = try? await relay(database, from: local, to: peer, sender: node.id).run(without: others)
  }

  private func tell(_ kind: PeerNews.Kind, _ database: String?, _ message: String) {
    node.options.onPeerNews(PeerNews(kind: kind, peer: peer.name, database: database, message: message))
  }
}
