import EventModel
import EventStore
import StoreConformance
import Testing
import ViewKit
import ViewLaws

@testable import ViewEngine

@Suite struct `Reading a view` {
  func node(_ seed: UInt64, events: Int = 200) async throws -> TestNode {
    var random = SeededRandom(seed: seed)
    let node = try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: seed))
    try await node.append(events, &random)
    return node
  }

  /// The keys that a query selects, by the plain meaning of its members.
  func select(_ keys: [[UInt8]], _ query: ViewQuery) -> [[UInt8]] {
    func before(_ a: [UInt8], _ b: [UInt8]) -> Bool {
      query.descending ? b.lexicographicallyPrecedes(a) : a.lexicographicallyPrecedes(b)
    }
    var selected = keys.sorted(by: before)
    if let prefix = query.prefix { selected.removeAll { !$0.starts(with: prefix) } }
    if let start = query.start { selected.removeAll { before($0, start) } }
    if let end = query.end { selected.removeAll { before(end, $0) || !query.inclusiveEnd && $0 == end } }
    return Array(selected.dropFirst(query.skip))
  }

  @Test func `ranges, prefixes, directions and pages select what they say`() async throws {
    let seed = testSeed()
    var random = SeededRandom(seed: seed)
    let node = try await node(seed)
    let keys = try Reference(Bodies(), Reference.events(node.set)).keys
    let full = try await node.answer("bodies").text
    for round in 0..<300 {
      var query = TestNode.everything
      func bound() throws -> [UInt8]? {
        switch random.next() % 5 {
        case 0: return keys[Int(random.next() % UInt64(keys.count))]
        case 1: return try KeyBytes.bound(["c", [:]])
        case 2: return try KeyBytes.bound(["b"])
        default: return nil
        }
      }
      (query.start, query.end) = (try bound(), try bound())
      query.inclusiveEnd = random.chance(1, in: 2)
      query.descending = random.chance(1, in: 2)
      query.skip = random.chance(1, in: 4) ? Int(random.next() % 9) : 0
      if random.chance(1, in: 4) { query.prefix = try ViewQuery.prefix(of: ["b"]) }
      let expected = select(keys, query)
      let page = try await node.answer("bodies", query)
      #expect(page.count == expected.count && page.cursor == nil, "seed \(seed) round \(round)")
      var seen: [[UInt8]] = []
      var pages = query
      if random.chance(1, in: 2) { pages.limit = Int(random.next() % 7) + 1 } else { pages.bytesMax = 200 }
      var text: [String] = []
      repeat {
        let (totals, _, cursor) = try await node.engine.totals("bodies", pages)
        seen += totals.map(\.key)
        text.append(try await node.answer("bodies", pages).text)
        #expect(pages.limit == 0 || totals.count <= pages.limit)
        (pages.cursor, pages.skip) = (cursor, 0)
      } while pages.cursor != nil
      #expect(seen == expected, "seed \(seed) round \(round)")
      #expect(pages.bytesMax != .max || text.joined(separator: ",") == page.text, "seed \(seed) round \(round)")
    }
    #expect(try await node.answer("bodies").text == full)
    node.stop()
  }

  @Test func `keys are found by their bytes, from a URL or a type`() async throws {
    let node = try await node(5)
    let sums = try await node.answer("sums", ViewQuery(key: KeyBytes.bytes(of: "a")))
    #expect(sums.count == 1 && sums.text.hasPrefix(#"{"key":"a","value":{"count":"#))
    var query = ViewQuery()
    query.keys = .these([try KeyBytes.bytes(of: "é"), try KeyBytes.bytes(of: "none"), try KeyBytes.bytes(of: .null as JSON)])
    let some = try await node.engine.rows("sums", query, separator: UInt8(ascii: "\n")).text.split(separator: "\n")
    #expect(some.count == 2 && some[0].hasPrefix(#"{"key":"é""#) && some[1].hasPrefix(#"{"key":null"#))
    let key = Key("a", 1)
    let total = try await node.engine.totals("trails", ViewQuery(key: KeyBytes.bytes(of: key))).totals[0].total
    #expect(try Trails().value(ofTotal: total, key: key)?.hasPrefix("<") == true)
    node.stop()
  }

  @Test func `an empty database has empty views, and an unknown one is an error`() async throws {
    let node = try await node(1, events: 0)
    for name in node.engine.names {
      for update in [ViewUpdate.no, .lazy, .first] {
        let page = try await node.engine.rows(name, update: update)
        #expect(page.rows.isEmpty && page.count == 0 && page.cursor == nil && page.clock.isEmpty)
      }
    }
    await #expect(throws: ViewError.self) { try await node.engine.rows("none") }
    await #expect(throws: ViewError.self) { try await node.engine.catchUp("none") }
    node.stop()
  }

  @Test func `events that can't be mapped are skipped, counted, listed, and stop nothing`() async throws {
    let world = ManualWorld(seed: 1)
    let node = try TestNode(.memory(MemoryEventStoreProvider()), world)
    let long = String(repeating: "x", count: 500)
    let bodies = [#"{"key":"a","value":1}"#, #"{"key":"a"}"#, #"{"value":1}"#, #"{"key":"\#(long)","value":1}"#, #"{"key":"a","value":2}"#]
    let events = bodies.enumerated().map { (ULID(at: Instant(milliseconds: Int64($0.offset)), low80: 1), $0.element, [ULID]()) }
    try await node.set.appendAll(Draft(events, world: world.world))
    #expect(try await node.answer("trails").text == #"{"key":["a",1],"value":"<1><2>"}"#)
    #expect(try node.engine.status("trails").skipped == 3)
    let skipped = try node.engine.skipped("trails", limit: 10)
    #expect(skipped.map(\.id) == events[1...3].map(\.0))
    #expect(skipped[0].reason == "/value: is missing" && skipped[1].reason == "/key: is missing")
    #expect(skipped[2].reason.contains("480"))
    #expect(try node.engine.skipped("trails", limit: 1).count == 1)
    #expect(try await node.answer("bodies").count == 4)
    node.stop()
  }

  @Test func `many readers share one catch-up`() async throws {
    let node = try await node(9, events: 500)
    node.options.rowsMax = 20
    try node.restart()
    let engine = node.engine
    let answers = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<20 { group.addTask { try await engine.rows("turns").text } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers.count == 20 && Set(answers).count == 1)
    #expect(try answers[0] == Reference(Turns(), Reference.events(node.set)).rows)
    node.stop()
  }

  @Test func `a reader that gives up is told so, and a closed engine tells all`() async throws {
    let node = try await node(9)
    let engine = node.engine
    let given = Task {
      // Cancels itself, so that it is cancelled whenever it begins.
      unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
      try await engine.catchUp("turns")
    }
    await #expect(throws: ViewError.self) { try await given.value }
    #expect(try await engine.rows("turns").count > 0)
    engine.close()
    await #expect(throws: ViewError.self) { try await engine.catchUp("sums") }
    node.set.close()
  }

  @Test func `a lazy read starts the catch-up that a later read finds done`() async throws {
    let node = try await node(4)
    #expect(try await node.engine.rows("sums", update: .lazy).count == 0)
    // Not `pending`: that is 0 also when the view is built, but not live yet.
    while !(try node.engine.status("sums").clock.covers(node.set.state.clock)) { await Task.yield() }
    #expect(try await node.answer("sums", .init(), .no).text == Reference(Sums(), Reference.events(node.set)).rows)
    node.stop()
  }

  @Test func `a view that is to be kept up follows each commit unasked, and no other does`() async throws {
    let declaration = Database("samples", of: Sample.self) {
      Kept(); Sums()
    }
    let node = try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: 6), ViewEngineOptions(), declaration)
    let engine = node.engine
    let keeping = Task { await engine.keepUp() }
    var random = SeededRandom(seed: 6)
    for _ in 0..<3 {
      try await node.append(5, &random)
      while try !node.engine.status("kept").clock.covers(node.set.state.clock) { await Task.yield() }
      #expect(try await node.answer("kept", .init(), .no).text == Reference(Kept(), Reference.events(node.set)).rows)
    }
    #expect(try node.engine.status("sums").clock.isEmpty)
    node.stop()
    await keeping.value
  }
}

private struct Kept: ReduceView {
  let name = "kept"
  let isKeptUp = true
  func map(_ event: Sample, _ when: Happened, emit: inout Emit<String?, Count>) { emit(event.key, Count()) }
}
