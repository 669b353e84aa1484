import EventModel
import EventStore
import StoreConformance
import Synchronization
import ViewEngine
import ViewKit

/// All histories of three nodes and three events.
///
/// A history is a sequence of steps: the next event is recorded at a node, or a node pulls all that another one has and it lacks; a pull
/// that brings nothing is no step. Nodes are named in the order in which they first do something, as their names mean nothing. Each of the
/// three events may be an element of its own or one that was recorded before, perhaps elsewhere: five ways; the third, where it is one of its
/// own, declares the first wrong. Every way is taken in each order of happening that is asked for, of six.
///
/// When the third event is recorded, every node pulls from every other (a `round`: 3 037 histories for each order of happening), or all
/// further pulls are enumerated too, until all are level (`pulls`: 32 634).
///
/// Every step is done by processes that have just started, and views catch up behind it if that is asked for: most of the time goes there. At the end of each history:
/// - all nodes have equal logs, indexes and voids, byte by byte, and equal states;
/// - the log verifies, and views are the reductions of the sorted events;
/// - whoever had read a node's feed to its end, after any step, goes on at another node and is told exactly what it lacks, once.
public struct SmallHistories {
  public enum Ending: Sendable { case round, pulls }

  /// What came out.
  public struct Outcome: Sendable {
    public internal(set) var histories = 0
    /// The first thing that did not hold, and the steps that led there.
    public internal(set) var failure: String?

    public init(histories: Int = 0, failure: String? = nil) { (self.histories, self.failure) = (histories, failure) }

    public mutating func add(_ other: Outcome) {
      histories += other.histories
      failure = failure ?? other.failure
    }
  }

  private let ending: Ending
  private let ways: [[Int]]
  private let orders: [[Int]]
  private let views: Bool

  /// Which element each of the three events is.
  public static let allWays = [[0, 1, 2], [0, 0, 1], [0, 1, 0], [0, 1, 1], [0, 0, 0]]
  /// When each of three elements happened.
  public static let allOrders = [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1], [2, 0, 1], [1, 0, 2]]

  public init(ending: Ending, ways: [[Int]] = Self.allWays, orders: [[Int]] = Self.allOrders, views: Bool = true) {
    (self.ending, self.ways, self.orders, self.views) = (ending, ways, orders, views)
  }

  public func run() throws -> Outcome {
    var outcome = Outcome()
    for way in ways {
      for order in orders {
        var walk = try Walk(way, order, ending, views: views)
        try walk.go(SmallState())
        outcome.add(Outcome(histories: walk.histories, failure: walk.failure))
      }
    }
    return outcome
  }
}

/// Three nodes between two steps.
private struct SmallState {
  /// A clock that somebody read to, and what it was told by then.
  struct Reader {
    let clock: Clock
    let seen: Set<ElementID>
  }

  var disks = [MemoryEventStore.Contents](repeating: MemoryEventStore.Contents(), count: 3)
  var clocks = [Clock](repeating: Clock(), count: 3)
  /// How many events are recorded, and how many nodes did anything.
  var recorded = 0
  var named = 0
  var readers: [Reader] = []
  var steps: [String] = []
}

private struct Walk {
  private let events: [Happening]
  private let ending: SmallHistories.Ending
  private let views: CompiledDatabase?
  private let expected: [String: String]
  private let world = ManualWorld(seed: 1)
  private(set) var histories = 0
  private(set) var failure: String?

  init(_ way: [Int], _ order: [Int], _ ending: SmallHistories.Ending, views: Bool) throws {
    self.ending = ending
    self.views = views ? try CompiledDatabase(simulated) : nil
    let ulids = order.map { ULID(at: Cluster.start.adding(milliseconds: Int64($0) * 1000), low80: UInt128($0 + 1)) }
    let elements = (0..<3).map { index in
      Happening(ulids[index], key: "a", value: "\(index + 1)", voids: index == 2 ? [ulids[0]] : [])
    }
    events = way.map { elements[$0] }
    expected = try ExpectedViews(Array(Dictionary(events.map { ($0.id, $0) }) { first, _ in first }.values)).rows
  }

  /// Does every step that may come next, and goes on behind each.
  mutating func go(_ state: SmallState) throws {
    guard failure == nil else { return }
    let isRecorded = state.recorded == events.count
    if isRecorded, ending == .round || state.clocks.allSatisfy({ $0 == state.clocks[0] }) { return try end(state) }
    if !isRecorded {
      for node in 0...min(state.named, 2) { try go(record(state, node)) }
    }
    for (to, from) in Self.pairs where max(to, from) <= state.named && !state.clocks[to].covers(state.clocks[from]) {
      try go(pull(state, to, from))
    }
  }

  private static let pairs = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]

  // MARK: steps

  private func record(_ state: SmallState, _ node: Int) throws -> SmallState {
    var next = state
    let event = events[state.recorded]
    next.recorded += 1
    next.steps.append("n\(node) records \(state.recorded + 1)")
    try run(&next, node) { set in
      let draft = Draft([(event.ulid, event.body, event.voids)], world: world.world)
      let outcome = Mutex<AppendOutcome?>(nil)
      set.append(draft) { answer in outcome.withLock { $0 = answer } }
      guard case .recorded = outcome.withLock({ $0 }) else { throw LawBroken(description: "it was not recorded") }
    }
    return next
  }

  private func pull(_ state: SmallState, _ to: Int, _ from: Int) throws -> SmallState {
    var next = state
    next.steps.append("n\(to) pulls from n\(from)")
    let source = try open(state.disks[from]).set
    let page = try source.records(after: state.clocks[to]).page
    try run(&next, to) { set in
      let outcome = Mutex<Result<Merged, StoreError>?>(nil)
      set.merge(try VerifiedPage(page)) { answer in outcome.withLock { $0 = answer } }
      _ = try outcome.withLock { $0 }?.get()
    }
    return next
  }

  /// A process starts, does a step, and brings its views up to date.
  private func run(_ state: inout SmallState, _ node: Int, _ step: (EventSet) throws -> Void) throws {
    let (set, disk) = try open(state.disks[node])
    world.advance(milliseconds: 1)
    try step(set)
    if let views { _ = rows(set, views) }
    state.disks[node] = disk.contents.withLock { $0 }
    state.clocks[node] = set.state.clock
    state.named = max(state.named, node + 1)
    let told = try set.feedAll()
    state.readers.append(SmallState.Reader(clock: told.clock, seen: ids(told.events)))
  }

  private func open(_ contents: MemoryEventStore.Contents) throws -> (set: EventSet, disk: MemoryEventStore.Disk) {
    let disk = MemoryEventStore.Disk(contents)
    var options = EventSetOptions()
    // A turn runs where it is asked for: there is one thread, and nothing waits.
    options.turns = WriterTurns(now: { .now }, schedule: { $0() })
    return (try EventSet(Cluster.database, store: MemoryEventStore(disk: disk), world: world.world, options: options), disk)
  }

  /// What the views answer, brought up to date.
  private func rows(_ set: EventSet, _ views: CompiledDatabase) -> [String: String] {
    let schedule = Schedule(seed: 1)
    var options = ViewEngineOptions()
    options.executor = schedule
    let engine = ViewEngine(set, views, options: options)
    let found = Mutex<[String: String]>([:])
    schedule.start {
      for name in engine.names {
        guard let page = try? await engine.rows(name, Cluster.allRows) else { continue }
        found.withLock { $0[name] = String(decoding: page.rows, as: UTF8.self) }
      }
    }
    schedule.drain()
    return found.withLock { $0 }
  }

  private func ids(_ events: [SeenEvent]) -> Set<ElementID> {
    Set(events.map { ElementID(ulid: $0.ulid, digest: Digest.sha256([UInt8]($0.body.utf8).raw).first16) })
  }

  // MARK: the end

  private mutating func end(_ state: SmallState) throws {
    var state = state
    while let (to, from) = Self.pairs.first(where: { !state.clocks[$0.0].covers(state.clocks[$0.1]) }) { state = try pull(state, to, from) }
    histories += 1
    do { try check(state) } catch { failure = "\(events.map { "\($0.id)" }), \(state.steps): \(error)" }
  }

  private func check(_ state: SmallState) throws {
    let sets = try state.disks.map { try open($0).set }
    let elements = Set(events.map(\.id))
    for (node, set) in sets.enumerated() {
      try require(set.state.clock == sets[0].state.clock && set.state.sum == sets[0].state.sum, "n\(node) is not level")
      try require(set.state.elements == UInt64(elements.count), "n\(node) counts \(set.state.elements) elements")
      for table in [Table.log, .ids, .again, .voids] {
        try require(state.disks[node].equals(state.disks[0], table), "n\(node) has another table \(table)")
      }
    }
    try sets[0].proveSound("n0")
    if let views { try require(rows(sets[histories % 3], views) == expected, "a view is not the reduction of its events") }
    for (index, reader) in state.readers.enumerated() {
      let told = try sets[(index + histories) % 3].feedAll(after: reader.clock).events
      let rest = ids(told)
      try require(
        rest.count == told.count && rest == elements.subtracting(reader.seen), "whoever read after step \(index + 1) is told \(told.count)")
    }
  }

  private func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw LawBroken(description: what()) }
  }
}
