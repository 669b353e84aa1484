import EventModel
import EventStore
import StoreConformance
import Testing
import ViewKit
import ViewLaws

@testable import ViewEngine

@Suite struct `Views attached at run time` {
  private struct Database {
    let world = ManualWorld(seed: 9)
    let provider = MemoryEventStoreProvider()
    let compiled: CompiledDatabase
    let attachable: [CompiledView]
    var set: EventSet
    var engine: ViewEngine

    init() throws {
      compiled = try CompiledDatabase(ViewKit.Database("samples", of: Sample.self) { Sums() })
      attachable = [try CompiledView(Trails()), try CompiledView(Turns()), try CompiledView(Bodies())]
      (set, engine) = try Self.open(provider, world, compiled, attachable)
    }

    static func open(
      _ provider: MemoryEventStoreProvider, _ world: ManualWorld, _ compiled: CompiledDatabase, _ attachable: [CompiledView]
    ) throws -> (EventSet, ViewEngine) {
      let set = try EventSet("samples", store: #require(try provider.open("samples", create: true)), world: world.world)
      let engine = ViewEngine(set, compiled, attachable: attachable, attached: try ViewEngine.attached(to: set))
      engine.sweepDetached()
      return (set, engine)
    }

    mutating func restart(_ attachable: [CompiledView]? = nil) throws {
      engine.close()
      set.close()
      (set, engine) = try Self.open(provider, world, compiled, attachable ?? self.attachable)
    }

    func text(_ view: String) async throws -> String { try await engine.rows(view, TestNode.everything).text }

    func rowsOfDead() throws -> Int {
      try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
        let live = Set(try ViewHeader.all(reader).filter { $0.state == .live }.map(\.number))
        var count = 0
        let cursor = try reader.cursor(.view)
        while try cursor.next() { if !live.contains(cursor.key.bigEndian(at: 0)) { count += 1 } }
        return count
      }
    }

    func waitUntilSwept() async throws {
      for _ in 0..<5000 where try rowsOfDead() > 0 { try await Task.sleep(for: .milliseconds(1)) }
      #expect(try rowsOfDead() == 0)
    }
  }

  @Test func `answer as declared ones do, until they are detached, also in later runs`() async throws {
    var database = try Database()
    var random = SeededRandom(seed: 3)
    for _ in 0..<60 {
      let ulid = ULID(at: Instant(milliseconds: 1_780_000_000_000 - Int64(random.next() % 50) * 1000), low80: UInt128(random.next()))
      try await database.set.appendAll(Draft([(ulid, Sample.body(&random), [])], world: database.world.world))
    }
    let reference = try Reference.all(Reference.events(database.set))
    #expect(database.engine.names == ["sums"])
    #expect(try await database.engine.attach(database.attachable[1]))
    #expect(try await database.engine.attach(database.attachable[0]))
    #expect(try await !database.engine.attach(database.attachable[1]))
    #expect(database.engine.names == ["sums", "turns", "trails"])
    #expect(database.engine.isAttached("turns") && !database.engine.isAttached("sums"))
    for _ in 0..<2 {
      for view in database.engine.names { #expect(try await database.text(view) == reference[view]?.rows, "\(view)") }
      try database.restart()
      #expect(database.engine.names == ["sums", "turns", "trails"])
    }
    try await database.engine.detach("turns")
    #expect(database.engine.names == ["sums", "trails"])
    await #expect(throws: ViewError.self) { try await database.text("turns") }
    await #expect(throws: ViewError.self) { try await database.engine.detach("turns") }
    await #expect(throws: ViewError.self) { try await database.engine.detach("sums") }
    try await database.waitUntilSwept()
    try database.restart()
    #expect(database.engine.names == ["sums", "trails"])
    // A build that doesn't have the view leaves it alone, and can still detach it.
    try database.restart([])
    #expect(database.engine.names == ["sums"])
    try database.restart()
    #expect(try await database.text("trails") == reference["trails"]?.rows)
    try database.restart([])
    try await database.engine.detach("trails")
    try await database.waitUntilSwept()
    try database.restart()
    #expect(database.engine.names == ["sums"])
    database.engine.close()
    database.set.close()
  }

  @Test func `leave nothing behind when they go in the middle of a catch-up or a sweep`() async throws {
    var database = try Database()
    var random = SeededRandom(seed: 4)
    for _ in 0..<200 {
      let ulid = ULID(at: Instant(milliseconds: 1_780_000_000_000), low80: UInt128(random.next()))
      try await database.set.appendAll(Draft([(ulid, Sample.body(&random), [])], world: database.world.world))
    }
    for round in 0..<30 {
      #expect(try await database.engine.attach(database.attachable[0]))
      try database.engine.startCatchUp("trails")
      if round % 3 == 1 { await Task.yield() }
      if round % 3 == 2 { try await Task.sleep(for: .milliseconds(1)) }
      try await database.engine.detach("trails")
      if round % 5 == 4 { try database.restart() }
    }
    try await database.waitUntilSwept()
    let rows = try database.set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      try ViewHeader.all(reader).count
    }
    #expect(rows == 0)
    database.engine.close()
    database.set.close()
  }
}

@Suite struct `A view that is followed` {
  /// Rows of pages, laid over each other, end as what the view says.
  @Test func `tells every row that changes, in pages of any size`() async throws {
    let seed = testSeed()
    var random = SeededRandom(seed: seed)
    var options = `A view is a function of the event set`.options(&random)
    // With none at all a fold that was left unfinished stays so.
    options.refoldRowsMax = max(options.refoldRowsMax, 1)
    let node = try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: seed), options)
    for view in ["trails", "turns", "sums"] {
      try await node.append(20, &random)
      var query = ViewQuery()
      if view == "trails" { query.prefix = try ViewQuery.prefix(of: ["a"]) }
      var held: [String: String] = [:]
      func take(_ rows: [[UInt8]]) {
        for row in rows {
          let json = JSON(normalForm: row)
          held[json["key"]?.description ?? ""] = json["value"].flatMap { $0 == .null ? nil : $0.description }
        }
      }
      var clock = node.set.state.clock
      try await node.engine.catchUp(view)
      var last: [UInt8]?
      repeat {
        let page = try await node.engine.rows(view, after: last, query, bytesMax: 50)
        take(page.rows.map(\.json))
        last = page.last
      } while last != nil
      for _ in 0..<12 {
        try await node.append(Int(random.next() % 8) + 1, &random)
        while true {
          let changes = try await node.engine.changes(view, after: clock, query)
          if changes.clock == clock { break }
          try await node.engine.catchUp(view, to: changes.clock)
          var keys = changes.keys[...]
          while !keys.isEmpty {
            let page = try await node.engine.rows(view, of: keys, bytesMax: [1, 100, 100_000][Int(random.next() % 3)])
            #expect(!page.rows.isEmpty)
            take(page.rows.map(\.json))
            keys = keys.dropFirst(page.rows.count)
          }
          clock = changes.clock
        }
        var all = TestNode.everything
        all.prefix = query.prefix
        let text = try await node.answer(view, all).text
        let rows = JSON(normalForm: [UInt8]("[\(text)]".utf8)).elements ?? []
        let expected = Dictionary(uniqueKeysWithValues: rows.map { ($0["key"]?.description ?? "", $0["value"]?.description ?? "") })
        #expect(held == expected, "\(view) seed \(seed)")
      }
    }
    node.stop()
  }
}
