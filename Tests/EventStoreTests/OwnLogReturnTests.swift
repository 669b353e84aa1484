import EventModel
import EventStore
import StoreConformance
import Testing

@Suite struct `The own log, coming back from a peer` {
  /// Two files of one past: worlds of one seed draw the same origin and the same salts.
  private func openPast() async throws -> (Fixture, EventSet) {
    let fixture = Fixture()
    let set = try fixture.open()
    try await set.appendAll(fixture.draft([#"{"v":0}"#]))
    return (fixture, set)
  }

  @Test(arguments: [false, true]) func `is taken, and the next append goes under a new origin`(restarts: Bool) async throws {
    let (others, peer) = try await openPast()
    for second in 1...3 { try await peer.appendAll(others.draft(["{}"], second: Int64(second))) }
    var (fixture, restored) = try await openPast()
    let origin = try #require(restored.state.own)
    #expect(peer.state.own == origin)
    try await restored.pull(from: peer)
    #expect(restored.state.clock == peer.state.clock)
    if restarts {
      restored.close()
      restored = try fixture.open()
    }
    fixture.world = ManualWorld(seed: 9)
    try await restored.appendAll(fixture.draft(["{}"], second: 100))
    #expect(restored.state.own != origin)
    #expect(restored.state.clock[origin] == 4)
    #expect(restored.state.elements == 5)
    try restored.proveSound("restored")
  }

  @Test(arguments: [false, true]) func `leaves what was held when as it was`(damaged: Bool) async throws {
    let (others, peer) = try await openPast()
    for second in 1...3 { try await peer.appendAll(others.draft(["{}"], second: Int64(second))) }
    let (fixture, restored) = try await openPast()
    try await restored.appendAll(fixture.draft(["{}"], second: 1))
    let (before, clock) = (fixture.world.now, restored.state.clock)
    fixture.world.advance(milliseconds: 1000)
    if damaged {
      try restored.damage(Dot(origin: clock.entries[0].origin, n: 2))
      #expect(try restored.feedAll().events.count == 1)
    }
    try await restored.pull(from: peer)
    #expect(restored.state.clock == peer.state.clock)
    #expect(try restored.clock(heldAt: before) == clock)
    #expect(try restored.clock(heldAt: before.adding(milliseconds: -1)) == Clock())
    #expect(try restored.clock(heldAt: fixture.world.now) == restored.state.clock)
  }

  @Test func `with other records is refused, and the next append goes under a new origin`() async throws {
    let (others, peer) = try await openPast()
    try await peer.appendAll(others.draft([#"{"v":1}"#], second: 1))
    let (fixture, restored) = try await openPast()
    let origin = try #require(restored.state.own)
    try await restored.appendAll(fixture.draft([#"{"v":2}"#], second: 2))
    let page = try VerifiedPage(peer.records(after: Clock()).page)
    await #expect(throws: StoreError.self) { try await restored.merge(page) }
    try await restored.appendAll(fixture.draft(["{}"], second: 3))
    #expect(restored.state.own != origin)
    #expect(restored.state.clock[origin] == 2)
    try restored.proveSound("forked")
  }
}
