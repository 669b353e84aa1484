public import EventModel

/// An origin whose log could not be brought on, and why. The others go on.
public struct Parked: Hashable, Sendable {
  public let origin: Origin
  public let reason: String

  public init(_ origin: Origin, _ reason: String) {
    self.origin = origin
    self.reason = reason
  }
}

/// A relay's protocol, as a value: how far the target is, what is parked, and what to do next. It knows no peers and awaits nothing.
struct RelayState: Sendable {
  enum Step: Hashable, Sendable {
    /// Pull from the target's clock again.
    case exchange
    /// The target holds all that the source held when the first exchange ended, but for what is parked.
    case level
  }

  /// What the target holds.
  private(set) var held: PeerClock
  private(set) var parked: [Parked] = []
  /// Origins that aren't asked for: those that are parked, here or before.
  private(set) var without: Set<Origin>
  /// What the source holds, as it said last.
  private(set) var source: PeerClock?
  /// What the source held when the first exchange ended: a source that is written to all the time can be levelled with.
  private var goal: Clock?
  private var records = 0
  private var recordsBefore = 0

  init(held: PeerClock, without: Set<Origin> = []) {
    self.held = held
    self.without = without
  }

  /// The target took so many records, and holds this now.
  mutating func pushed(_ count: Int, held: PeerClock) {
    records += count
    self.held = held
  }

  /// The target refused records of an origin.
  mutating func refused(_ origin: Origin, _ reason: String) {
    if without.insert(origin).inserted { parked.append(Parked(origin, reason)) }
  }

  /// An exchange's end came, and all its pages are with the target.
  mutating func ended(_ end: PullEnd) -> Step {
    source = end.peer
    for fork in end.forks { refused(fork.origin, "a fork: the two hold different logs up to \(fork.n)") }
    for entry in end.peer.clock.entries {
      if let mine = held.clock.entry(entry.origin), mine.n == entry.n, mine.digest != entry.digest {
        refused(entry.origin, "a fork: the two hold different logs up to \(entry.n)")
      }
    }
    let goal = self.goal ?? end.peer.clock
    self.goal = goal
    let missing = goal.delta(beyond: held.clock).filter { !without.contains($0.origin) }
    if missing.isEmpty { return .level }
    defer { recordsBefore = records }
    if records > recordsBefore { return .exchange }
    for range in missing {
      // It may have lost it since: what it says now counts.
      guard end.peer.clock[range.origin] >= range.numbers.lowerBound else { continue }
      let (first, last) = (range.numbers.lowerBound, range.numbers.upperBound)
      refused(range.origin, "the source says that it holds \(last) records of it, and sends none from \(first) on")
    }
    return .level
  }

  /// What is wrong, if both now say the same clock and mean different sets.
  var alarm: String? { source?.alarm(beside: held) }
}
