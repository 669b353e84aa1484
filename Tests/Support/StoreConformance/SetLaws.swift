import EventModel
import EventStore

/// Random events: few ULIDs and bodies, so that repeats, conflicts and voids come often.
struct EventMaker {
  var random: SeededRandom
  let bodies: UInt64

  init(seed: UInt64, bodies: UInt64 = 3) {
    random = SeededRandom(seed: seed)
    self.bodies = bodies
  }

  mutating func ulid(_ spread: UInt64 = 60) -> ULID {
    ULID(at: Instant(milliseconds: 1_700_000_000_000 + Int64(random.next() % spread) * 1000), low80: UInt128(random.next() % 3))
  }

  mutating func event(_ spread: UInt64 = 60) -> (ulid: ULID, body: String, voids: [ULID]) {
    if random.chance(1, in: 8) {
      let voided = ulid(spread)
      return (ulid(spread), "{\"_voids\":[\"\(voided)\"],\"v\":\(random.next() % bodies)}", [voided])
    }
    return (ulid(spread), "{\"v\":\(random.next() % bodies)}", [])
  }
}

extension StoreConformance {
  /// Appends equal a model: an element appended again is known, another body under a ULID is refused and nothing of its request is
  /// written (or left out, where that is asked), and what was recorded is there after a restart, provably.
  public func checkAppends(seed: UInt64) async throws {
    let world = ManualWorld(seed: seed)
    var maker = EventMaker(seed: seed)
    var set = try openSet("appends-\(seed)", world)
    var model: [ULID: String] = [:]
    for round in 0..<30 {
      world.advance(milliseconds: Int64(maker.random.next() % 50))
      let events = (0..<maker.random.next() % 12).map { _ in maker.event() }
      let skips = maker.random.chance(1, in: 3)
      let outcome = await set.append(Draft(events, onTaken: skips ? .skip : .refuse, world: world.world))
      var next = model
      var taken: [Int] = []
      for (index, event) in events.enumerated() {
        if let held = next[event.ulid], held != event.body { taken.append(index) } else { next[event.ulid] = event.body }
      }
      let context = "seed \(seed), round \(round)"
      switch outcome {
      case .recorded(let appended):
        try require(taken.isEmpty || skips, "\(context): recorded though \(taken) were taken")
        try require(appended.recorded == next.count - model.count, "\(context): recorded \(appended.recorded)")
        try require(appended.recorded + appended.known + appended.taken.count == events.count, "\(context): counts don't add up")
        try require(appended.taken.map(\.index) == taken, "\(context): left out \(appended.taken), not \(taken)")
        model = next
      case .taken(let found):
        try require(!skips && found.map(\.index) == taken, "\(context): taken \(found), not \(taken)")
      case .failed(let error): throw error
      }
      if round % 10 == 9 {
        set.close()
        set = try openSet("appends-\(seed)", world)
      }
      try require(set.state.elements == UInt64(model.count), "\(context): \(set.state.elements) events, not \(model.count)")
    }
    let expected = model.map { SeenEvent(ulid: $0.key, body: $0.value) }.sorted { $0.ulid < $1.ulid }
    try require(try set.rangeAll() == expected, "seed \(seed): the range is not the model in order of happening")
    try require(Set(try set.feedAll(pageEvents: 3).events) == Set(expected), "seed \(seed): the feed is not the set")
    try set.proveSound("seed \(seed)")
    set.close()
  }

  /// Merge is commutative, associative and idempotent: nodes that exchange in random orders and pages end with equal clocks, sets and
  /// audit sums. Holes, altered records and another database's are refused, and change nothing.
  public func checkMerges(seed: UInt64) async throws {
    var maker = EventMaker(seed: seed)
    let world = ManualWorld(seed: seed)
    var sets: [EventSet] = []
    for node in 0..<3 { sets.append(try openSet("merges-\(seed)-\(node)", world)) }
    for _ in 0..<40 {
      world.advance(milliseconds: Int64(maker.random.next() % 5))
      let here = Int(maker.random.next() % 3)
      if maker.random.chance(1, in: 2) {
        _ = await sets[here].append(Draft((0..<maker.random.next() % 6).map { _ in maker.event(8) }, world: world.world))
      } else {
        let there = Int(maker.random.next() % 3)
        try await sets[here].pull(from: sets[there], pageBytes: [1, 400, 1 << 20][Int(maker.random.next() % 3)], pagesMax: 2)
      }
    }
    for _ in 0..<2 { for here in sets { for there in sets where here !== there { try await here.pull(from: there) } } }
    let first = sets[0]
    for set in sets {
      try require(set.state.clock == first.state.clock, "seed \(seed): clocks differ after full exchange")
      try require(set.state.sum == first.state.sum && set.state.elements == first.state.elements, "seed \(seed): audit sums differ")
      try require(try set.rangeAll() == first.rangeAll(), "seed \(seed): sets differ")
      try set.proveSound("seed \(seed)")
      for other in sets {
        let (page, _) = try other.records(after: Clock())
        let merged = try await set.merge(VerifiedPage(page))
        try require(merged.records == 0, "seed \(seed): a page merged twice brought \(merged.records) records")
      }
    }
    try await checkRefusals(seed: seed, from: first, world)
    for (node, set) in sets.enumerated() {
      let before = set.state
      set.close()
      let reopened = try openSet("merges-\(seed)-\(node)", world)
      let state = reopened.state
      try require(state.clock == before.clock && state.own == before.own, "seed \(seed): the clock did not survive being opened again")
      try require(
        state.sum == before.sum && state.conflicts == before.conflicts && state.voids == before.voids && state.hlc == before.hlc,
        "seed \(seed): counts did not survive being opened again")
      reopened.close()
    }
    try await checkUnprovenForks(seed: seed)
  }

  /// Two files that append under one origin are a fork: neither takes the other's records as its own log's, and a clock of the one suppresses
  /// nothing at the other.
  private func checkUnprovenForks(seed: UInt64) async throws {
    var sets: [EventSet] = []
    for body in ["1", "2"] {
      // Worlds of one seed draw one origin.
      let world = ManualWorld(seed: seed)
      let set = try openSet("unproven-\(seed)-\(body)", world)
      for i in 0..<3 {
        let ulid = ULID(at: Instant(milliseconds: Int64(i)), low80: 0)
        try await set.appendAll(Draft([(ulid, i == 0 ? "{}" : "{\"v\":\(body)}", [])], world: world.world))
      }
      sets.append(set)
    }
    try require(sets[0].state.own == sets[1].state.own, "seed \(seed): the fork has two origins")
    try await requireRefused(try sets[1].records(after: Clock()).page, sets[0], held: 3, "seed \(seed): a fork was merged")
    let foreign = sets[1].state.clock
    try require(try sets[0].feedAll(after: foreign).events.count == 3, "seed \(seed): a forked clock suppressed events")
    for set in sets { set.close() }
  }

  private func checkRefusals(seed: UInt64, from full: EventSet, _ world: ManualWorld) async throws {
    let (page, _) = try full.records(after: Clock())
    guard page.entries.count > 1 else { return }
    let empty = try openSet("refusals-\(seed)", world)
    let stranger = try openSet("stranger-\(seed)", world, as: "other")
    var random = SeededRandom(seed: seed)
    for _ in 0..<10 {
      var altered = page.bytes
      altered[Int(random.next() % UInt64(altered.count))] ^= 1 << UInt8(random.next() % 8)
      var copy = RecordPage()
      for entry in page.entries { copy.add(entry.dot, altered.raw.extracting(entry.range)) }
      try await requireRefused(copy, empty, "seed \(seed): an altered record was merged")
    }
    var hole = RecordPage()
    for entry in page.entries where entry.dot.n > 1 { hole.add(entry.dot, page.bytes.raw.extracting(entry.range)) }
    if !hole.entries.isEmpty { try await requireRefused(hole, empty, "seed \(seed): a hole was merged") }
    try await requireRefused(page, stranger, "seed \(seed): another database's records were merged")
    empty.close()
    stranger.close()
  }

  private func requireRefused(_ page: RecordPage, _ set: EventSet, held: Int = 0, _ what: String) async throws {
    do {
      _ = try await set.merge(VerifiedPage(page))
    } catch {
      guard error.code == .refused else { throw error }
      return try require(set.state.records == held && set.rangeAll().count == held, "\(what), and was refused only afterwards")
    }
    throw LawBroken(description: what)
  }

  /// The feed's rule: a consumer that wanders between nodes with one clock misses nothing; if it reads only at nodes that hold all that
  /// its clock covers, nothing comes twice.
  public func checkFeed(seed: UInt64) async throws {
    for onlyCovered in [false, true] {
      var maker = EventMaker(seed: seed, bodies: 1)
      let world = ManualWorld(seed: seed)
      var sets: [EventSet] = []
      for node in 0..<3 { sets.append(try openSet("feed-\(seed)-\(onlyCovered)-\(node)", world)) }
      var token = Clock()
      var got: [SeenEvent] = []
      for _ in 0..<60 {
        world.advance(milliseconds: Int64(maker.random.next() % 3))
        let here = sets[Int(maker.random.next() % 3)]
        switch maker.random.next() % 4 {
        case 0, 1: _ = await here.append(Draft((0..<maker.random.next() % 3).map { _ in maker.event() }, world: world.world))
        case 2: try await here.pull(from: sets[Int(maker.random.next() % 3)], pageBytes: 300, pagesMax: 3)
        default:
          if onlyCovered, !here.state.clock.covers(token) { continue }
          (got, token) = try read(here, got, token, limit: [1, 2, 50][Int(maker.random.next() % 3)])
        }
      }
      for _ in 0..<3 { for here in sets { for there in sets where here !== there { try await here.pull(from: there) } } }
      for set in sets { (got, token) = try read(set, got, token, limit: .max) }
      let all = Set(try sets[0].rangeAll())
      try require(Set(got) == all, "seed \(seed): the consumer missed \(all.subtracting(got).count) events")
      if onlyCovered { try require(got.count == all.count, "seed \(seed): \(got.count - all.count) events came twice") }
      for set in sets { set.close() }
    }
  }

  private func read(_ set: EventSet, _ got: [SeenEvent], _ token: Clock, limit: Int) throws -> ([SeenEvent], Clock) {
    var got = got
    var count = 0
    // A token is what travels, so its text takes part.
    guard let sent = Clock(token: token.token) else { throw LawBroken(description: "a clock does not survive its token") }
    let page = try set.feed(after: sent, digests: true) { (event, body) throws(StoreError) in
      guard event.digest == Digest.sha256(body).first16 else { throw StoreError(.damaged, "the digest told isn't the body's") }
      got.append(SeenEvent(ulid: event.ulid, body: String(decoding: [UInt8](copying: body), as: UTF8.self)))
      count += 1
      return count < limit
    }
    return (got, page.clock)
  }
}
