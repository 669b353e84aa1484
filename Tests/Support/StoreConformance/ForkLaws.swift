import EventModel
import EventStore
import Synchronization

extension StoreConformance {
  /// A log that lost a fork is cut and goes on with the one that won: the set is what both held, everything that lists records is right, the
  /// loser's own events are recorded in a log of its own, and whoever goes on from a clock of the lost log misses nothing. What won stays.
  public func checkForks(seed: UInt64) async throws {
    let pair = try await fork(seed, "forks")
    let (winner, loser) = (pair.winner, pair.loser)
    let context = "seed \(seed)"
    try require(loser.state.own == pair.origin && winner.state.own == pair.origin, "\(context): the fork has two origins")
    let before = (all: try loser.rangeAll(), clock: loser.state.clock)
    let read = try loser.feedAll(pageEvents: 3)
    let lost = try loser.proof(of: loser.head(), beyond: winner.state.clock)
    try require(try await winner.repair(by: lost).isEmpty, "\(context): the log that won was cut")
    let merged = try await loser.merge(pair.proof())
    try require(loser.state.clock.entry(pair.origin) == winner.state.clock.entry(pair.origin), "\(context): the log is not the winner's")
    try require(merged.clock == loser.state.clock, "\(context): the merge told another clock than there is")
    try require(loser.state.own != pair.origin, "\(context): the own log is still the one that forked")
    try require(loser.state.forked[pair.origin] == 1, "\(context): the repair was not counted")
    try loser.proveSound(context)
    let wanted = Set(before.all).union(try winner.rangeAll())
    try require(Set(try loser.rangeAll()) == wanted, "\(context): the set is not what both held")
    let rest = try loser.feedAll(after: read.clock, pageEvents: 3)
    try require(Set(read.events + rest.events) == wanted, "\(context): a consumer missed an event")
    try await checkMergedElsewhere(pair, context)
    loser.close()
    winner.close()
    let reopened = try openSet(pair.loserName, ManualWorld(seed: seed))
    try require(reopened.state.clock == loser.state.clock && reopened.state.sum == loser.state.sum, "\(context): it did not last")
    try require(reopened.state.forked == loser.state.forked, "\(context): that the log has forked was forgotten")
    reopened.close()
  }

  /// A merge of the winner's logs and of the one that the loser recorded anew gives the same set.
  private func checkMergedElsewhere(_ pair: ForkedPair, _ context: String) async throws {
    let fresh = try openSet("forks-\(pair.loserName)", ManualWorld(seed: 99))
    try await fresh.pull(from: pair.winner)
    try await fresh.pull(from: pair.loser)
    let (a, b) = (fresh.state, pair.loser.state)
    try require(a.clock == b.clock && a.sum == b.sum && a.elements == b.elements, "\(context): a merge of the same logs is another set")
    try require(
      a.records == b.records && a.conflicts == b.conflicts && a.voids == b.voids,
      "\(context): counts are \(b.records) \(b.conflicts) \(b.voids), a merge of the same logs has \(a.records) \(a.conflicts) \(a.voids)")
    try require(
      try pair.loser.clock(heldAt: Instant(milliseconds: 4_000_000_000_000)) == b.clock, "\(context): arrivals are not what came")
    fresh.close()
  }

  /// A process that dies in the midst of a repair leaves the set as it was, or repaired; the next one repairs it.
  public func checkForkCrashes(seed: UInt64) async throws {
    for stage in WriterStage.allCases {
      let dies = Mutex(false)
      var options = EventSetOptions()
      options.atStage = { dies.withLock { $0 } && $0 == stage ? .die : .goOn }
      let pair = try await fork(seed, "fork-crash-\(stage)", options)
      let context = "seed \(seed), died \(stage)"
      let wanted = Set(try pair.loser.rangeAll()).union(try pair.winner.rangeAll())
      let held = Set(try pair.loser.rangeAll())
      let proof = try pair.proof()
      dies.withLock { $0 = true }
      pair.loser.cut(try pair.cut()) { _ in }
      pair.loser.close()
      let reopened = try openSet(pair.loserName, ManualWorld(seed: seed &+ 5))
      try require(Set(try reopened.rangeAll()) == held, "\(context): the set is another one")
      try reopened.proveSound(context)
      _ = try await reopened.merge(proof)
      try reopened.proveSound("\(context), repaired")
      try require(Set(try reopened.rangeAll()) == wanted, "\(context): events are gone")
      try require(
        reopened.state.clock.entry(pair.origin) == pair.winner.state.clock.entry(pair.origin), "\(context): the log is not the winner's")
      reopened.close()
      pair.winner.close()
    }
  }

  /// A log that is cut before a damaged record loses what was recorded nowhere else, and says so; all else stays, and lists are right.
  public func checkDamageCut(seed: UInt64) async throws {
    var maker = EventMaker(seed: seed)
    let world = ManualWorld(seed: seed)
    let (source, other) = (try openSet("damage-\(seed)-s", world), try openSet("damage-\(seed)-o", world))
    for set in [source, other, source] {
      _ = await set.append(Draft((0..<8).map { _ in maker.event(200) }, onTaken: .skip, world: world.world))
    }
    let set = try openSet("damage-\(seed)", world)
    try await set.pull(from: source)
    try await set.pull(from: other)
    guard let head = source.state.own.flatMap({ set.state.clock.entry($0) }) else { return }
    let dot = Dot(origin: head.origin, n: 1 + maker.random.next() % head.n)
    let before = Set(try set.rangeAll())
    try set.spoil(dot)
    let left = Set(try set.rangeAll())
    let context = "seed \(seed), \(dot.n) of \(head.n)"
    guard let cut = try set.damageCut(of: dot.origin) else { throw LawBroken(description: "\(context): the damage was not found") }
    let outcome = try await set.cut(cut)
    try require(set.damaged.isEmpty && set.state.clock[head.origin] == dot.n - 1, "\(context): the log does not end before it")
    try require(Set(try set.rangeAll()) == left, "\(context): a readable event is gone")
    try require(outcome.lost == (left == before ? [] : [dot]), "\(context): told of \(outcome.lost)")
    try set.proveSound(context)
    for set in [source, other, set] { set.close() }
  }

  private func fork(_ seed: UInt64, _ name: String, _ options: EventSetOptions = EventSetOptions()) async throws -> ForkedPair {
    let third = try await third(seed, name)
    var maker = EventMaker(seed: seed)
    let common = (0..<maker.random.next() % 5).map { _ in maker.event() }
    let lengths = maker.random.chance(1, in: 3) ? [6, 6] : [5, 6 + Int(maker.random.next() % 5)].shuffled(using: &maker.random)
    var sets: [EventSet] = []
    for (side, length) in lengths.enumerated() {
      let world = ManualWorld(seed: seed)
      let set = try openSet("\(name)-\(seed)-\(side)", world, options)
      try await set.appendAll(Draft([(ULID(at: world.now, low80: 7), "{}", [])], world: world.world))
      _ = await set.append(Draft(common, onTaken: .skip, world: world.world))
      let end = set.state.records + UInt64(length)
      var own = EventMaker(seed: seed &* 31 &+ UInt64(side))
      while let origin = set.state.own, set.state.clock[origin] < end {
        world.advance(milliseconds: 5)
        _ = await set.append(Draft([own.event(200)], onTaken: .skip, world: world.world))
        if own.random.chance(1, in: 4) { try await set.pull(from: third, pageBytes: 1, pagesMax: 2) }
      }
      sets.append(set)
    }
    third.close()
    let wins = try sets[0].head().wins(over: sets[1].head())
    return try ForkedPair(winner: sets[wins ? 0 : 1], loser: sets[wins ? 1 : 0], loserName: "\(name)-\(seed)-\(wins ? 1 : 0)")
  }

  /// A node whose events both sides may have, too.
  private func third(_ seed: UInt64, _ name: String) async throws -> EventSet {
    let world = ManualWorld(seed: seed &+ 1000)
    let third = try openSet("\(name)-\(seed)-third", world)
    var maker = EventMaker(seed: seed &+ 2)
    for _ in 0..<6 { _ = await third.append(Draft([maker.event(200), maker.event(200)], onTaken: .skip, world: world.world)) }
    return third
  }
}

/// Two files of one past that both went on under one origin: worlds of one seed draw one origin and the same salts.
private struct ForkedPair {
  let winner: EventSet
  let loser: EventSet
  let loserName: String
  let head: Clock.Entry

  init(winner: EventSet, loser: EventSet, loserName: String) throws {
    (self.winner, self.loser, self.loserName, head) = (winner, loser, loserName, try winner.head())
  }

  var origin: Origin { head.origin }

  /// The winner's records that the loser lacks, and all of the log that has forked.
  func proof() throws -> VerifiedPage { try winner.proof(of: head, beyond: loser.state.clock) }

  /// Where the loser's log is to be cut.
  func cut() throws -> LogCut {
    var n: UInt64 = 0
    while let chain = try winner.chain(n + 1, of: origin), try loser.chain(n + 1, of: origin) == chain { n += 1 }
    let chain = try winner.chain(n, of: origin) ?? Chain.start(database: winner.name, origin: origin)
    return LogCut(origin, after: n, chain: chain, .fork(head))
  }
}

extension EventSet {
  fileprivate func head() throws -> Clock.Entry {
    guard let own = state.own, let head = state.clock.entry(own) else { throw LawBroken(description: "there is no own log") }
    return head
  }

  fileprivate func proof(of head: Clock.Entry, beyond clock: Clock) throws -> VerifiedPage {
    var clock = clock
    clock.set(Clock.Entry(origin: head.origin, n: 0, digest: 0))
    var (page, _) = try records(after: clock)
    page.forks = [head]
    return try VerifiedPage(page)
  }

  fileprivate func chain(_ n: UInt64, of origin: Origin) throws -> Digest? {
    try store.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in
      guard let record = try reader.get(.log, StoreKey.dot(origin, n).raw) else { return nil }
      return Digest(reading: record, at: Record.Offset.chain)
    }
  }
}
