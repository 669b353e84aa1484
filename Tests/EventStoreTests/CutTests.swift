import EventModel
import EventStore
import StoreConformance
import Testing

@Suite struct `A cut` {
  /// Two files of one past: worlds of one seed draw the same origin and the same salts.
  private func fork(_ lengths: [Int]) async throws -> (sets: [EventSet], fixtures: [Fixture]) {
    var (sets, fixtures): ([EventSet], [Fixture]) = ([], [])
    for (side, length) in lengths.enumerated() {
      let fixture = Fixture()
      let set = try fixture.open()
      try await set.appendAll(fixture.draft(["{}"]))
      for start in stride(from: 0, to: length, by: 3000) {
        let bodies = (start..<min(start + 3000, length)).map { "{\"side\":\(side),\"v\":\($0)}" }
        try await set.appendAll(fixture.draft(bodies, second: Int64(1 + start + side * 100_000)))
      }
      sets.append(set)
      fixtures.append(fixture)
    }
    return (sets, fixtures)
  }

  private func proof(_ winner: EventSet) throws -> (page: VerifiedPage, head: Clock.Entry) {
    let head = try #require(winner.state.own.flatMap { winner.state.clock.entry($0) })
    var page = try winner.records(after: Clock(), bytesMax: .max).page
    page.forks = [head]
    return (try VerifiedPage(page), head)
  }

  @Test func `of a long end goes in several transactions, and is counted once`() async throws {
    let (sets, _) = try await fork([9000, 9001])
    let (loser, winner) = (sets[0], sets[1])
    let (page, head) = try proof(winner)
    let done = try await loser.repair(by: page)
    #expect(done.map(\.cut.n) == [1])
    #expect(done.first?.outcome.records == 9000 && done.first?.outcome.appended == 9000)
    #expect(loser.state.cuts == 3 && loser.state.forked == [head.origin: 1])
    #expect(loser.state.clock[head.origin] == 1 && loser.state.elements == 9001)
    try loser.proveSound("cut")
    _ = try await loser.merge(page)
    #expect(loser.state.elements == 18_002 && loser.state.clock.entry(head.origin) == head)
  }

  @Test func `isn't made of a log that has grown to be the longer one by then`() async throws {
    let (sets, fixtures) = try await fork([2, 3])
    let (loser, winner) = (sets[0], sets[1])
    let (page, head) = try proof(winner)
    try await loser.appendAll(fixtures[0].draft(["{}", "{}"], second: 500_000))
    #expect(loser.state.own == head.origin)
    #expect(try await loser.repair(by: page).isEmpty)
    let start = Chain.start(database: "scans", origin: head.origin)
    let error = await #expect(throws: StoreError.self) { try await loser.cut(LogCut(head.origin, after: 0, chain: start, .fork(head))) }
    #expect(error?.code == .refused && loser.state.cuts == 0 && loser.state.clock[head.origin] == 5)
  }

  @Test func `is refused of another log than the one held, of another origin's fork, and where nothing is damaged`() async throws {
    let (sets, _) = try await fork([2, 3])
    let (_, head) = try proof(sets[1])
    let start = Chain.start(database: "scans", origin: head.origin)
    for cut in [
      LogCut(head.origin, after: 1, chain: start, .fork(head)), LogCut(head.origin, after: 9, chain: start, .fork(head)),
      LogCut(head.origin, after: 0, chain: start, .fork(Clock.Entry(origin: Origin(value: 1), n: 9, digest: 9))),
      LogCut(head.origin, after: 0, chain: start, .damage),
    ] {
      let error = await #expect(throws: StoreError.self) { try await sets[0].cut(cut) }
      #expect(error?.code == .refused)
    }
    #expect(sets[0].state.cuts == 0 && sets[0].state.clock[head.origin] == 3)
    try sets[0].proveSound("refused")
  }

  @Test func `makes a clock above its end count for nothing, also after a restart`() async throws {
    let (sets, fixtures) = try await fork([4, 6])
    let (loser, winner) = (sets[0], sets[1])
    let read = try loser.feedAll()
    let (page, head) = try proof(winner)
    try await loser.repair(by: page)
    loser.close()
    let reopened = try fixtures[0].open()
    #expect(reopened.state.clock[head.origin] == 1 && reopened.state.forked == [head.origin: 1])
    // The five of its log come again, the one that stays among them: which log the clock speaks of can't be said.
    #expect(try reopened.feedAll(after: read.clock).events.count == 5)
    #expect(try reopened.feedAll(after: reopened.state.clock).events.isEmpty)
  }

  /// Record 1 is of both logs; the damaged one of those behind it is nowhere else.
  @Test(arguments: [1, 2, 3, 4] as [UInt64]) func `loses nothing but what is damaged, where a fork's loser is`(n: UInt64) async throws {
    let (sets, _) = try await fork([3, 4])
    let (loser, winner) = (sets[0], sets[1])
    let (page, head) = try proof(winner)
    try loser.damage(Dot(origin: head.origin, n: n))
    #expect(try loser.feedAll().events.count == Int(n) - 1)
    // The first record only repairs the log; what it has behind that is another one, and found to be at the second time.
    for _ in 0..<2 { _ = try await loser.merge(page) }
    #expect(loser.state.clock.entry(head.origin) == head && loser.damaged.isEmpty)
    #expect(loser.state.elements == (n == 1 ? 8 : 7))
    try loser.proveSound("repaired")
  }

  @Test func `isn't needed for a consumer that knows more of the own log than there is to be told all of it`() async throws {
    let (sets, _) = try await fork([2, 3])
    let read = try sets[1].feedAll()
    #expect(sets[0].state.own == sets[1].state.own)
    #expect(try sets[0].feedAll(after: read.clock).events.count == 3)
  }
}
