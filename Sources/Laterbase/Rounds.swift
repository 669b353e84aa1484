import EventModel
import Replication

/// What a follower's rounds of one database hand on to the next, as a value.
struct Rounds {
  /// After so long a log that was parked is asked for again.
  static let parkedFor = Duration.seconds(60)

  /// Logs that are left out, as the source had them: what has changed since may fit.
  private(set) var parked: [Origin: Clock.Entry?] = [:]
  /// The heads of the source's logs for which it was given others that win.
  private var given: [Origin: Clock.Entry] = [:]
  /// What the source told last.
  private(set) var base = Clock()
  /// What the target told last: a push's answer may be short by it.
  private(set) var told = Clock()
  /// Whether the last round ended with a push that the target took: what it holds needn't be asked for.
  private(set) var isTold = false
  private var forgetAt = ContinuousClock.now + parkedFor

  mutating func begin() {
    if ContinuousClock.now >= forgetAt { (parked, given, forgetAt) = ([:], [:], ContinuousClock.now + Self.parkedFor) }
  }

  /// - Parameter asked: whether the target was asked what it holds. If it wasn't, it may hold less than it told: before a log is left out,
  ///   the next round asks.
  mutating func ended(_ outcome: Relay.Outcome, asked: Bool) {
    if let source = outcome.source { base = source.clock }
    told = outcome.toldByTarget
    isTold = outcome.records > 0 && outcome.parked.isEmpty && outcome.forked.isEmpty
    parked = parked.filter { $0.value == base.entry($0.key) }
    if asked { for log in outcome.parked { parked[log.origin] = .some(base.entry(log.origin)) } }
  }

  /// - Parameter losing: heads of the source's logs that lose against those held here.
  /// - Returns: those logs for which it wasn't given the winners lately.
  mutating func give(_ losing: [Clock.Entry]) -> [Origin] {
    let new = losing.filter { given[$0.origin] != $0 }
    for head in new { given[head.origin] = head }
    return new.map(\.origin)
  }

  mutating func failed() { isTold = false }
}
