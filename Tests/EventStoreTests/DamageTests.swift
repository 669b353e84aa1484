import EventModel
@testable import EventStore
import StoreConformance
import Testing

@Suite struct `Damage` {
  @Test func `of neighbours leaves what lies before them served`() async throws {
    let fixture = Fixture()
    let set = try fixture.open()
    try await set.appendAll(fixture.draft((0..<10).map { #"{"v":\#($0)}"# }))
    let own = try #require(set.state.own)
    for n in 4...6 as ClosedRange<UInt64> { try set.damage(Dot(origin: own, n: n)) }
    // Finds the last of the three first.
    #expect(try set.events(ULID(at: Instant(milliseconds: 1_770_000_000_005), low80: 1)) { (_, _) throws(StoreError) in true } == 0)
    #expect(set.state.clock[own] == 3)
    #expect(try set.feedAll().events.count == 3)
    #expect(set.damaged == [own: 4])
  }

  @Test(arguments: [1, 4, 10] as [UInt64]) func `is repaired by the records of a peer, and a feed always comes to its end`(n: UInt64)
    async throws
  {
    let (here, there) = (Fixture(), Fixture(world: ManualWorld(seed: 8)))
    let (set, peer) = (try here.open(), try there.open())
    try await peer.appendAll(there.draft((0..<10).map { #"{"v":\#($0)}"# }))
    try await set.pull(from: peer)
    let origin = try #require(peer.state.own)
    try set.damage(Dot(origin: origin, n: n))
    let before = try set.feedAll()
    #expect(before.events.count == Int(n) - 1)
    // It goes on where the log as served ends, in pages of a record.
    try await set.pull(from: peer, pageBytes: 1)
    #expect(set.damaged.isEmpty)
    #expect(set.state.clock == peer.state.clock)
    #expect(set.state.records == 10)
    #expect(try set.feedAll(after: before.clock).events.count == 11 - Int(n))
    try set.proveSound("repaired")
  }

  @Test func `hides nothing that lies behind it any more, once a peer that knows less has written it again`() async throws {
    let (here, there) = (Fixture(), Fixture(world: ManualWorld(seed: 8)))
    let (set, peer, behind) = (try here.open(), try there.open(), try Fixture(world: ManualWorld(seed: 9)).open())
    try await peer.appendAll(there.draft((0..<6).map { #"{"v":\#($0)}"# }))
    try await behind.pull(from: peer)
    try await peer.appendAll(there.draft((6..<12).map { #"{"v":\#($0)}"# }, second: 500))
    try await set.pull(from: peer)
    let origin = try #require(peer.state.own)
    try set.damage(Dot(origin: origin, n: 4))
    try set.damage(Dot(origin: origin, n: 10))
    #expect(try set.feedAll().events.count == 3)
    try await set.pull(from: behind)
    #expect(set.state.clock[origin] == 9)
    #expect(set.damaged == [origin: 10])
    try await set.pull(from: peer)
    #expect(set.state.clock == peer.state.clock)
    #expect(set.damaged.isEmpty)
    try set.proveSound("repaired")
  }

  @Test func `that was known before a restart is known again once it is looked at`() async throws {
    let fixture = Fixture()
    let set = try fixture.open()
    try await set.appendAll(fixture.draft((0..<10).map { #"{"v":\#($0)}"# }))
    let own = try #require(set.state.own)
    try set.damage(Dot(origin: own, n: 6))
    for n in [5, 7, 11] as [UInt64] { try set.look(at: Dot(origin: own, n: n)) }
    try set.look(at: Dot(origin: Origin(value: 1), n: 6))
    #expect(set.damaged.isEmpty && set.state.clock[own] == 10)
    try set.look(at: Dot(origin: own, n: 6))
    #expect(set.damaged == [own: 6] && set.state.clock[own] == 5)
  }

  @Test func `that was found stays known when the store is opened anew, so a feed comes to its end`() async throws {
    let fixture = Fixture()
    let store = FaultyStore(try #require(try fixture.provider.open("scans", create: true)))
    let set = try EventSet("scans", store: store, world: fixture.world.world)
    try await set.appendAll(fixture.draft((0..<10).map { #"{"v":\#($0)}"# }))
    let own = try #require(set.state.own)
    try set.damage(Dot(origin: own, n: 6))
    var page = try set.feed(after: Clock()) { (_, _) throws(StoreError) in true }
    for _ in 0..<3 {
      store.evict()
      // Whatever is read first reads the state again.
      try set.read { (_: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in }
      try set.read { (_: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in }
      page = try set.feed(after: page.clock) { (_, _) throws(StoreError) in true }
    }
    #expect(page.pending == 0)
    #expect(set.damaged == [own: 6])
    #expect(set.state.clock[own] == 5)
  }

  @Test(arguments: [Table.ids, .voids, .again, .log]) func `to a row is told by a verification, which goes on`(table: Table)
    async throws
  {
    let fixture = Fixture()
    let set = try fixture.open()
    try await set.appendAll(fixture.draft((0..<10).map { #"{"v":\#($0)}"# }))
    for key in [[UInt8]](arrayLiteral: [7], [UInt8](repeating: 7, count: 16), [UInt8](repeating: 7, count: 32)) {
      try set.store.write(WriteSize(bytes: 0, events: 0)) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
        try writer.put(table, key.raw, [UInt8](repeating: 9, count: 5).raw)
      }
      let report = try set.verify()
      #expect(!report.isSound, "a key of \(key.count) bytes")
      #expect(report.records >= 10)
    }
  }

  @Test func `that took a record away fails the merge alone, not the appends beside it`() async throws {
    let (here, there) = (Fixture(), Fixture(world: ManualWorld(seed: 8)))
    let (set, peer) = (try here.open(), try there.open())
    try await peer.appendAll(there.draft(["{}"], second: 500))
    try await set.pull(from: peer)
    let origin = try #require(peer.state.own)
    try await peer.appendAll(there.draft(["{}"], second: 501))
    let page = try VerifiedPage(peer.records(after: set.state.clock).page)
    try set.store.write(WriteSize(bytes: 0, events: 0)) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
      _ = try writer.delete(.log, StoreKey.dot(origin, 1).raw)
    }
    let (appended, merged) = await set.inOneGroup(here.draft(["{}"]), page)
    if case .recorded = appended {} else { Issue.record("\(appended)") }
    #expect(throws: StoreError.self) { try merged.get() }
    #expect(set.state.elements == 2)
  }
}

extension EventSet {
  /// Queues both while a slice holds the writer, so that they are one group.
  func inOneGroup(_ draft: Draft, _ page: VerifiedPage) async -> (AppendOutcome, Result<Merged, StoreError>) {
    let (appends, appended) = AsyncStream.makeStream(of: AppendOutcome.self)
    let (merges, merged) = AsyncStream.makeStream(of: Result<Merged, StoreError>.self)
    try? await slice(WriteSize(bytes: 0, events: 0)) { [self] (_: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      append(draft) { appended.yield($0) }
      writer.submit(Writer.Merge(page: page) { merged.yield($0) })
    }
    var answers = (appends.makeAsyncIterator(), merges.makeAsyncIterator())
    let closed = StoreError(.closed, "no answer")
    return (await answers.0.next() ?? .failed(closed), await answers.1.next() ?? .failure(closed))
  }
}
