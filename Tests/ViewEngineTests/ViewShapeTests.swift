import EventModel
import EventStore
import StoreConformance
import Testing
import ViewKit

@testable import ViewEngine
@testable import ViewLaws

@Suite struct `What is asked of a view` {
  /// A node with events, some of them late, some voided, appended at several times.
  func node(_ seed: UInt64, _ random: inout SeededRandom) async throws -> (TestNode, [Clock]) {
    var options = `A view is a function of the event set`.options(&random)
    options.readStepsMax = [1, 7, 40, 5000][Int(random.next() % 4)]
    let world = ManualWorld(seed: seed)
    let node = try TestNode(.memory(MemoryEventStoreProvider()), world, options, shapes)
    var seen: [Clock] = []
    for _ in 0..<Int(random.next() % 4) + 1 {
      try await node.append(Int(random.next() % 40) + 1, &random)
      if random.chance(1, in: 2) { try await node.engine.catchUpAll() }
      seen.append(node.set.state.clock)
      world.advance(milliseconds: 1000)
    }
    return (node, seen)
  }

  func query(_ random: inout SeededRandom, _ keys: [[UInt8]], _ seen: [Clock]) throws -> ViewQuery {
    var query = TestNode.everything
    query.shape = [.values, .joined(level: Int(random.next() % 5)), .rows(events: false)][Int(random.next() % 3)]
    query.descending = random.chance(1, in: 2)
    if random.chance(1, in: 4) { query.known = seen[Int(random.next() % UInt64(seen.count))] }
    func time() -> Instant { Instant(milliseconds: 1_780_000_000_000 - Int64(random.next() % 50) * 1000) }
    if random.chance(1, in: 4) { query.happenedFrom = time() }
    if random.chance(1, in: 4) { query.happenedBefore = time() }
    func key() -> [UInt8] { keys.isEmpty ? [5] : keys[Int(random.next() % UInt64(keys.count))] }
    if random.chance(1, in: 4) {
      query.keys = .these((0..<random.next() % 6).map { _ in random.chance(1, in: 9) ? [5] : key() })
      return query
    }
    func bound() throws -> [UInt8]? {
      switch random.next() % 6 {
      case 0, 1: return key()
      case 2: return try KeyBytes.bound(["c", [:]])
      case 3: return try KeyBytes.bound(["b"])
      default: return nil
      }
    }
    (query.start, query.end) = (try bound(), try bound())
    query.inclusiveEnd = random.chance(1, in: 2)
    if random.chance(1, in: 6) { query.prefix = try ViewQuery.prefix(of: ["b"]) }
    return query
  }

  func events(_ node: TestNode, _ query: ViewQuery) throws -> [SeenEvent] {
    try Reference.events(node.set, by: query.known).filter { event in
      query.happenedFrom.map { event.ulid.at >= $0 } ?? true && query.happenedBefore.map { event.ulid.at < $0 } ?? true
    }
  }

  /// Each shape, over all keys, some, or a range, of what had happened and was known, whole and in pages.
  @Test func `is answered as joining and listing from scratch would`() async throws {
    for round in 0..<4 {
      let seed = testSeed(round: round)
      var random = SeededRandom(seed: seed)
      let (node, seen) = try await node(seed, &random)
      let keys = try MappedEvents(Pairs(), Reference.events(node.set)).rows.keys.sorted { $0.lexicographicallyPrecedes($1) }
      for round in 0..<30 {
        var query = try query(&random, keys, seen)
        let view = random.chance(1, in: 4) ? "turns" : "pairs"
        if view == "turns", case .joined = query.shape { query.shape = .values }
        let of = try events(node, query)
        let all = try view == "turns" ? Reference.rows(Turns(), of, query) : Reference.rows(Pairs(), of, query)
        let page = try await node.answer(view, query)
        #expect(page.text == all.joined(separator: ","), "seed \(seed) round \(round) \(query)")
        #expect(page.count == all.count && page.cursor == nil, "seed \(seed) round \(round)")
        #expect(page.clock == query.known ?? node.set.state.clock)
        query.skip = random.chance(1, in: 3) ? Int(random.next() % 5) : 0
        let expected = all.dropFirst(query.skip).joined(separator: ",")
        if random.chance(1, in: 2) { query.limit = Int(random.next() % 5) + 1 } else { query.bytesMax = 150 }
        var pages: [String] = []
        repeat {
          let page = try await node.answer(view, query, random.chance(1, in: 2) ? .first : .no)
          #expect(query.limit == 0 || page.count <= query.limit)
          if page.count > 0 { pages.append(page.text) }
          if let cursor = page.cursor { #expect(query.takes(cursor: cursor), "seed \(seed) round \(round)") }
          (query.cursor, query.skip) = (page.cursor, 0)
        } while query.cursor != nil
        #expect(pages.joined(separator: ",") == expected, "seed \(seed) round \(round) \(query)")
      }
      node.stop()
    }
  }

  @Test func `doesn't depend on the order in which events came`() async throws {
    let seed = testSeed()
    var random = SeededRandom(seed: seed)
    let world = ManualWorld(seed: seed)
    let events = (0..<80).map { index in
      (ULID(at: Instant(milliseconds: Int64(random.next() % 40)), low80: UInt128(index)), Sample.body(&random), [ULID]())
    }
    var answers: Set<String> = []
    for _ in 0..<4 {
      let node = try TestNode(.memory(MemoryEventStoreProvider()), world, ViewEngineOptions(), shapes)
      for event in events.sorted(by: { _, _ in random.chance(1, in: 2) }) {
        try await node.set.appendAll(Draft([event], world: world.world))
        if random.chance(1, in: 8) { try await node.engine.catchUpAll() }
      }
      var text = ""
      for shape in [ViewQuery.Shape.joined(level: 0), .joined(level: 1), .joined(level: 2), .rows(events: false)] {
        var query = TestNode.everything
        query.shape = shape
        text += try await node.answer("pairs", query).text + "\n"
      }
      answers.insert(text)
      node.stop()
    }
    #expect(answers.count == 1, "seed \(seed)")
  }

  /// Between the pieces of a page the view moves on.
  @Test func `is of one set, also if it is read in pieces while events come`() async throws {
    for round in 0..<3 {
      let seed = testSeed(round: round)
      var random = SeededRandom(seed: seed)
      let (node, seen) = try await node(seed, &random)
      for round in 0..<3 {
        var query = try query(&random, [], seen)
        query.known = nil
        for view in ["pairs", "turns"] {
          if view == "turns", case .joined = query.shape { query.shape = .values }
          let whole = try await node.answer(view, query)
          // A few keys may be answered from a slice that isn't on disk yet; and with some options there is always more to fold.
          try await node.engine.catchUpAll()
          guard case .ready(var listing) = try node.engine.listing(view, query, update: .to(whole.clock)) else {
            Issue.record("not ready, seed \(seed) round \(round)")
            continue
          }
          #expect(listing.clock == whole.clock)
          var rows: [String] = []
          var goesOn = true
          while goesOn {
            goesOn = try listing.read(bytesMax: 100) { (_, _) in
              true
            } _: { (key, value, id) throws(StoreError) in
              rows.append("\(id.map { $0.ulid.description } ?? "") \([UInt8](copying: key)) \([UInt8](copying: value))")
              return value.byteCount
            }
            guard random.chance(1, in: 8) else { continue }
            try await node.append(2, &random)
            try await node.engine.catchUpAll()
          }
          query.known = whole.clock
          #expect(try await node.answer(view, query).text == whole.text, "seed \(seed) round \(round)")
          #expect(rows.count == whole.count && listing.count == whole.count, "seed \(seed) round \(round)")
          query.known = nil
        }
      }
      node.stop()
    }
  }

  @Test func `with events lists them before their rows, in order of happening`() async throws {
    var random = SeededRandom(seed: 3)
    let (node, _) = try await node(3, &random)
    var query = TestNode.everything
    query.shape = .rows(events: true)
    try await node.engine.catchUpAll()
    guard case .ready(var listing) = try node.engine.listing("trails", query, update: .first) else {
      Issue.record("not ready")
      return
    }
    var pending: ULID?
    var ids: [ULID] = []
    var goesOn = true
    while goesOn {
      goesOn = try listing.read(bytesMax: .max) { (event, body) in
        #expect(pending == nil && body.byteCount > 2)
        pending = event.ulid
        return true
      } _: { (_, _, element) throws(StoreError) in
        #expect(element?.ulid == pending)
        if let id = pending { ids.append(id) }
        pending = nil
        return 0
      }
    }
    #expect(ids.count == listing.count && !ids.isEmpty)
    node.stop()
  }

  @Test func `can't be joined where the order matters`() async throws {
    var random = SeededRandom(seed: 1)
    let (node, _) = try await node(1, &random)
    for view in ["trails", "turns"] {
      for level in 0..<3 {
        var query = ViewQuery()
        query.shape = .joined(level: level)
        await #expect { try await node.answer(view, query) } throws: { error in
          if case .notCommutative = error as? ViewError { true } else { false }
        }
      }
    }
    node.stop()
  }

  @Test func `of one key is a point read, if the view is up to date`() async throws {
    var random = SeededRandom(seed: 5)
    let node = try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: 5), ViewEngineOptions(), shapes)
    try await node.append(60, &random)
    try await node.engine.catchUpAll()
    let key = try KeyBytes.bytes(of: "a")
    // More records than whoever asks may read himself, then as many as he may.
    try await node.append(20, &random)
    #expect(try node.engine.value("turns", key) { (_, _) in true } == nil)
    for count in [0, 3] {
      if count > 0 { try await node.append(count, &random) } else { try await node.engine.catchUpAll() }
      let value = try node.engine.value("turns", key) { (set, value) in
        [set, #"{"key":"a","value":\#(String(decoding: [UInt8](copying: value), as: UTF8.self))}"#]
      }
      let page = try await node.answer("turns", ViewQuery(key: key))
      #expect(value == [page.clock.token, page.text])
    }
    #expect(try node.engine.value("turns", [5]) { (_, value) in value.byteCount } == 0)
    // Built anew, its old header is no use.
    try node.restart()
    #expect(try node.engine.value("sums", key) { (_, _) in true } == nil)
    #expect(throws: ViewError.self) { try node.engine.value("none", key) { (_, _) in true } }
    node.stop()
  }
}
