import EventModel
import EventStore
import StoreConformance
import Testing
import ViewKit
import ViewLaws

@testable import ViewEngine

@Suite struct `A view is a function of the event set` {
  /// Compares every view of a node with the reference.
  func check(_ node: TestNode, _ context: String) async throws {
    let reference = try Reference.all(Reference.events(node.set))
    for (view, expected) in reference {
      let page = try await node.answer(view)
      #expect(page.text == expected.rows, "\(view) \(context)")
      #expect(page.count == expected.keys.count, "\(view) \(context)")
      #expect(page.clock.covers(node.set.state.clock), "\(view) \(context)")
      #expect(page.cursor == nil)
      let status = try node.engine.status(view)
      #expect(status.pending == 0 && status.skipped == expected.skipped, "\(view) \(context)")
    }
  }

  /// Whatever was done so far, a view is right at the clock that it names.
  func checkStored(_ node: TestNode, _ context: String) async throws {
    for view in node.engine.names {
      let page = try await node.answer(view, TestNode.everything, .no)
      let expected = try #require(try Reference.all(Reference.events(node.set, by: page.clock))[view])
      #expect(page.text == expected.rows, "\(view) \(context) at its clock")
      #expect(try node.engine.status(view).skipped == expected.skipped, "\(view) \(context) at its clock")
    }
  }

  /// Some keys of a view, which are answered before what they say is on disk.
  func checkKeys(_ node: TestNode, _ random: inout SeededRandom, _ context: String) async throws {
    for (view, expected) in try Reference.all(Reference.events(node.set)) where random.chance(1, in: 2) {
      var query = ViewQuery()
      query.keys = .these(expected.keys)
      let page = try await node.answer(view, query)
      #expect(page.text == expected.rows && page.clock.covers(node.set.state.clock), "\(view) \(context)")
      guard random.chance(1, in: 2) else { continue }
      try await node.append(Int(random.next() % 3) + 1, &random)
      let after = try #require(try Reference.all(Reference.events(node.set))[view])
      query.keys = .these(after.keys)
      #expect(try await node.answer(view, query).text == after.rows, "\(view) \(context)")
      return
    }
  }

  static func options(_ random: inout SeededRandom) -> ViewEngineOptions {
    var options = ViewEngineOptions()
    options.rowsMax = [1, 3, 20, 4096][Int(random.next() % 4)]
    options.rowsMin = [1, 256][Int(random.next() % 2)]
    options.sliceTimeMax = [.zero, .seconds(1)][Int(random.next() % 2)]
    options.aheadRecordsMax = [0, 5, 64][Int(random.next() % 3)]
    options.rebuildRecordsMin = [1, 10, 50_000][Int(random.next() % 3)]
    options.buildBytesMax = [1, 3000, 64 << 20][Int(random.next() % 3)]
    options.refoldRowsMax = [0, 5, 8192][Int(random.next() % 3)]
    options.borderLevel = Int(random.next() % 3)
    options.recordsMax = [1, 2, 7, 8192][Int(random.next() % 4)]
    if random.chance(1, in: 4) { options.bytesMax = 400 }
    return options
  }

  /// Nodes that append, pull pages from each other, catch up, restart, all at random; then everybody pulls everything.
  func run(seed: UInt64, steps: Int, _ places: [TestNode.Place]) async throws {
    var random = SeededRandom(seed: seed)
    let world = ManualWorld(seed: seed)
    let nodes = try places.map { try TestNode($0, world, Self.options(&random)) }
    for step in 0..<steps {
      let node = nodes[Int(random.next() % UInt64(nodes.count))]
      switch random.next() % 10 {
      case 0...3: try await node.append(Int(random.next() % 12) + 1, &random)
      case 4, 5: try await node.set.pull(from: nodes[Int(random.next() % UInt64(nodes.count))].set, pageBytes: 600, pagesMax: 2)
      case 6:
        // A crash between slices: some were done, then the process is gone.
        for _ in 0..<random.next() % 4 {
          let name = node.engine.names[Int(random.next() % 5)]
          _ = try await node.engine.runner(name).step()
        }
        try node.restart()
        try await checkStored(node, "seed \(seed) step \(step)")
      case 7: try node.restart()
      default:
        if random.chance(1, in: 3) {
          try await check(node, "seed \(seed) step \(step)")
        } else if random.chance(1, in: 2) {
          try await node.engine.catchUp(node.engine.names[Int(random.next() % 5)])
        } else {
          try await checkKeys(node, &random, "seed \(seed) step \(step)")
        }
      }
    }
    for node in nodes { for other in nodes where other !== node { try await node.set.pull(from: other.set) } }
    for node in nodes { try await check(node, "seed \(seed) at the end") }
    let last = try await nodes[0].answer("trails").text
    for node in nodes {
      #expect(try await node.answer("trails").text == last, "seed \(seed)")
      try node.set.proveSound("seed \(seed)")
      #expect(try node.engine.verify().faults == [], "seed \(seed)")
    }
    // From scratch, elsewhere, in one go.
    let scratch = try TestNode(.memory(MemoryEventStoreProvider()), world)
    try await scratch.set.pull(from: nodes[0].set)
    for name in scratch.engine.names {
      #expect(try await scratch.answer(name).text == nodes[0].answer(name).text, "\(name) seed \(seed)")
    }
    for node in nodes + [scratch] { node.stop() }
  }

  @Test func `in memory, for every arrival order and split`() async throws {
    for round in 0..<12 {
      try await run(seed: testSeed(round: round), steps: 40, (0..<3).map { _ in .memory(MemoryEventStoreProvider()) })
    }
  }

  @Test func `on disk too`() async throws {
    for round in 0..<2 {
      let folders = try (0..<2).map { _ in try TemporaryFolder() }
      try await run(seed: testSeed(round: round), steps: 25, folders.map { .folder($0.path) })
    }
  }

  @Test func `a late event takes its place at once, and what is told twice counts once`() async throws {
    let world = ManualWorld(seed: 1)
    let node = try TestNode(.memory(MemoryEventStoreProvider()), world)
    func append(_ second: Int64, _ value: Int) async throws {
      let ulid = ULID(at: Instant(milliseconds: second * 1000), low80: 1)
      try await node.set.appendAll(Draft([(ulid, #"{"key":"a","value":\#(value)}"#, [])], world: world.world))
    }
    try await append(10, 1)
    try await append(30, 3)
    #expect(try await node.answer("trails").text == #"{"key":["a",1],"value":"<1><3>"}"#)
    try await append(20, 2)
    #expect(try await node.answer("trails", .init(), .no).text == #"{"key":["a",1],"value":"<1><3>"}"#)
    #expect(try await node.answer("trails").text == #"{"key":["a",1],"value":"<1><2><3>"}"#)
    let other = try TestNode(.memory(MemoryEventStoreProvider()), world)
    try await other.set.appendAll(
      Draft([(ULID(at: Instant(milliseconds: 20_000), low80: 1), #"{"key":"a","value":2}"#, [])], world: world.world))
    try await node.set.pull(from: other.set)
    #expect(try await node.answer("trails").text == #"{"key":["a",1],"value":"<1><2><3>"}"#)
    #expect(try node.engine.status("trails").rows == 6)
    #expect(node.set.state.records == 4 && node.set.state.elements == 3)
    node.stop()
    other.stop()
  }

  @Test func `a voided event was never there, whichever arrives first, also when the void is voided`() async throws {
    let world = ManualWorld(seed: 2)
    func event(_ second: Int64, _ value: String, voids: [Int64] = []) -> (ulid: ULID, body: String, voids: [ULID]) {
      func ulid(_ second: Int64) -> ULID { ULID(at: Instant(milliseconds: second * 1000), low80: 1) }
      let list = voids.isEmpty ? "" : "\"_voids\":[\(voids.map { "\"\(ulid($0))\"" }.joined(separator: ","))],"
      return (ulid(second), "{\(list)\"key\":\"a\",\"value\":\(value)}", voids.map(ulid))
    }
    let (one, bad, void, voidOfVoid) = (event(1, "1"), event(2, "\"bad\""), event(3, "3", voids: [1, 2]), event(4, "4", voids: [3]))
    for order in [[one, bad, void, voidOfVoid], [voidOfVoid, void, bad, one], [void, one, voidOfVoid, bad]] {
      for slices in [true, false] {
        let node = try TestNode(.memory(MemoryEventStoreProvider()), world)
        for event in order {
          try await node.set.appendAll(Draft([event], world: world.world))
          if slices { _ = try await node.answer("trails") }
        }
        #expect(try await node.answer("trails").text == #"{"key":["a",1],"value":"<4>"}"#)
        let status = try node.engine.status("trails")
        #expect(status.rows == 2 && status.skipped == 0)
        #expect(try await node.answer("turns").text == (try Reference(Turns(), Reference.events(node.set))).rows)
        node.stop()
      }
    }
    // Nothing is left of a key.
    let node = try TestNode(.memory(MemoryEventStoreProvider()), world)
    try await node.set.appendAll(Draft([one], world: world.world))
    #expect(try await node.answer("trails").count == 1)
    let empty = (ulid: event(9, "9").ulid, body: #"{"_voids":["\#(one.ulid)"],"value":1}"#, voids: [one.ulid])
    try await node.set.appendAll(Draft([empty], world: world.world))
    for view in ["trails", "turns"] {
      #expect(try await node.answer(view).text == (try #require(try Reference.all(Reference.events(node.set))[view])).rows)
    }
    #expect(try await node.answer("trails").count == 0)
    node.stop()
  }

  @Test func `a late event is mapped alone, and touches no more than its keys' blocks`() async throws {
    var random = SeededRandom(seed: 11)
    let node = try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: 11))
    try await node.append(900, &random, voids: false)
    for name in ["sums", "trails", "turns"] {
      try await node.engine.catchUp(name)
      let runner = try node.engine.runner(name)
      let ulid = ULID(at: Instant(milliseconds: 1_779_999_975_500), low80: UInt128(name.utf8.count))
      try await node.set.appendAll(Draft([(ulid, #"{"key":"a","value":7}"#, [])], world: node.world.world))
      let work = ViewWork()
      let slice = try node.set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
        guard let header = try runner.headers(reader).live else { throw StoreError(.damaged, "no live view") }
        var delta = MappedDelta(after: header.clock)
        #expect(try delta.walk(runner.feed, runner.view, recordsMax: .max, rowsMax: .max, bytesMax: .max))
        #expect(delta.events == 1 && delta.isLast)
        delta.sort()
        return try Slice(delta, 0..<delta.rows.count, header, runner.view, node.options, reader, work)
      }
      #expect(slice.after.rows - slice.before.rows == (name == "trails" ? 2 : 1))
      // A fold without a border near applies all rows of its key, some 170 here.
      #expect(work.combines < 260 && work.rowsRead < 300 && work.rowsWritten <= 8, "\(name) \(work.combines) \(work.rowsRead)")
    }
    node.stop()
  }

  @Test func `rows put twice change nothing`() async throws {
    var random = SeededRandom(seed: 7)
    let node = try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: 7))
    try await node.append(60, &random)
    for (name, state) in node.engine.names.flatMap({ [($0, ViewHeader.State.live), ($0, .building)] }) {
      let before = try await node.answer(name).text
      let status = try node.engine.status(name)
      // As after a fork was repaired, or after a crash in the middle of a part: the clock goes back, the rows are there.
      _ = try await node.set.slice(WriteSize(bytes: 512, events: 1)) {
        (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
        guard var header = try ViewHeader.all(writer).first(where: { $0.name == name }) else { return }
        (header.clock, header.state) = (Clock(), state)
        try writer.put(.view, header.key.raw, header.bytes.raw)
      }
      #expect(try node.engine.status(name).pending > 0)
      #expect(try await node.answer(name).text == before)
      let after = try node.engine.status(name)
      #expect(after.rows == status.rows && after.skipped == status.skipped && after.pending == 0)
    }
    node.stop()
  }

  @Test func `a view that means something else is built anew, and nothing of the old one is left`() async throws {
    var random = SeededRandom(seed: 3)
    let provider = MemoryEventStoreProvider()
    var options = ViewEngineOptions()
    options.rowsMax = 10
    let node = try TestNode(.memory(provider), ManualWorld(seed: 3), options)
    try await node.append(80, &random)
    _ = try await node.answer("sums")
    let old = try await node.answer("trails").text
    let kinds = try node.kinds()
    let versionTwo = Database("samples", of: Sample.self) {
      Trails(version: 2); Sums()
    }
    try node.restart(versionTwo)
    // The old version answers who doesn't wait, at its clock, also when the new one is half built.
    for _ in 0..<2 {
      let page = try await node.answer("trails", .init(), .no)
      #expect(page.text == old && page.clock.covers(node.set.state.clock))
      #expect(try await node.engine.totals("trails", .init(), update: .no).totals.isEmpty)
      _ = try await node.engine.runner("trails").step()
      try node.restart(versionTwo)
    }
    let new = try await node.answer("trails").text
    #expect(new != old)
    #expect(new == (try Reference(Trails(version: 2), Reference.events(node.set))).rows)
    // The old one's rows go when nobody waits.
    for _ in 0..<5000 where try node.kinds() != kinds { try await Task.sleep(for: .milliseconds(1)) }
    #expect(try node.kinds() == kinds)
    try node.restart()
    #expect(try await node.answer("trails").text == old)
    node.stop()
  }
}
