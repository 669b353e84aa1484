import EventModel
import EventStore
import Foundation
import StoreConformance
import Synchronization
import Testing

@Suite struct `The writer` {
  @Test func `answers each of many callers, and a taken ULID fails its own request alone`() async throws {
    let fixture = Fixture()
    let set = try fixture.open()
    try await set.appendAll(fixture.draft([#"{"v":0}"#], second: 50))
    let outcomes = await withTaskGroup(of: (Int, AppendOutcome).self) { group in
      for caller in 0..<200 {
        // Every tenth claims the ULID that is held for another body.
        let bad = caller % 10 == 3
        let draft = fixture.draft([#"{"v":\#(caller + 1)}"#], second: bad ? 50 : Int64(1000 + caller))
        group.addTask { (caller, await set.append(draft)) }
      }
      return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    for (caller, outcome) in outcomes {
      switch outcome {
      case .recorded(let appended): #expect(caller % 10 != 3 && appended.recorded == 1)
      case .taken(let taken): #expect(caller % 10 == 3 && taken.map(\.index) == [0])
      case .failed(let error): Issue.record(error)
      }
    }
    #expect(set.state.elements == 181)
    try set.proveSound("many callers")
  }

  @Test func `gathers what waits into one transaction`() async throws {
    var fixture = Fixture()
    let commits = Mutex(0)
    fixture.options.atStage = {
      if $0 == .applied { commits.withLock { $0 += 1 } }
      return .goOn
    }
    let set = try fixture.open()
    // While a slice holds the writer, all callers queue up.
    let running = Mutex(false)
    let released = Mutex(false)
    async let slice: Void = set.slice(WriteSize(bytes: 0, events: 0)) { (_: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      running.withLock { $0 = true }
      while !released.withLock({ $0 }) { sched_yield() }
    }
    while !running.withLock({ $0 }) { await Task.yield() }
    await withCheckedContinuation { continuation in
      let answered = Mutex(0)
      for caller in 0..<100 {
        set.append(fixture.draft(["{}"], second: Int64(caller))) { _ in
          if answered.withLock({
            $0 += 1; return $0
          }) == 100 {
            continuation.resume()
          }
        }
      }
      released.withLock { $0 = true }
    }
    try await slice
    #expect(set.state.elements == 100)
    #expect(commits.withLock { $0 } == 1)
  }

  @Test func `refuses more than its queue holds, and goes on afterwards`() async throws {
    var fixture = Fixture()
    fixture.options.queueBytesMax = 4000
    let set = try fixture.open()
    let big = "{\"v\":\"\(String(repeating: "x", count: 1500))\"}"
    let outcomes = await withTaskGroup(of: AppendOutcome.self) { group in
      for caller in 0..<200 {
        let draft = fixture.draft([big], second: Int64(caller))
        group.addTask { await set.append(draft) }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    var recorded = 0
    for outcome in outcomes {
      switch outcome {
      case .recorded: recorded += 1
      case .failed(let error): #expect(error.code == .busy)
      case .taken: Issue.record("taken")
      }
    }
    #expect(set.state.elements == UInt64(recorded))
    try await set.appendAll(fixture.draft([big], second: 5000))
  }

  @Test func `answers what waits when the database is closed`() async throws {
    let fixture = Fixture()
    let set = try fixture.open()
    set.close()
    guard case .failed(let error) = await set.append(fixture.draft(["{}"])) else {
      Issue.record("appended to a closed database")
      return
    }
    #expect(error.code == .closed)
  }

  @Test func `wakes those who wait for a change, or for the end`() async throws {
    let fixture = Fixture()
    let set = try fixture.open()
    let seen = set.changes.version
    async let woken: Void = set.changes.wait(after: seen)
    try await set.appendAll(fixture.draft(["{}"]))
    await woken
    #expect(set.changes.version > seen)
    let last = set.changes.version
    async let ended: Void = set.changes.wait(after: last)
    set.close()
    await ended
    let cancelled = Task { await ChangeSignal().wait(after: 0) }
    cancelled.cancel()
    await cancelled.value
  }
}

@Suite struct `Reading` {
  @Test func `an entry of a clock above what is held here suppresses nothing`() async throws {
    let (fixture, twin) = (Fixture(), Fixture(world: ManualWorld(seed: 8)))
    let (here, there) = (try fixture.open(), try twin.open())
    // One element, recorded at both.
    try await there.appendAll(twin.draft(["{}"]))
    try await here.appendAll(fixture.draft(["{}"]))
    try await here.pull(from: there)
    let foreign = try #require(there.state.own)
    #expect(try here.feedAll(after: there.state.clock).events.isEmpty)
    #expect(try here.feedAll(after: Clock([Clock.Entry(origin: foreign, n: 9, digest: 1)])).events.count == 1)
  }

  @Test func `a damaged record is found, never served, and ends its log; the next append goes under a new origin`() async throws {
    let fixture = Fixture()
    let set = try fixture.open()
    try await set.appendAll(fixture.draft((0..<10).map { #"{"v":\#($0)}"# }))
    let own = try #require(set.state.own)
    let damaged = Dot(origin: own, n: 6)
    try set.store.write(WriteSize(bytes: 0, events: 0)) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
      let key = StoreKey.dot(damaged)
      guard let held = try writer.get(.log, key.raw) else { throw StoreError(.damaged, "not there") }
      var bytes = [UInt8](copying: held)
      bytes[bytes.count - 2] ^= 1
      try writer.put(.log, key.raw, bytes.raw)
    }
    #expect(try set.feedAll().events.count == 5)
    #expect(set.state.clock[own] == 5)
    #expect(try set.rangeAll().count == 9)
    #expect(set.damaged == [own: 6])
    #expect(try set.verify().isSound == false)
    try await set.appendAll(fixture.draft(["{}"], second: 9))
    #expect(set.state.own != own)
    #expect(try set.feedAll().events.count == 6)
  }

  @Test func `a range is in order of happening, from inclusive, to exclusive, both ways and in pages`() async throws {
    let fixture = Fixture()
    let set = try fixture.open()
    for second in [5, 1, 9, 3, 7] { try await set.appendAll(fixture.draft(["{}"], second: Int64(second))) }
    func seconds(_ from: Int64?, _ to: Int64?, descending: Bool = false) throws -> [Int64] {
      func at(_ second: Int64) -> Instant { Instant(milliseconds: 1_770_000_000_000 + second * 1000) }
      var found: [Int64] = []
      var cursor: ElementID?
      repeat {
        cursor = try set.range(from: from.map(at), to: to.map(at), after: cursor, descending: descending) {
          (event, _) throws(StoreError) in
          found.append((event.ulid.at.milliseconds - 1_770_000_000_000) / 1000)
          return found.count % 2 != 0
        }
      } while cursor != nil
      return found
    }
    #expect(try seconds(nil, nil) == [1, 3, 5, 7, 9])
    #expect(try seconds(3, 7) == [3, 5])
    #expect(try seconds(2, nil) == [3, 5, 7, 9])
    #expect(try seconds(nil, nil, descending: true) == [9, 7, 5, 3, 1])
    #expect(try seconds(3, 9, descending: true) == [7, 5, 3])
    #expect(try seconds(10, nil, descending: true) == [])
  }

  @Test func `what was held at a time is a clock`() async throws {
    let fixture = Fixture()
    let here = try fixture.open("scans")
    var twin = Fixture()
    twin.world = ManualWorld(seed: 8)
    let there = try twin.open("scans")
    var times: [(Instant, Clock)] = [(fixture.world.now.adding(milliseconds: -1), Clock())]
    for second in 0..<6 {
      fixture.world.advance(milliseconds: 1000)
      twin.world.advance(milliseconds: 1000)
      try await there.appendAll(twin.draft(["{}"], second: Int64(second + 100)))
      if second % 2 == 0 { try await here.pull(from: there) }
      try await here.appendAll(fixture.draft(["{}"], second: Int64(second)))
      times.append((fixture.world.now, here.state.clock))
    }
    for (instant, clock) in times { #expect(try here.clock(heldAt: instant) == clock) }
  }

  @Test func `a void marks what it names, whichever comes first`() async throws {
    for voidFirst in [true, false] {
      let fixture = Fixture()
      let set = try fixture.open()
      let wrong = ULID(at: Instant(milliseconds: 1_770_000_000_000), low80: 1)
      let void = ULID(at: Instant(milliseconds: 1_770_000_005_000), low80: 2)
      let drafts = [
        Draft([(wrong, "{}", [])], world: fixture.world.world),
        Draft([(void, "{\"_voids\":[\"\(wrong)\"]}", [wrong])], world: fixture.world.world),
      ]
      for draft in voidFirst ? drafts.reversed() : drafts { try await set.appendAll(draft) }
      var seen: [ULID: [ULID]] = [:]
      _ = try set.feed(after: Clock()) { (event, _) throws(StoreError) in
        seen[event.ulid] = event.voidedBy
        return true
      }
      #expect(seen == [wrong: [void], void: []])
      var looked: [ULID] = []
      try set.events(wrong) { (event, _) throws(StoreError) in
        looked = event.voidedBy
        return true
      }
      #expect(looked == [void])
      try set.proveSound("void first: \(voidFirst)")
    }
  }
}
