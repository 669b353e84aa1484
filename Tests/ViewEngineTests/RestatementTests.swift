import EventModel
import EventStore
import StoreConformance
import Testing
import ViewKit
import ViewLaws

@testable import ViewEngine

private let restating = Database("samples", of: Sample.self) {
  Trails(restates: true); Sums(restates: true); Turns(restates: true); Bodies()
}

private let names = ["trails", "sums", "turns"]

@Suite struct `Figures that were served and have changed` {
  /// What a node said of a view, and what it has told since, compared with the figures from their definition.
  struct Reader {
    let view: String
    var served: FigureModel?
    var place: RestatementPlace?

    /// A catch-up has ended: what changed is told, once, and nothing else.
    mutating func check(_ node: TestNode, _ context: String) throws {
      // Of a database without an event no view is built.
      if node.set.state.records == 0 { return }
      let now = try FigureModel(node, view)
      let page = try #require(try node.engine.restatements(view, from: place, limit: 0))
      place = page.place
      let expected = try served.map { try now.changes(since: $0) } ?? [:]
      let told = Dictionary(grouping: page.restatements, by: \.key)
      #expect(Set(told.keys) == Set(expected.keys), "\(view) \(context)")
      for (key, change) in expected {
        let restatement = try #require(told[key]?.first)
        #expect(told[key]?.count == 1 && restatement.before == change.before && restatement.after == change.after, "\(view) \(context)")
        #expect(change.events.contains(restatement.event), "\(view) \(context)")
      }
      served = now
    }
  }

  static func options(_ random: inout SeededRandom) -> ViewEngineOptions {
    var options = `A view is a function of the event set`.options(&random)
    options.restatementsAgeMilliseconds = .max / 2
    // With none at all a fold that was left unfinished stays so.
    options.refoldRowsMax = max(options.refoldRowsMax, 1)
    return options
  }

  func run(seed: UInt64, steps: Int) async throws {
    var random = SeededRandom(seed: seed)
    let world = ManualWorld(seed: seed)
    let nodes = try (0..<2).map { _ in
      try TestNode(.memory(MemoryEventStoreProvider()), world, Self.options(&random), restating)
    }
    var readers = nodes.map { _ in names.map { Reader(view: $0) } }
    for step in 0..<steps {
      let index = Int(random.next() % 2)
      let node = nodes[index]
      switch random.next() % 8 {
      case 0...2: try await node.append(Int(random.next() % 12) + 1, &random)
      case 3: try await node.set.pull(from: nodes[1 - index].set, pageBytes: 600, pagesMax: 2)
      case 4:
        // Slices that nobody asked for, and a crash behind them.
        for _ in 0..<random.next() % 4 { _ = try await node.engine.runner(names[Int(random.next() % 3)]).step() }
        try node.restart(restating)
      case 5:
        // A crash somewhere before the end of a catch-up that was asked for: nobody got an answer.
        let view = Int(random.next() % 3)
        let runner = try node.engine.runner(names[view])
        var (clock, level) = (Clock(), false)
        for _ in 0..<random.next() % 4 where !level && clock == Clock() {
          (clock, level) = try await runner.step(to: [node.set.state.clock])
        }
        // Where all was put that was to be served, only the comparing is left.
        if try isClosing(node, names[view]) {
          try node.restart(restating)
          while try isClosing(node, names[view]) { _ = try await node.engine.runner(names[view]).step() }
          level = true
        }
        if level || clock != Clock() { try readers[index][view].check(node, "seed \(seed) step \(step)") }
        try node.restart(restating)
      default:
        let view = Int(random.next() % 3)
        if random.chance(1, in: 2) { _ = try await node.answer(names[view], ViewQuery(key: [])) }
        try await node.engine.catchUp(names[view])
        try readers[index][view].check(node, "seed \(seed) step \(step)")
      }
    }
    for (index, node) in nodes.enumerated() {
      for view in 0..<3 {
        try await node.engine.catchUp(names[view])
        try readers[index][view].check(node, "seed \(seed) at the end")
      }
      #expect(try node.kinds()[8] == nil, "seed \(seed)")
      node.stop()
    }
  }

  private func isClosing(_ node: TestNode, _ view: String) throws -> Bool {
    let runner = try node.engine.runner(view)
    return try node.set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) -> Bool in
      guard let header = try runner.headers(reader).live else { return false }
      return try ServingMark(header.number, reader)?.state == .closing
    }
  }

  @Test func `are told once, whatever the order of arrival and however it is sliced`() async throws {
    for round in 0..<15 { try await run(seed: testSeed(round: round), steps: 40) }
  }

  @Test func `are the present ones when what was told is put over what was served first`() async throws {
    let seed = testSeed()
    var random = SeededRandom(seed: seed)
    let world = ManualWorld(seed: seed)
    let node = try TestNode(.memory(MemoryEventStoreProvider()), world, Self.options(&random), restating)
    func append(_ second: Int64, voids: [ULID] = []) async throws {
      let ulid = ULID(at: Instant(milliseconds: 1_780_000_000_000 + second * 1000), low80: UInt128(random.next()))
      try await node.set.appendAll(Draft([(ulid, Sample.body(&random, voids: voids), voids)], world: world.world))
    }
    // The last event of every key that there is happened last, so all that follows is late: to a key without a row, too.
    for second in 0..<40 { try await append(Int64(second)) }
    for key in ["\"a\"", "\"b\"", "\"c\"", "\"é\"", "\"long\"", "null"] {
      let body = #"{"extra":"x","key":\#(key),"value":4}"#
      let ulid = ULID(at: Instant(milliseconds: 1_780_000_900_000), low80: UInt128(random.next()))
      try await node.set.appendAll(Draft([(ulid, body, [])], world: world.world))
    }
    func figures(_ view: String) async throws -> [String: String] {
      let text = try await node.answer(view).text
      let rows = JSON(normalForm: [UInt8]("[\(text)]".utf8)).elements ?? []
      return Dictionary(uniqueKeysWithValues: rows.map { ($0["key"]?.description ?? "", $0["value"]?.description ?? "") })
    }
    for view in names {
      var replayed = try await figures(view)
      for _ in 0..<6 {
        for _ in 0..<3 {
          let voided = try Reference.events(node.set).filter { $0.ulid.at.milliseconds < 1_780_000_900_000 }.randomElement(using: &random)
          try await append(Int64(random.next() % 40), voids: random.chance(1, in: 3) ? [voided].compactMap { $0?.ulid } : [])
        }
        try await node.engine.catchUp(view)
      }
      for told in try #require(try node.engine.restatements(view, limit: 0)).restatements {
        let key = try KeyBytes.json(told.key).description
        #expect(replayed[key] == told.before.map { String(decoding: $0, as: UTF8.self) }, "\(view) seed \(seed)")
        replayed[key] = told.after.map { String(decoding: $0, as: UTF8.self) }
      }
      #expect(try await figures(view) == replayed, "\(view) seed \(seed)")
    }
    node.stop()
  }

  @Test func `name the event that came late, or the void, and how late it was`() async throws {
    let world = ManualWorld(seed: 4)
    let node = try TestNode(.memory(MemoryEventStoreProvider()), world, ViewEngineOptions(), restating)
    let hour: Int64 = 3_600_000
    let start = world.world.now().milliseconds - 100 * hour
    func append(_ hours: Int64, _ body: String, voids: [ULID] = []) async throws -> ULID {
      let ulid = ULID(at: Instant(milliseconds: start + hours * hour), low80: 1)
      try await node.set.appendAll(Draft([(ulid, body, voids)], world: world.world))
      try await node.engine.catchUp("trails")
      return ulid
    }
    func told() throws -> [Restatement] { try #require(try node.engine.restatements("trails")).restatements }
    _ = try await append(10, #"{"key":"a","value":1}"#)
    let last = try await append(90, #"{"key":"a","value":3}"#)
    #expect(try told().isEmpty)
    let late = try await append(74, #"{"key":"a","value":2}"#)
    #expect(try told().map(\.event) == [late])
    #expect(try told()[0].lateMilliseconds / hour == 26)
    #expect(try told().map { String(decoding: $0.before ?? [], as: UTF8.self) } == ["\"<1><3>\""])
    #expect(try told().map { String(decoding: $0.after ?? [], as: UTF8.self) } == ["\"<1><2><3>\""])
    let void = try await append(95, #"{"_voids":["\#(last)"],"value":1}"#, voids: [last])
    #expect(try told().map(\.event) == [late, void])
    #expect(try told()[1].lateMilliseconds / hour == 10)
    #expect(try told()[1].after.map { String(decoding: $0, as: UTF8.self) } == "\"<1><2>\"")
    node.stop()
  }

  @Test func `of an event that another node recorded in time count from when it came here`() async throws {
    let world = ManualWorld(seed: 5)
    let nodes = try (0..<2).map { _ in try TestNode(.memory(MemoryEventStoreProvider()), world, ViewEngineOptions(), restating) }
    func append(_ node: TestNode, _ value: Int) async throws {
      world.advance(milliseconds: 1000)
      let ulid = ULID(at: world.world.now(), low80: 1)
      try await node.set.appendAll(Draft([(ulid, #"{"key":"a","value":\#(value)}"#, [])], world: world.world))
    }
    for value in 1...3 { try await append(nodes[1], value) }
    try await append(nodes[0], 9)
    _ = try await nodes[0].answer("trails")
    world.advance(milliseconds: 7_200_000)
    try await nodes[0].set.pull(from: nodes[1].set)
    world.advance(milliseconds: 86_400_000)
    _ = try await nodes[0].answer("trails")
    let told = try #require(try nodes[0].engine.restatements("trails")).restatements
    #expect(told.count == 1)
    #expect(try #require(told.first).lateMilliseconds / 60_000 == 120)
    for node in nodes { node.stop() }
  }

  @Test func `are bounded in number and in age`() async throws {
    let world = ManualWorld(seed: 6)
    var options = ViewEngineOptions()
    (options.restatementsMax, options.restatementsAgeMilliseconds) = (5, 1_000_000)
    let node = try TestNode(.memory(MemoryEventStoreProvider()), world, options, restating)
    var second: Int64 = 10_000
    func late() async throws {
      second -= 1
      let ulid = ULID(at: Instant(milliseconds: second * 1000), low80: 1)
      try await node.set.appendAll(Draft([(ulid, #"{"key":"a","value":1}"#, [])], world: world.world))
      try await node.engine.catchUp("trails")
    }
    try await late()
    let first = try #require(try node.engine.restatements("trails")).place
    for _ in 0..<12 { try await late() }
    let page = try #require(try node.engine.restatements("trails"))
    #expect(page.restatements.count == 5 && page.place.serial == 12)
    #expect(try node.kinds()[7] == 6)
    #expect(throws: ViewError.self) { try node.engine.restatements("trails", from: first) }
    #expect(try node.engine.restatements("trails", from: page.place)?.restatements.isEmpty == true)
    let ahead = RestatementPlace(number: page.place.number, serial: page.place.serial + 1)
    #expect(throws: ViewError.self) { try node.engine.restatements("trails", from: ahead) }
    let other = RestatementPlace(number: page.place.number + 1, serial: page.place.serial)
    #expect(throws: ViewError.self) { try node.engine.restatements("trails", from: other) }
    world.advance(milliseconds: 2_000_000)
    #expect(try node.engine.restatements("trails")?.restatements.isEmpty == true)
    try await late()
    #expect(try node.engine.restatements("trails", limit: 1)?.restatements.count == 1)
    #expect(try node.kinds()[7] == 2)
    #expect(throws: ViewError.self) { try node.engine.restatements("bodies") }
    node.stop()
  }
}

/// Every key's rows of a view by the view's own functions, voided ones too, and what they say.
struct FigureModel {
  struct Row { let pos: Pos, row: [UInt8], voids: [ULID] }

  let view: CompiledView
  let rows: [[UInt8]: [Row]]

  init(_ node: TestNode, _ name: String) throws {
    let view = try #require(node.engine.database.views.first { $0.name == name })
    var rows: [[UInt8]: [Row]] = [:]
    var voids: [ULID: [ULID]] = [:]
    let events = try node.set.feedAll().events
    for event in events {
      let body = JSON(normalForm: [UInt8](event.body.utf8))
      for voided in body["_voids"]?.elements ?? [] { voids[try #require(ULID(voided.string ?? "")), default: []].append(event.ulid) }
    }
    for event in events {
      let decoded = node.engine.database.decode(JSON(normalForm: [UInt8](event.body.utf8)))
      let when = Happened(id: event.ulid, digest: Digest.sha256([UInt8](event.body.utf8).raw).first16)
      guard let mapped = try? view.map(decoded, when) else { continue }
      for (index, row) in mapped.enumerated() {
        rows[row.key, default: []].append(Row(pos: Pos(when, emitIndex: index), row: row.row, voids: voids[event.ulid] ?? []))
      }
    }
    (self.view, self.rows) = (view, rows.mapValues { $0.sorted { $0.pos < $1.pos } })
  }

  func value(_ key: [UInt8], upTo last: Pos) throws -> [UInt8]? {
    let active = (rows[key] ?? []).filter { $0.pos <= last && $0.voids.isEmpty }
    if active.isEmpty { return nil }
    let total: [UInt8]
    if view.isFold {
      total = try view.advance(nil, key: key, active.map { PlacedRow(when: $0.pos.when, row: $0.row) })
    } else {
      total = try Self.joined(active.map { ($0.pos.level, $0.row) }) { (a, b) in
        try view.advance(a, key: key, [PlacedRow(when: Pos.zero.when, row: b)])
      }
    }
    return try view.finish(total, key: key)
  }

  /// The value of a sequence, from its definition.
  private static func joined(_ items: [(level: Int, value: [UInt8])], _ join: ([UInt8], [UInt8]) throws -> [UInt8]) rethrows -> [UInt8] {
    var (items, level) = (items, 0)
    repeat {
      level += 1
      var blocks: [(level: Int, value: [UInt8])] = []
      for item in items {
        if let last = blocks.last, item.level < level {
          blocks[blocks.count - 1].value = try join(last.value, item.value)
        } else {
          blocks.append(item)
        }
      }
      items = blocks
    } while items.count > 1
    return items[0].value
  }

  /// The figures of an earlier state that are others now, and the events that may be named for it.
  func changes(since old: FigureModel) throws -> [[UInt8]: (before: [UInt8]?, after: [UInt8]?, events: [ULID])] {
    var changes: [[UInt8]: (before: [UInt8]?, after: [UInt8]?, events: [ULID])] = [:]
    for (key, rows) in old.rows {
      guard let last = rows.last?.pos else { continue }
      let (before, after) = (try old.value(key, upTo: last), try value(key, upTo: last))
      if before == after { continue }
      let known = Dictionary(uniqueKeysWithValues: rows.map { ($0.pos, $0.voids.isEmpty) })
      let first = self.rows[key]?.first { row in known[row.pos].map { $0 && !row.voids.isEmpty } ?? true }
      changes[key] = (before, after, first.map { known[$0.pos] == nil ? [$0.pos.when.id] : $0.voids } ?? [])
    }
    return changes
  }
}
