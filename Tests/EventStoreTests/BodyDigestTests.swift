import EventModel
import EventStore
import StoreConformance
import Testing

@Suite struct `The digests that a feed tells` {
  @Test func `are those of the bodies, in whatever order they happened and whatever shares an id`() async throws {
    var random = SeededRandom(seed: testSeed())
    let world = ManualWorld(seed: random.next())
    var sets: [EventSet] = []
    for node in 0..<2 {
      sets.append(try EventSet("scans", store: MemoryEventStore(), world: world.world))
      var events: [(ulid: ULID, body: String, voids: [ULID])] = []
      for second in 0..<400 {
        // Most as they happened, some late; of two nodes with the same ids, and now and then the same bodies.
        let at = random.chance(1, in: 8) ? Int64(random.next() % 400) : Int64(second)
        let body = "{\"n\":\(random.chance(1, in: 2) ? 2 : node)}"
        let ulid = ULID(at: Instant(milliseconds: 1_700_000_000_000 + at * 1000), low80: UInt128(random.next() % 2))
        if !events.contains(where: { $0.ulid == ulid }) { events.append((ulid, body, [])) }
      }
      _ = try await sets[node].appendAll(Draft(events, onTaken: .skip, world: world.world))
    }
    try await sets[0].pull(from: sets[1])
    for recordsMax in [37, 100_000] {
      var clock = Clock()
      var seen = 0
      repeat {
        let page = try sets[0].feed(after: clock, recordsMax: recordsMax, repeats: true, digests: true) {
          (event, body) throws(StoreError) in
          #expect(event.digest == Digest.sha256(body).first16)
          seen += 1
          return true
        }
        clock = page.clock
      } while !clock.covers(sets[0].state.clock)
      #expect(seen > 400)
    }
    for set in sets { set.close() }
  }
}
