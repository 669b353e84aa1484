public import EventModel
internal import EventStore

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
    /// Ask both for what they hold at `places`: their logs have forked before.
    case compare
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
  /// Logs of which the target holds another one, which loses.
  private var repairs: [Origin: ForkRepair] = [:]
  /// Origins of which both hold logs of their own.
  private(set) var forked: Set<Origin> = []

  init(held: PeerClock, without: Set<Origin> = []) {
    self.held = held
    self.without = without
  }

  /// What to name to the source: what the target holds, and its audit; but of a log that is repaired what both agree on, and none then.
  var asked: (clock: Clock, audit: PeerClock.Audit?) {
    var clock = held.clock
    for repair in repairs.values where !repair.isSearching { clock.set(repair.reached) }
    return (clock, clock == held.clock ? held.audit : nil)
  }

  /// The heads of logs to be named to the target, because they win.
  var winners: [Clock.Entry] { repairs.values.filter { !$0.isSearching }.map(\.winner).sorted { $0.origin < $1.origin } }

  /// The target took a page's records, and holds this now.
  mutating func pushed(_ page: RecordPage, held: PeerClock) {
    pushed(page.entries.count, held: held)
    if repairs.isEmpty { return }
    for entry in page.entries where repairs[entry.dot.origin] != nil {
      let digest: UInt64 = page.bytes.raw.bigEndian(at: entry.range.lowerBound + Record.Offset.chain)
      let sent = Clock.Entry(origin: entry.dot.origin, n: entry.dot.n, digest: digest)
      // The target has cut its own log, and goes on with this one.
      if held.clock.entry(sent.origin) == sent { repairs[sent.origin] = nil } else { repairs[sent.origin]?.reached = sent }
    }
  }

  /// The target took so many records, and holds this now.
  mutating func pushed(_ count: Int, held: PeerClock) {
    records += count
    self.held = held
  }

  /// The target refused records of an origin.
  mutating func refused(_ origin: Origin, _ reason: String) {
    repairs[origin] = nil
    if without.insert(origin).inserted { parked.append(Parked(origin, reason)) }
  }

  /// An exchange's end came, and all its pages are with the target.
  mutating func ended(_ end: PullEnd) -> Step {
    source = end.peer
    let known = forked
    for fork in end.forks { found(fork) }
    for entry in end.peer.clock.entries {
      if let mine = held.clock.entry(entry.origin), mine.n == entry.n, mine.digest != entry.digest { found(entry) }
    }
    let goal = self.goal ?? end.peer.clock
    self.goal = goal
    if repairs.values.contains(where: \.isSearching) { return .compare }
    let missing = goal.delta(beyond: held.clock).filter { !without.contains($0.origin) && repairs[$0.origin] == nil }
    if missing.isEmpty, repairs.isEmpty { return .level }
    defer { recordsBefore = records }
    // A log that is another one from its first record on needs no search: what it is to be replaced by is asked for next.
    let isToBeAsked = repairs.keys.contains { !known.contains($0) }
    if records > recordsBefore || isToBeAsked { return .exchange }
    for origin in repairs.keys.sorted() { refused(origin, "a fork: the source's log wins, and its records don't come") }
    for range in missing {
      // It may have lost it since: what it says now counts.
      guard end.peer.clock[range.origin] >= range.numbers.lowerBound else { continue }
      let (first, last) = (range.numbers.lowerBound, range.numbers.upperBound)
      refused(range.origin, "the source says that it holds \(last) records of it, and sends none from \(first) on")
    }
    return .level
  }

  /// Takes note of a fork that the source's entry shows.
  private mutating func found(_ theirs: Clock.Entry) {
    let origin = theirs.origin
    if without.contains(origin) { return }
    let isNew = forked.insert(origin).inserted
    guard let mine = held.clock.entry(origin), let head = source?.clock.entry(origin), head.wins(over: mine) else {
      return refused(origin, "a fork: the two hold different logs up to \(theirs.n); the source's loses, and it has to cut it")
    }
    if isNew {
      repairs[origin] = ForkRepair(losing: mine.n, to: head)
    } else if repairs[origin] == nil {
      refused(origin, "a fork: the two hold different logs up to \(theirs.n), again")
    }
  }

  // MARK: Comparing

  /// Where to compare forked logs next, as a clock for the source; its digests match nothing, so the source says its own.
  var places: Clock {
    Clock(repairs.values.filter(\.isSearching).map { Clock.Entry(origin: $0.winner.origin, n: $0.search.place, digest: 0) })
  }

  /// Takes in what the source holds at `places`, and at which of these the target holds something else.
  /// - Returns: what to do next: compare again, or exchange.
  mutating func compared(_ theirs: Clock, differing: Set<Origin>) -> Step {
    for (origin, repair) in repairs.sorted(by: { $0.key < $1.key }) where repair.isSearching {
      guard let entry = theirs.entry(origin), entry.n == repair.search.place else {
        refused(origin, "a fork: the source doesn't say what it held at \(repair.search.place)")
        continue
      }
      repairs[origin]?.search.compared(agree: !differing.contains(origin))
      if !differing.contains(origin) { repairs[origin]?.reached = entry }
    }
    return repairs.values.contains(where: \.isSearching) ? .compare : .exchange
  }

  /// What is wrong, if both now say the same clock and mean different sets.
  var alarm: String? { source?.alarm(beside: held) }
}
