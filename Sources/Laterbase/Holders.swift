package import EventModel
package import EventStore
package import Replication
import Synchronization

/// What other nodes hold of a database, as they told, and who of them is pulling. The mutex owns the tables; who waits for news is woken
/// outside of it.
package final class Holders: Sendable {
  private struct State {
    var held = HeldTable()
    var bases = ClockBases()
    var pulls: [Origin: Pulling] = [:]
    /// Who was last found to mean another set by the same clock.
    var alarms: [Origin: String] = [:]
    var alarmCount: UInt64 = 0
    /// Logs of this node's own of which somebody told more than was written here: there they are other logs.
    var forked: Set<Origin> = []
  }

  private struct Pulling {
    var underWay = 0
    var ended: ContinuousClock.Instant
  }

  private let state = Mutex(State())
  private let timing: Timing
  /// Announces each node's word that is another one than before.
  let changes = ChangeSignal()

  /// Between an answer and its next request a puller puts on disk what it got: that long it counts as pulling.
  static let betweenPulls = Duration.seconds(2)
  private static let nodesMax = 1000

  package init(timing: Timing = .machine) { self.timing = timing }

  /// What nodes hold, as each told last.
  var held: [Origin: HeldTable.Entry] { state.withLock { $0.held.entries } }

  /// Takes a node's word of what it holds.
  ///
  /// Nobody can hold more of this node's own log than was ever written here, but by a fork: what is told of it then holds nothing of
  /// this one, however high the number.
  /// - Parameters:
  ///   - told: all that it said it holds.
  ///   - forks: of that, entries of logs that are others here.
  ///   - set: what was held here when the word came.
  package func note(_ node: Origin, _ told: Clock, without forks: [Clock.Entry], at heard: Instant, beside set: SetState) {
    let isNews = state.withLock { state in
      if let own = set.own, told[own] > set.clock[own] { state.forked.insert(own) }
      let others = state.forked.compactMap { told.entry($0) }.filter { $0.n > set.clock[$0.origin] }
      return state.held.note(node, told.without(forks + others), told: told, at: heard)
    }
    if isNews { changes.announce() }
  }

  /// Takes note of what a node must hold, since it sent it.
  /// - Parameter heads: the last record of each log that it sent, of logs that are the same here.
  func prove(_ node: Origin, holds heads: Clock) {
    let isNews = state.withLock { state in
      // Of a log that is another one there it says nothing.
      let others = state.forked.compactMap { heads.entry($0) }
      return state.held.prove(node, holds: heads.without(others))
    }
    if isNews { changes.announce() }
  }

  /// A node's last word of what it holds, with what it sent since.
  package func word(of node: Origin) -> HeldTable.Entry? { state.withLock { $0.held.entries[node] } }

  /// Takes what a node told of itself. If it holds more of the own log than is held here, or another log, this file was restored or copied:
  /// the next append mints a new origin. Logs that have forked are kept in mind, and count for nothing.
  /// - Parameters:
  ///   - set: what is held here.
  ///   - node: this node.
  /// - Returns: the heads of its logs that are others here, and lose.
  @discardableResult
  package func hear(_ told: PeerClock, beside set: EventSet, node: Origin, at heard: Instant) -> [Clock.Entry] {
    let state = set.state
    set.observe(told.clock)
    guard let forks = try? set.forks(against: told.clock) else { return [] }
    set.noteForks(forks.map(\.origin))
    if let other = told.node, other != node { note(other, told.clock, without: forks, at: heard, beside: state) }
    return forks.compactMap { told.clock.entry($0.origin) }.filter { state.clock.entry($0.origin)?.wins(over: $0) == true }
  }

  /// The nodes that hold elements.
  func holders(of dots: ElementDots) -> Set<Origin> { state.withLock { $0.held.holders(of: dots) } }

  /// Wakes who waits, for ever.
  package func close() { changes.close() }

  // MARK: pulls

  /// A pull under way that waits for news, as long as it lives.
  package final class Turn: Sendable {
    private let holders: Holders
    private let node: Origin

    fileprivate init(_ holders: Holders, _ node: Origin) { (self.holders, self.node) = (holders, node) }

    deinit { holders.endPull(node) }
  }

  package func beginPull(_ node: Origin) -> Turn {
    let now = timing.now()
    state.withLock { state in
      if state.pulls.count >= Self.nodesMax { state.pulls = state.pulls.filter { $0.value.underWay > 0 } }
      state.pulls[node, default: Pulling(ended: now)].underWay += 1
    }
    return Turn(self, node)
  }

  private func endPull(_ node: Origin) {
    let now = timing.now()
    state.withLock { state in
      state.pulls[node]?.underWay -= 1
      state.pulls[node]?.ended = now
    }
  }

  /// Whether a node will soon tell by itself what it holds: its pull waits for news, or did just now.
  func isPulling(_ node: Origin) -> Bool {
    let now = timing.now()
    return state.withLock { state in
      guard let pulling = state.pulls[node] else { return false }
      return pulling.underWay > 0 || pulling.ended + Self.betweenPulls > now
    }
  }

  // MARK: bases

  /// Keeps what a peer is told at a pull's or push's end, for its next request, and the answer to it, to differ from.
  package func tell(_ clock: Clock, to node: Origin, at way: ClockBases.Way) { state.withLock { $0.bases.tell(clock, to: node, at: way) } }

  /// The clock that a peer was told, by its digest.
  package func base(_ digest: UInt128, toldTo node: Origin) -> Clock? { state.withLock { $0.bases.clock(digest, toldTo: node) } }

  // MARK: alarms

  /// How often equal clocks were found to mean different sets.
  var alarmCount: UInt64 { state.withLock { $0.alarmCount } }

  /// Takes an exchange's audit: what is wrong, if anything is.
  /// - Returns: whether a person should be told: not once more of the same.
  @discardableResult func note(alarm: String?, of node: Origin) -> Bool {
    state.withLock { state in
      guard let alarm else {
        state.alarms[node] = nil
        return false
      }
      state.alarmCount += 1
      if state.alarms.count >= Self.nodesMax { state.alarms = [:] }
      return state.alarms.updateValue(alarm, forKey: node) != alarm
    }
  }
}
