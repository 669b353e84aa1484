import EventModel
import EventStore
import StoreConformance
import Synchronization
import Testing
import ViewKit

@testable import ViewEngine

/// One key of a view is read behind each append. What the reader computes waits in memory for more of its kind, and goes to the disk with an
/// append.
@Suite struct `What a reader computed` {
  private static func appendAll(_ values: Range<Int>, to set: EventSet, _ world: ManualWorld) async {
    for value in values {
      let ulid = ULID(at: world.world.now(), low80: UInt128(value))
      _ = await set.append(Draft([(ulid, #"{"key":"a","value":\#(value)}"#, [])], world: world.world))
    }
  }

  /// What `sums` counts of the key, without waiting for anything.
  private static func countNow(_ engine: ViewEngine) throws -> Int? {
    try engine.value("sums", KeyBytes.bytes(of: "a")) { (_, value) in JSON(normalForm: [UInt8](copying: value))["count"]?.int } ?? nil
  }

  /// The same, where a catch-up that was waited for may still have an end to do.
  private static func count(_ engine: ViewEngine) async throws -> Int {
    try await untilThere { try countNow(engine) }
  }

  private static func untilThere<R>(_ look: () throws -> R?) async throws -> R {
    let deadline = ContinuousClock.now + .seconds(120)
    while true {
      if let found = try look() { return found }
      try #require(.now < deadline)
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  /// A view that is built over three events, of which the last was computed by a reader.
  private struct Case {
    let world = ManualWorld(seed: testSeed())
    let store = WatchedStore(MemoryEventStore())
    let set: EventSet
    let engine: ViewEngine

    init(idleSeconds: Int = 3600, atStage: (@Sendable (WriterStage) -> Void)? = nil) async throws {
      var options = EventSetOptions()
      options.idleSeconds = idleSeconds
      options.atStage = { stage in
        atStage?(stage)
        return .goOn
      }
      set = try EventSet("samples", store: store, world: world.world, options: options)
      engine = ViewEngine(set, try CompiledDatabase(samples))
      await appendAll(0..<2, to: set, world)
      try await engine.catchUp("sums")
      await appendAll(2..<3, to: set, world)
      #expect(try await count(engine) == 3)
    }

    func end() throws {
      try #expect(engine.verify().faults == [])
      engine.close()
      set.close()
    }
  }

  @Test func `takes no write of its own, but goes with an append when it is enough`() async throws {
    let here = try await Case()
    let before = here.store.seen.writes
    let enough = Int(here.engine.options.aheadRecordsMax) / 4
    for value in 3..<3 * enough {
      await Self.appendAll(value..<value + 1, to: here.set, here.world)
      #expect(try Self.countNow(here.engine) == value + 1)
      #expect(try Self.countNow(here.engine) == value + 1)
      // As much as is enough has gone with the append behind it.
      #expect(try here.engine.status("sums").pending == UInt64((value - 2) % enough + 1))
    }
    #expect(here.store.seen.writes == before + 3 * enough - 3)
    // Whoever wants it on disk waits for one more.
    try await here.engine.catchUp("sums")
    #expect(here.store.seen.writes == before + 3 * enough - 2)
    #expect(try here.engine.status("sums").pending == 0)
    try here.end()
  }

  @Test func `is added to, where an append was under way`() async throws {
    let reading = Mutex<ViewEngine?>(nil)
    let read = Mutex<[Int?]>([])
    let here = try await Case { stage in
      // The group is on its way, so what is computed now doesn't go with it.
      guard stage == .admitted, let engine = reading.withLock({ $0 }) else { return }
      let count = try? Self.countNow(engine)
      read.withLock { $0.append(count) }
    }
    let before = here.store.seen.writes
    reading.withLock { $0 = here.engine }
    await Self.appendAll(3..<100, to: here.set, here.world)
    reading.withLock { $0 = nil }
    // Where it was enough it is on its way too, and the reader would have to wait.
    let enough = Int(here.engine.options.aheadRecordsMax) / 4
    #expect(read.withLock { $0 } == (3..<100).map { $0 > 3 && ($0 - 3) % enough == 0 ? nil : $0 })
    #expect(here.store.seen.writes == before + 97)
    #expect(try Self.countNow(here.engine) == 100)
    try await here.engine.catchUp("sums")
    try here.end()
  }

  @Test func `goes to the disk when nothing comes, and at the end`() async throws {
    let here = try await Case(idleSeconds: 1)
    // Nothing tells it but the writer's own patience.
    try await Self.untilThere { try here.engine.status("sums").pending == 0 ? () : nil }
    try here.end()
    let there = try await Case()
    let writes = there.store.seen.writes
    try there.end()
    #expect(there.store.seen.writes == writes + 1)
  }

  @Test(arguments: [MortalStore.Death.beforeCommit, .afterCommit])
  func `is there with the append that it went with, or not at all`(death: MortalStore.Death) async throws {
    let life = MortalStore.Life()
    var options = ViewEngineOptions()
    options.aheadRecordsMax = 2
    let node = try TestNode(.mortal(MemoryEventStoreProvider(), life), ManualWorld(seed: testSeed()), options)
    await Self.appendAll(0..<2, to: node.set, node.world)
    try await node.engine.catchUp("sums")
    await Self.appendAll(2..<3, to: node.set, node.world)
    #expect(try await Self.count(node.engine) == 3)
    life.end(after: 0, death)
    await Self.appendAll(3..<4, to: node.set, node.world)
    #expect(life.isOver)
    node.stop()
    life.go()
    try node.restart()
    #expect(node.set.state.elements == (death == .beforeCommit ? 3 : 4))
    #expect(try node.engine.status("sums").pending == 1)
    try await `A view is a function of the event set`().checkStored(node, "\(death)")
    #expect(try await Self.count(node.engine) == (death == .beforeCommit ? 3 : 4))
    #expect(try node.engine.verify().faults == [])
    node.stop()
  }

  /// The cursor shows the rows that a store would hold behind the puts.
  @Test func `is read as if it were there, from any place in either direction`() async throws {
    let seed = testSeed()
    var random = SeededRandom(seed: seed)
    for round in 0..<40 {
      let set = try EventSet("samples", store: MemoryEventStore(), world: ManualWorld(seed: seed).world)
      let world = ManualWorld(seed: random.next())
      await Self.appendAll(0..<Int(random.next() % 9) + 2, to: set, world)
      let engine = ViewEngine(set, try CompiledDatabase(samples))
      try await engine.catchUp("sums")
      // No more than is computed by who asks.
      await Self.appendAll(50..<Int(random.next() % engine.options.shortRecordsMax) + 51, to: set, world)
      _ = try await Self.count(engine)
      let ahead = try #require(try engine.runner("sums").ahead)
      let stored = try Self.rows(set, nil)
      var wanted = Dictionary(uniqueKeysWithValues: stored.map { ($0.key, $0.value) })
      for put in ahead.puts { wanted[put.key] = put.value }
      let rows = wanted.sorted { $0.key.raw.compare($1.key.raw) < 0 }.map { ($0.key, $0.value) }
      #expect(try Self.rows(set, ahead).elementsEqual(rows, by: ==), "seed \(seed) round \(round)")
      try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
        let cursor = AheadCursor(ahead, try reader.cursor(.view))
        var at = -1
        for step in 0..<60 {
          let found: Bool
          switch random.next() % 5 {
          case 0:
            let (key, more) = (rows[Int(random.next() % UInt64(rows.count))].0, random.chance(1, in: 2))
            let bound = more ? key + [0] : key
            found = try cursor.seek(bound.raw)
            at = rows.firstIndex { $0.0.raw.compare(bound.raw) >= 0 } ?? rows.count
          case 1: (found, at) = (try cursor.last(), rows.count - 1)
          case 2: (found, at) = (try cursor.previous(), at < 0 || at == rows.count ? rows.count - 1 : at - 1)
          default: (found, at) = (try cursor.next(), at == rows.count ? 0 : at + 1)
          }
          #expect(found == rows.indices.contains(at), "seed \(seed) round \(round) step \(step)")
          if found { #expect([UInt8](copying: cursor.key) == rows[at].0 && [UInt8](copying: cursor.value) == rows[at].1) } else { at = -1 }
        }
      }
      engine.close()
      set.close()
    }
  }

  private static func rows(_ set: EventSet, _ ahead: Ahead?) throws -> [(key: [UInt8], value: [UInt8])] {
    try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      var rows: [([UInt8], [UInt8])] = []
      let stored = try reader.cursor(.view)
      let cursor: any StoreCursor = ahead.map { AheadCursor($0, stored) } ?? stored
      while try cursor.next() { rows.append(([UInt8](copying: cursor.key), [UInt8](copying: cursor.value))) }
      return rows
    }
  }
}
