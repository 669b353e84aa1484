import EventModel
import EventStore
import StoreConformance
import Testing
import ViewKit
import ViewLaws

@testable import ViewEngine

@Suite struct `Time travel` {
  typealias Tree = `The summary tree of a group`

  @Test func `reads the value of what had happened, joining O(log n) blocks`() throws {
    for round in 0..<25 {
      let seed = testSeed(round: round)
      var random = SeededRandom(seed: seed)
      let harness = try TreeHarness()
      let count = [1, 20, 300, 2000][round % 4]
      var rows: [Pos: StoredRow] = [:]
      for _ in 0..<count {
        var row = Tree.row(&random)
        if random.chance(1, in: 12) { row.voided = HLC(value: random.next() % 1000) }
        rows[Tree.place(&random, borders: count > 300 ? 32 : 3)] = row
      }
      try harness.apply(rows.map { ($0.key, $0.value) })
      let places = rows.keys.sorted()
      for _ in 0..<12 {
        var filter = RowFilter()
        func bound() -> Pos {
          random.chance(1, in: 2) ? places[Int(random.next() % UInt64(places.count))] : Tree.place(&random, borders: 3)
        }
        if random.chance(1, in: 2) { filter.from = bound() }
        if filter.from == .zero || random.chance(1, in: 2) { filter.to = bound() }
        let known = random.chance(1, in: 2) ? HLC(value: random.next() % 1000) : nil
        let (value, work) = try harness.value(filter, known: known)
        var part = rows.filter { row in row.key >= filter.from && filter.to.map { row.key < $0 } ?? true }
        if let known {
          part = part.filter { $0.value.recorded <= known }
          for (pos, row) in part { if let voided = row.voided, voided > known { part[pos]?.voided = nil } }
        }
        #expect(value.double?.bitPattern == NaiveTree(part).value?.bitPattern, "seed \(seed)")
        if count == 2000, known == nil { #expect(work.combines < 500, "seed \(seed)") }
      }
    }
  }

  @Test func `of what was known enters only blocks with a row that was recorded late`() throws {
    var random = SeededRandom(seed: 3)
    let harness = try TreeHarness()
    let places = Set((0..<8000).map { _ in Tree.place(&random, borders: 32) }).sorted()
    // Recorded as they happened, but for one in 500, much later.
    let rows = places.enumerated().map { index, pos in
      (pos, StoredRow(recorded: HLC(value: UInt64(index % 500 == 7 ? index + 5000 : index)), row: Tree.row(&random).row))
    }
    try harness.apply(rows)
    let known = HLC(value: UInt64(places.count - 1000))
    let (value, work) = try harness.value(RowFilter(), known: known)
    #expect(value.double == NaiveTree(harness.rows.filter { $0.value.recorded <= known }).value)
    #expect(work.rowsRead < places.count / 4 && work.combines < places.count / 4, "\(work.rowsRead) \(work.combines)")
  }

  /// Nodes that append, void and pull at random, while the wall clock moves; what each clock on the way covered is kept.
  @Test func `shows what was known, what was held, and what had happened, as if the set had been that`() async throws {
    for round in 0..<5 {
      let seed = testSeed(round: round)
      var random = SeededRandom(seed: seed)
      let world = ManualWorld(seed: seed)
      let nodes = try (0..<3).map { _ in
        try TestNode(.memory(MemoryEventStoreProvider()), world, `A view is a function of the event set`.options(&random))
      }
      var seen: [Clock] = [Clock()]
      for _ in 0..<30 {
        let node = nodes[Int(random.next() % 3)]
        world.advance(milliseconds: Int64(random.next() % 3) * 1000)
        switch random.next() % 4 {
        case 0: try await node.set.pull(from: nodes[Int(random.next() % 3)].set, pageBytes: 600, pagesMax: 3)
        case 1: try await node.engine.catchUpAll()
        default: try await node.append(Int(random.next() % 20) + 1, &random)
        }
        seen.append(node.set.state.clock)
      }
      for node in nodes { for other in nodes where other !== node { try await node.set.pull(from: other.set) } }
      for node in nodes {
        for _ in 0..<8 {
          var query = TestNode.everything
          var clock = seen[Int(random.next() % UInt64(seen.count))]
          if random.chance(1, in: 3) {
            clock = try node.set.clock(recordedBy: world.now.adding(milliseconds: -Int64(random.next() % 30_000)))
          }
          if random.chance(1, in: 4) { clock.merge(seen[Int(random.next() % UInt64(seen.count))]) }
          if random.chance(3, in: 4) { query.known = clock }
          func time() -> Instant { Instant(milliseconds: 1_780_000_000_000 - Int64(random.next() % 50) * 1000) }
          if random.chance(1, in: 2) { query.happenedFrom = time() }
          if random.chance(1, in: 2) { query.happenedBefore = time() }
          let events = try Reference.events(node.set, by: query.known).filter { event in
            query.happenedFrom.map { event.ulid.at >= $0 } ?? true && query.happenedBefore.map { event.ulid.at < $0 } ?? true
          }
          for (view, expected) in try Reference.all(events) {
            let page = try await node.answer(view, query)
            #expect(page.text == expected.rows, "\(view) seed \(seed)")
            #expect(page.count == expected.keys.count)
          }
        }
      }
      for node in nodes { node.stop() }
    }
  }

  @Test func `an event is known since its first record, also when that is heard of last`() async throws {
    let world = ManualWorld(seed: 6)
    let nodes = try (0..<2).map { _ in try TestNode(.memory(MemoryEventStoreProvider()), world) }
    let event = (ULID(at: Instant(milliseconds: 1000), low80: 1), #"{"key":"a","value":1}"#, [ULID]())
    let first = world.now
    try await nodes[0].set.appendAll(Draft([event], world: world.world))
    world.advance(milliseconds: 60_000)
    try await nodes[1].set.appendAll(Draft([event], world: world.world))
    let answer = try await nodes[1].answer("trails").text
    try await nodes[1].set.pull(from: nodes[0].set)
    for view in nodes[1].engine.names {
      let now = try await nodes[1].answer(view).text
      var query = ViewQuery()
      query.known = try nodes[1].set.clock(recordedBy: first)
      #expect(try await nodes[1].answer(view, query).text == now, "\(view)")
    }
    #expect(try await nodes[1].answer("trails").text == answer)
    for node in nodes { node.stop() }
  }

  @Test func `before a void the voided event is there, and a clock not held is refused with what is missing`() async throws {
    let world = ManualWorld(seed: 4)
    let node = try TestNode(.memory(MemoryEventStoreProvider()), world)
    let ulid = ULID(at: Instant(milliseconds: 1000), low80: 1)
    let first = world.now
    try await node.set.appendAll(Draft([(ulid, #"{"key":"a","value":1}"#, [])], world: world.world))
    world.advance(milliseconds: 60_000)
    let void = (ULID(at: Instant(milliseconds: 2000), low80: 1), #"{"_voids":["\#(ulid)"],"value":2}"#, [ulid])
    try await node.set.appendAll(Draft([void], world: world.world))
    #expect(try await node.answer("trails").count == 0)
    var query = ViewQuery()
    query.known = try node.set.clock(recordedBy: first)
    #expect(try await node.answer("trails", query, .no).text == #"{"key":["a",1],"value":"<1>"}"#)
    query.happenedBefore = Instant(milliseconds: 1000)
    #expect(try await node.answer("trails", query).count == 0)
    query.known = Clock([Clock.Entry(origin: Origin(value: 77), n: 3, digest: 1)])
    await #expect { try await node.answer("trails", query) } throws: { error in
      guard case .clockNotHeld(let missing) = error as? ViewError else { return false }
      return missing == [Clock.Range(origin: Origin(value: 77), numbers: 1...3)]
    }
    // The same numbers, but another log.
    var entry = try #require(node.set.state.clock.entries.first)
    entry.digest &+= 1
    query.known = Clock([entry])
    await #expect(throws: ViewError.self) { try await node.answer("trails", query) }
    node.stop()
  }
}
