import EventModel
import StoreConformance
import Testing
import ViewKit

@testable import EventStore
@testable import ViewEngine

/// What views say when a log that they have read has lost a fork.
@Suite struct `Views of a log that was cut` {
  /// Two nodes of one past whose files both went on under one origin, and a third that both know something of.
  private struct Fork {
    let loser: TestNode
    let winner: TestNode

    init(_ seed: UInt64, _ random: inout SeededRandom) async throws {
      var options = ViewEngineOptions()
      options.borderLevel = 1
      (options.recordsMax, options.rowsMax, options.rowsMin) = (16, 16, 4)
      let third = try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: seed &+ 1))
      for _ in 0..<4 { try await third.append(6, &random) }
      var nodes: [TestNode] = []
      for _ in 0..<2 {
        let node = try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: seed), options)
        var common = SeededRandom(seed: seed)
        try await node.append(15, &common)
        for _ in 0..<6 {
          node.world.advance(milliseconds: 10)
          try await node.append(1 + Int(random.next() % 6), &random)
          if random.chance(1, in: 3) { try await node.set.pull(from: third.set, pageBytes: 1, pagesMax: 3) }
          if random.chance(1, in: 2) { try await node.engine.catchUp(node.engine.names[Int(random.next() % 5)]) }
        }
        nodes.append(node)
      }
      let heads = try nodes.map { node in try #require(node.set.state.own.flatMap { node.set.state.clock.entry($0) }) }
      let wins = heads[0].wins(over: heads[1])
      (loser, winner) = (nodes[wins ? 1 : 0], nodes[wins ? 0 : 1])
      #expect(heads[0].origin == heads[1].origin)
    }

    func repair() async throws {
      let head = try #require(winner.set.state.own.flatMap { winner.set.state.clock.entry($0) })
      var clock = loser.set.state.clock
      clock.set(Clock.Entry(origin: head.origin, n: 0, digest: 0))
      var page = try winner.set.records(after: clock).page
      page.forks = [head]
      _ = try await loser.set.merge(VerifiedPage(page))
      #expect(loser.set.state.cuts > 0)
    }
  }

  /// A clock of prefixes of the logs held.
  private func somewhere(in set: EventSet, _ random: inout SeededRandom) throws -> Clock {
    let lengths = set.state.clock.entries.map { ($0.origin, random.next() % ($0.n + 1)) }
    return try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      var entries: [Clock.Entry] = []
      for (origin, n) in lengths { if let entry = try EventSet.entry(reader, Dot(origin: origin, n: n)) { entries.append(entry) } }
      return Clock(entries)
    }
  }

  @Test(arguments: 1...25 as ClosedRange<UInt64>)
  func `are right again, now and as of any clock, as if they had read nothing else`(seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    let fork = try await Fork(seed, &random)
    let node = fork.loser
    try await node.engine.catchUpAll()
    try await fork.repair()
    #expect(try node.kinds()[ViewKeys.Kind.moved.rawValue] ?? 0 > 0, "seed \(seed)")
    if random.chance(1, in: 2) { try node.restart() }
    if random.chance(1, in: 2) { _ = try await node.answer(node.engine.names[0], TestNode.everything, .no) }
    if random.chance(1, in: 2) { try await node.append(5, &random) }
    try await node.engine.catchUpAll()
    #expect(try node.engine.verify().faults == [], "seed \(seed)")
    #expect(try node.kinds()[ViewKeys.Kind.moved.rawValue] == nil, "seed \(seed)")
    let fresh = try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: 77))
    try await fresh.set.pull(from: node.set)
    #expect(fresh.set.state.clock == node.set.state.clock && fresh.set.state.sum == node.set.state.sum)
    for name in node.engine.names {
      #expect(try await node.answer(name).text == fresh.answer(name).text, "seed \(seed), \(name)")
      for _ in 0..<5 {
        var query = TestNode.everything
        query.known = try somewhere(in: node.set, &random)
        #expect(try await node.answer(name, query).text == fresh.answer(name, query).text, "seed \(seed), \(name) as of a clock")
      }
    }
    for node in [node, fork.winner, fresh] { node.stop() }
  }

  /// Also while they catch up: then rows are there already of events that their clock covers only later.
  @Test(arguments: 1...25 as ClosedRange<UInt64>)
  func `say no more than their clock covers, if they are read as they are`(seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    let fork = try await Fork(seed, &random)
    let node = fork.loser
    try await node.engine.catchUpAll()
    try await fork.repair()
    if random.chance(1, in: 2) { try await node.append(5, &random) }
    let fresh = try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: 77))
    try await fresh.set.pull(from: node.set)
    for name in node.engine.names {
      for _ in 0..<random.next() % 6 { if try await node.engine.step(name) { break } }
      let page = try await node.answer(name, TestNode.everything, random.chance(1, in: 2) ? .no : .lazy)
      var query = TestNode.everything
      query.known = page.clock
      #expect(try await fresh.answer(name, query).text == page.text, "seed \(seed), \(name)")
    }
    for node in [node, fork.winner, fresh] { node.stop() }
  }

  @Test func `that were being built begin again`() async throws {
    var random = SeededRandom(seed: 5)
    let fork = try await Fork(5, &random)
    let node = fork.loser
    try await node.set.slice(WriteSize(bytes: 512, events: 1)) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      for var header in try ViewHeader.all(writer) {
        header.state = .building
        try writer.put(.view, header.key.raw, header.bytes.raw)
      }
    }
    try await fork.repair()
    try await node.engine.catchUpAll()
    let report = try node.engine.verify()
    #expect(report.faults == [] && report.views == 5)
    node.stop()
    fork.winner.stop()
  }

  @Test func `lose the rows of an event that was lost with it`() async throws {
    var random = SeededRandom(seed: 9)
    let (node, source) = (
      try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: 1)),
      try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: 2))
    )
    for _ in 0..<5 { try await source.append(8, &random) }
    try await node.set.pull(from: source.set)
    try await node.engine.catchUpAll()
    let origin = try #require(source.set.state.own)
    try node.set.spoil(Dot(origin: origin, n: 7))
    let outcome = try await node.set.cut(#require(try node.set.damageCut(of: origin)))
    #expect(outcome.lost == [Dot(origin: origin, n: 7)])
    try node.set.proveSound("cut")
    try await node.engine.catchUpAll()
    let report = try node.engine.verify()
    #expect(report.faults == [] && report.views == 5)
    for node in [node, source] { node.stop() }
  }
}
