import EventModel
import EventStore
import StoreConformance
import Testing

@Suite struct `A page from outside` {
  /// A record that is intact at a dot, but follows nothing.
  private func record(at dot: Dot, body: String = "{}") -> [UInt8] {
    let header = Record.Header(
      kind: .event, hlc: HLC(value: .max), ulid: ULID(value: .max), salt: 1, chain: .sha256([UInt8]("no".utf8).raw))
    var bytes: [UInt8] = []
    Record.write(header, body: [UInt8](body.utf8).raw, at: dot, to: &bytes)
    return bytes
  }

  @Test(arguments: [1, 2, UInt64.max - 1, .max]) func `is refused, whatever numbers it claims`(n: UInt64) async throws {
    let set = try Fixture().open()
    let origin = Origin(value: .max)
    var page = RecordPage()
    for n in [n, max(1, n &+ 1)] { page.add(Dot(origin: origin, n: n), record(at: Dot(origin: origin, n: n)).raw) }
    #expect(throws: StoreError.self) { try VerifiedPage(page) }
    var single = RecordPage()
    single.add(Dot(origin: origin, n: n), record(at: Dot(origin: origin, n: n)).raw)
    let verified = try VerifiedPage(single)
    await #expect(throws: StoreError.self) { try await set.merge(verified) }
    #expect(set.state.records == 0)
  }

  @Test(arguments: [0, 1, .max] as [UInt64]) func `does no harm as a clock, whatever it claims`(value: UInt64) async throws {
    let fixture = Fixture()
    let set = try fixture.open()
    try await set.appendAll(fixture.draft(["{}", "{}"]))
    let own = try #require(set.state.own)
    let entries = [own, Origin(value: 0), Origin(value: .max)].map { Clock.Entry(origin: $0, n: max(1, value), digest: value) }
    let clock = try #require(Clock(token: Clock(entries).token))
    #expect(try set.feed(after: clock) { (_, _) throws(StoreError) in true }.pending == 0)
    _ = try set.records(after: clock)
    _ = set.state.pending(after: clock)
    try await set.appendAll(fixture.draft(["{}"], second: 1))
    #expect(try set.feedAll().events.count == 3)
  }
}
