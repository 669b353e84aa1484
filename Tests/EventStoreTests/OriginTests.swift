import EventModel
import EventStore
import StoreConformance
import Synchronization
import Testing

/// One database in memory, opened and closed like a process does.
struct Fixture {
  let provider = MemoryEventStoreProvider()
  var world = ManualWorld(seed: 7)
  var options = EventSetOptions()

  func open(_ name: String = "scans") throws -> EventSet {
    let store = try #require(try provider.open(name, create: true))
    return try EventSet(name, store: store, world: world.world, options: options)
  }

  func draft(_ bodies: [String], second: Int64 = 0, onTaken: Draft.OnTaken = .refuse) -> Draft {
    let events = bodies.enumerated().map { index, body in
      (ulid: ULID(at: Instant(milliseconds: 1_770_000_000_000 + second * 1000 + Int64(index)), low80: 1), body: body, voids: [ULID]())
    }
    return Draft(events, onTaken: onTaken, world: world.world)
  }
}

@Suite struct `Origins never fork silently` {
  @Test func `opening and closing keeps the origin, and only appending writes a mark`() async throws {
    let fixture = Fixture()
    var set = try fixture.open()
    #expect(set.state.own == nil)
    #expect(try set.store.startMark() == nil)
    try await set.appendAll(fixture.draft(["{}"]))
    let origin = try #require(set.state.own)
    let mark = try set.store.startMark()
    for second in 1...3 {
      set.close()
      set = try fixture.open()
      #expect(set.state.own == origin)
      try await set.appendAll(fixture.draft(["{}"], second: Int64(second)))
    }
    #expect(set.state.own == origin)
    #expect(try set.store.startMark() != mark)
    #expect(set.state.clock.entries.map(\.n) == [4])
    try set.proveSound("reopened")
  }

  @Test func `another mark beside the data mints a new origin at the first append`() async throws {
    let fixture = Fixture()
    var set = try fixture.open()
    try await set.appendAll(fixture.draft(["{}"]))
    let origin = set.state.own
    set.close()
    set = try fixture.open()
    try set.store.setStartMark([UInt8](repeating: 9, count: 16))
    try await set.appendAll(fixture.draft(["{}"], second: 1))
    #expect(set.state.own != origin)
    #expect(set.state.clock.entries.map(\.n) == [1, 1])
    try set.proveSound("marked")
  }

  @Test func `a clock that knows more of the own log, or another log, mints a new origin`() async throws {
    let fixture = Fixture()
    let set = try fixture.open()
    try await set.appendAll(fixture.draft(["{}", "{}"]))
    let first = try #require(set.state.own)
    let head = try #require(set.state.clock.entry(first))
    set.observe(Clock([head]))
    try await set.appendAll(fixture.draft(["{}"], second: 1))
    #expect(set.state.own == first)
    set.observe(Clock([Clock.Entry(origin: first, n: 100, digest: 1)]))
    try await set.appendAll(fixture.draft(["{}"], second: 2))
    let second = try #require(set.state.own)
    #expect(second != first)
    set.observe(Clock([Clock.Entry(origin: second, n: 1, digest: 1)]))
    try await set.appendAll(fixture.draft(["{}"], second: 3))
    #expect(set.state.own != second)
    #expect(set.state.elements == 5)
    try set.proveSound("minted")
  }

  @Test func `a clock of the own that ran away is left behind with its origin`() async throws {
    let fixture = Fixture()
    fixture.world.advance(milliseconds: 10_000_000)
    let set = try fixture.open()
    try await set.appendAll(fixture.draft(["{}"]))
    let first = set.state.own
    fixture.world.advance(milliseconds: -10_000_000)
    try await set.appendAll(fixture.draft(["{}"], second: 1))
    #expect(set.state.own != first)
    #expect(set.state.hlc.at == fixture.world.now)
    #expect(try set.suspects() == 1)
    fixture.world.advance(milliseconds: 10_000_000)
    #expect(try set.suspects() == 0)
    try set.proveSound("ran away")
  }

  @Test func `a record from the far future is kept and handed on, counted, and moves nobody's clock`() async throws {
    let (ahead, here) = (Fixture(world: ManualWorld(seed: 8)), Fixture())
    ahead.world.advance(milliseconds: 10_000_000)
    let wrong = try ahead.open()
    try await wrong.appendAll(ahead.draft(["{}"]))
    let set = try here.open()
    try await set.appendAll(here.draft(["{}"], second: 1))
    try await set.pull(from: wrong)
    #expect(try set.suspects() == 1)
    #expect(set.state.hlc.at == here.world.now)
    let own = set.state.own
    try await set.appendAll(here.draft(["{}"], second: 2))
    #expect(set.state.own == own && set.state.hlc.at == here.world.now)
    let third = try Fixture(world: ManualWorld(seed: 9)).open()
    try await third.pull(from: set)
    #expect(third.state.clock == set.state.clock && third.state.sum == set.state.sum)
    #expect(try third.suspects() == 1)
    // With time it is one like any other.
    here.world.advance(milliseconds: 10_000_000)
    #expect(try set.suspects() == 0)
    try set.proveSound("suspect")
  }

  @Test func `a database under another name is refused`() async throws {
    let fixture = Fixture()
    let set = try fixture.open("scans")
    try await set.appendAll(fixture.draft(["{}"]))
    set.close()
    let store = try #require(try fixture.provider.open("scans", create: false))
    #expect(throws: StoreError.self) { try EventSet("orders", store: store, world: fixture.world.world) }
  }
}
