import EventModel
import EventStore

extension StoreConformance {
  /// An append that is repeated makes its events whole again whose only records have rotted, whether anybody noticed or not: no event is
  /// counted twice, none is lost when the damage is cut, and an append that is repeated once more records nothing.
  public func checkRepeats(seed: UInt64) async throws {
    let world = ManualWorld(seed: seed)
    var random = SeededRandom(seed: seed)
    var set = try openSet("repeats-\(seed)", world)
    var events: [(ulid: ULID, body: String, voids: [ULID])] = []
    for n in 0..<30 {
      let ulid = ULID(at: Instant(milliseconds: 1_700_000_000_000 + Int64(random.next() % 20) * 1000), low80: UInt128(n))
      let voids = random.chance(1, in: 6) ? [events.first?.ulid ?? ulid].filter { $0 != ulid } : []
      events.append((ulid, voids.isEmpty ? "{\"n\":\(n)}" : "{\"_voids\":[\"\(voids[0])\"],\"n\":\(n)}", voids))
    }
    for start in stride(from: 0, to: 30, by: 10) { try await set.appendAll(Draft(Array(events[start..<start + 10]), world: world.world)) }
    let wanted = Set(events.map { SeenEvent(ulid: $0.ulid, body: $0.body) })
    let (sum, origin) = (set.state.sum, set.state.own)
    guard let origin else { throw LawBroken(description: "seed \(seed): no origin") }
    for round in 0..<3 {
      let context = "seed \(seed), round \(round)"
      let rotten = Set((0..<1 + random.next() % 5).map { _ in 1 + random.next() % 30 })
      for n in rotten.sorted() where round == 0 {
        if random.chance(1, in: 4) { try set.spoil(Dot(origin: origin, n: n)) } else { try set.rot(Dot(origin: origin, n: n)) }
      }
      events.shuffle(using: &random)
      let before = set.state.records
      let appended = try await set.appendAll(Draft(events, world: world.world))
      try require(appended.recorded == 0 && appended.known == 30, "\(context): \(appended)")
      let made = set.state.records - before
      try require(made == (round == 0 ? UInt64(rotten.count) : 0), "\(context): \(made) records for \(rotten.count) that are damaged")
      let seen = try set.rangeAll()
      try require(Set(seen) == wanted && seen.count == 30, "\(context): \(seen.count) events")
      try require(set.state.elements == 30 && set.state.sum == sum, "\(context): counted wrong")
      if round == 1 {
        set.close()
        set = try openSet("repeats-\(seed)", world)
      }
    }
    _ = try set.rangeAll()
    for damaged in set.damaged.keys.sorted() {
      guard let cut = try set.damageCut(of: damaged) else { continue }
      let outcome = try await set.cut(cut)
      try require(outcome.lost.isEmpty, "seed \(seed): lost \(outcome.lost)")
    }
    try require(try Set(set.feedAll().events) == wanted, "seed \(seed): not all are fed behind the cut")
    try set.proveSound("seed \(seed)")
    set.close()
  }
}
