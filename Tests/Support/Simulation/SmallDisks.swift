import EventModel
import EventStore
import StoreConformance
import Synchronization
import ViewEngine
import ViewKit

/// The disks that nodes of small histories may have, and what each step makes of them. Each is kept once, each step done once.
struct SmallDisks {
  /// How many events there are.
  static let events = 3

  private struct Disk {
    let contents: MemoryEventStore.Contents
    let clock: Clock
    /// Which of the readers has read its feed to the end.
    let reader: Int
    /// Which of the logs it has.
    let log: Int
  }

  /// All that tells two disks apart.
  private struct Identity: Hashable {
    let rows: Digest
    let mark: [UInt8]?

    init(_ contents: MemoryEventStore.Contents) { (rows, mark) = (contents.digest(of: Table.allCases), contents.mark) }
  }

  /// What a feed reads.
  private static let logTables = [Table.log, .ids, .again, .voids]

  private enum Step: Hashable {
    case record(node: Int, event: Int, disk: Int)
    case pull(to: Int, from: Int, recorded: Int)
  }

  private let events: [Happening]
  private let elements: Set<ElementID>
  private let views: CompiledDatabase
  private let expected: [String: String]
  private var disks: [Disk] = []
  private var numbers: [Identity: Int] = [:]
  private var logs: [Digest: Int] = [:]
  /// Whoever has read to a clock was told of these.
  private var readers: [(clock: Clock, told: Set<ElementID>)] = []
  private var readerNumbers: [Clock: Int] = [:]
  private var steps: [Step: Int] = [:]
  private var ends: Set<Int> = []
  private var readings: Set<[Int]> = []

  /// - Parameters:
  ///   - way: which element each event is.
  ///   - order: when each element happened.
  init(_ way: [Int], _ order: [Int]) throws {
    views = try CompiledDatabase(simulated)
    let ulids = order.map { ULID(at: Cluster.start.adding(milliseconds: Int64($0) * 1000), low80: UInt128($0 + 1)) }
    let elements = (0..<Self.events).map { index in
      Happening(ulids[index], key: "a", value: "\(index + 1)", voids: index == 2 ? [ulids[0]] : [])
    }
    events = way.map { elements[$0] }
    self.elements = Set(events.map(\.id))
    expected = try ExpectedViews(Array(Dictionary(events.map { ($0.id, $0) }) { first, _ in first }.values)).rows
    let (set, store) = try Self.open(MemoryEventStore.Contents(), world(recorded: 0, 0))
    _ = try keep(set, store.contents.withLock { $0 })
  }

  var count: Int { disks.count }
  var stepCount: Int { steps.count }
  /// The events, in the order in which they are recorded.
  var name: String { "\(events.map { "\($0.id)" })" }

  func clock(_ disk: Int) -> Clock { disks[disk].clock }
  func covers(_ disk: Int, _ other: Int) -> Bool { clock(disk).covers(clock(other)) }

  // MARK: steps

  /// - Returns: the disk that a node has when it has recorded an event.
  mutating func record(_ event: Int, at node: Int, on disk: Int) throws -> Int {
    let happening = events[event]
    return try step(.record(node: node, event: event, disk: disk), on: disk, world: world(recorded: event, node)) { set, world in
      let draft = Draft([(happening.ulid, happening.body, happening.voids)], world: world)
      let outcome = Mutex<AppendOutcome?>(nil)
      set.append(draft) { answer in outcome.withLock { $0 = answer } }
      guard case .recorded = outcome.withLock({ $0 }) else { throw LawBroken(description: "it was not recorded") }
    }
  }

  /// - Returns: the disk of a node that has pulled all from another.
  mutating func pull(to disk: Int, from source: Int, after recorded: Int) throws -> Int {
    let (contents, held) = (disks[source].contents, disks[disk].clock)
    return try step(.pull(to: disk, from: source, recorded: recorded), on: disk, world: world(recorded: recorded, 0)) { set, world in
      let page = try Self.open(contents, world).set.records(after: held).page
      let outcome = Mutex<Result<Merged, StoreError>?>(nil)
      set.merge(try VerifiedPage(page)) { answer in outcome.withLock { $0 = answer } }
      _ = try outcome.withLock { $0 }?.get()
    }
  }

  /// Time goes on with what is recorded; chance is the node's.
  private func world(recorded: Int, _ node: Int) -> World {
    ManualWorld(seed: UInt64(1 + node * Self.events + recorded), now: Cluster.start.adding(milliseconds: Int64(recorded))).world
  }

  /// A process starts, does a step, and brings its views up to date.
  private mutating func step(_ step: Step, on disk: Int, world: World, _ body: (EventSet, World) throws -> Void) throws -> Int {
    if let known = steps[step] { return known }
    let (set, store) = try Self.open(disks[disk].contents, world)
    try body(set, world)
    _ = rows(set)
    let number = try keep(set, store.contents.withLock { $0 })
    steps[step] = number
    return number
  }

  private mutating func keep(_ set: EventSet, _ contents: MemoryEventStore.Contents) throws -> Int {
    let identity = Identity(contents)
    if let known = numbers[identity] { return known }
    let digest = contents.digest(of: Self.logTables)
    let log = logs[digest] ?? logs.count
    logs[digest] = log
    numbers[identity] = disks.count
    disks.append(Disk(contents: contents, clock: set.state.clock, reader: try reader(of: set), log: log))
    return disks.count - 1
  }

  /// The reader of a set's feed, who must be told the same wherever the clock is the same.
  private mutating func reader(of set: EventSet) throws -> Int {
    let (events, clock) = try set.feedAll()
    let told = ids(events)
    try require(clock == set.state.clock && told.count == events.count, "the feed tells something twice")
    if let known = readerNumbers[clock] {
      try require(readers[known].told == told, "a feed tells other events at a clock that it told some at")
      return known
    }
    readerNumbers[clock] = readers.count
    readers.append((clock, told))
    return readers.count - 1
  }

  private static func open(_ contents: MemoryEventStore.Contents, _ world: World) throws -> (set: EventSet, disk: MemoryEventStore.Disk) {
    let disk = MemoryEventStore.Disk(contents)
    var options = EventSetOptions()
    // A turn runs where it is asked for: there is one thread, and nothing waits.
    options.turns = WriterTurns(now: { .now }, schedule: { $0() })
    return (try EventSet(Cluster.database, store: MemoryEventStore(disk: disk), world: world, options: options), disk)
  }

  /// What the views answer, brought up to date.
  private func rows(_ set: EventSet) -> [String: String] {
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

  /// What must hold of three nodes that are level.
  mutating func checkLevel(_ end: [Int]) throws {
    let sets = try end.map { try Self.open(disks[$0].contents, world(recorded: Self.events, 0)).set }
    for (node, set) in sets.enumerated() {
      try require(set.state.clock == sets[0].state.clock && set.state.sum == sets[0].state.sum, "n\(node) is not level")
      try require(set.state.elements == UInt64(elements.count), "n\(node) counts \(set.state.elements) elements")
      for table in Self.logTables {
        try require(disks[end[node]].contents.equals(disks[end[0]].contents, table), "n\(node) has another table \(table)")
      }
      guard ends.insert(end[node]).inserted else { continue }
      try set.proveSound("n\(node)")
      try require(rows(set) == expected, "a view is not the reduction of its events")
    }
  }

  /// Which logs and indexes a disk has: the number is one wherever they are equal.
  func log(_ disk: Int) -> Int { disks[disk].log }

  /// Who has read the feed of a disk to its end, and goes on where these logs are, is told exactly what it lacks.
  mutating func checkReader(of disk: Int, at log: Int) throws {
    let reader = readers[disks[disk].reader]
    guard readings.insert([disks[disk].reader, log]).inserted, let end = disks.first(where: { $0.log == log }) else { return }
    let told = try Self.open(end.contents, world(recorded: Self.events, 0)).set.feedAll(after: reader.clock).events
    let rest = ids(told)
    try require(rest.count == told.count && rest == elements.subtracting(reader.told), "who read before is told \(told.count)")
  }

  private func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw LawBroken(description: what()) }
  }
}
