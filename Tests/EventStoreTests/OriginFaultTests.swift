import EventModel
import EventStore
import StoreConformance
import Synchronization
import Testing

@Suite struct `Origins never fork silently, whatever fails meanwhile` {
  private let fixture = Fixture()

  private func openFaulty() throws -> (EventSet, FaultyStore) {
    let store = FaultyStore(try #require(try fixture.provider.open("scans", create: true)))
    return (try EventSet("scans", store: store, world: fixture.world.world, options: fixture.options), store)
  }

  /// A page of another node's log.
  private func foreignPage() async throws -> VerifiedPage {
    let twin = Fixture(world: ManualWorld(seed: 8))
    let set = try twin.open()
    try await set.appendAll(twin.draft(["{}"], second: 500))
    return try VerifiedPage(set.records(after: Clock()).page)
  }

  private func refuse(_ set: EventSet, second: Int64) async {
    guard case .failed(let error) = await set.append(fixture.draft(["{}"], second: second)) else {
      Issue.record("an append succeeded on a full disk")
      return
    }
    #expect(error.code == .diskFull)
  }

  @Test func `a merge between a failed first append and its repetition leaves the origin's binding waiting`() async throws {
    let (set, store) = try openFaulty()
    store.next(.refuses(StoreError(.diskFull, "full")))
    await refuse(set, second: 0)
    _ = try await set.merge(foreignPage())
    try await set.appendAll(fixture.draft(["{}"], second: 1))
    #expect(set.state.elements == 2)
    try set.proveSound("bound late")
  }

  @Test func `a copy that merges after its first append failed still gets a new origin`() async throws {
    let original = try fixture.open()
    try await original.appendAll(fixture.draft(["{}"]))
    let origin = try #require(original.state.own)
    original.close()
    let (copy, store) = try openFaulty()
    try store.setStartMark([UInt8](repeating: 9, count: 16))
    store.next(.refuses(StoreError(.diskFull, "full")))
    await refuse(copy, second: 1)
    _ = try await copy.merge(foreignPage())
    try await copy.appendAll(fixture.draft(["{}"], second: 2))
    #expect(copy.state.own != origin)
    #expect(copy.state.clock[origin] == 1)
  }

  @Test(arguments: [false, true]) func `a new origin that could not be committed is minted again`(reopens: Bool) async throws {
    let (set, store) = try openFaulty()
    try await set.appendAll(fixture.draft(["{}"]))
    let origin = try #require(set.state.own)
    set.observe(Clock([Clock.Entry(origin: origin, n: 100, digest: 1)]))
    if reopens {
      store.next(.reopens)
    } else {
      store.next(.refuses(StoreError(.outcomeUnknown, "unknown")))
      _ = await set.append(fixture.draft(["{}"], second: 1))
    }
    try await set.appendAll(fixture.draft(["{}"], second: 2))
    #expect(set.state.own != origin)
    #expect(set.state.clock[origin] == 1)
    let minted = set.state.own
    try await set.appendAll(fixture.draft(["{}"], second: 3))
    #expect(set.state.own == minted)
    try set.proveSound("minted")
  }

  @Test func `a store that was closed for want of room keeps its origin, also at the first append after a start`() async throws {
    var (set, store) = try openFaulty()
    try await set.appendAll(fixture.draft(["{}"]))
    let origin = set.state.own
    for second in 1...3 {
      set.close()
      (set, store) = try openFaulty()
      for part in 0..<2 {
        store.evict()
        try await set.appendAll(fixture.draft(["{}"], second: Int64(second * 10 + part)))
      }
    }
    #expect(set.state.own == origin)
    #expect(set.state.clock.entries.map(\.n) == [7])
  }

  @Test func `a commit of unknown outcome that was kept is gone on from, and wakes who waits`() async throws {
    let (set, store) = try openFaulty()
    try await set.appendAll(fixture.draft(["{}"]))
    let seen = set.changes.version
    store.next(.loses)
    guard case .failed(let error) = await set.append(fixture.draft(["{}"], second: 1)) else { return #expect(Bool(false)) }
    #expect(error.code == .outcomeUnknown)
    // The client tries again.
    #expect(try await set.appendAll(fixture.draft(["{}"], second: 1)).known == 1)
    #expect(set.changes.version > seen)
    #expect(set.state.version == set.changes.version)
    try await set.appendAll(fixture.draft(["{}"], second: 2))
    #expect(set.state.clock.entries.map(\.n) == [3])
    try set.proveSound("kept")
  }

  @Test func `damage found between the choice of the origin and the append loses nothing`() async throws {
    var fixture = fixture
    let found = Mutex<(@Sendable () -> Void)?>(nil)
    fixture.options.atStage = { stage in
      if stage == .marked { found.withLock { $0 }?() }
      return .goOn
    }
    let set = try fixture.open()
    try await set.appendAll(fixture.draft((0..<10).map { #"{"v":\#($0)}"# }))
    let own = try #require(set.state.own)
    try set.damage(Dot(origin: own, n: 6))
    found.withLock { $0 = { _ = try? set.feedAll() } }
    try await set.appendAll(fixture.draft([#"{"v":10}"#], second: 9))
    found.withLock { $0 = nil }
    #expect(set.damaged == [own: 6])
    // All but the damaged one are there.
    #expect(try set.rangeAll().count == 10)
    let faults = try set.verify().faults
    #expect(faults.allSatisfy { $0.contains("\(own) 6") }, "\(faults)")
  }
}

extension EventSet {
  /// Flips a bit in a record's body.
  func damage(_ dot: Dot) throws {
    try store.write(WriteSize(bytes: 0, events: 0)) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
      let key = StoreKey.dot(dot)
      guard let held = try writer.get(.log, key.raw) else { throw StoreError(.damaged, "not there") }
      var bytes = [UInt8](copying: held)
      bytes[bytes.count - 2] ^= 1
      try writer.put(.log, key.raw, bytes.raw)
    }
  }
}
