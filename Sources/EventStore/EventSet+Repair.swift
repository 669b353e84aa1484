public import EventModel
import Synchronization

/// Told of each cut, in its own transaction, what it makes untrue: the entry that clocks drop to, and the elements whose records, or
/// whose voids' records, are others now.
package struct LoweredLog: Sendable {
  /// Where the log ends now; n = 0: nothing is left of it.
  package let end: Clock.Entry
  package let moved: Set<ULID>
  /// Up to where other logs hold these elements now: a clock that covers this covers them.
  package let needs: [Origin: UInt64]
  /// Whether elements are gone: their only records were damaged.
  package let isLossy: Bool
}

package typealias CutKeeper = @Sendable (LoweredLog, borrowing any StoreWriter & ~Copyable) throws(StoreError) -> Void

extension EventSet {
  /// Has whoever keeps clocks and HLCs in the store put them right in the transaction of each cut. For the life of the set.
  package func whenCut(_ keeper: @escaping CutKeeper) { keepers.withLock { $0.append(keeper) } }

  /// Cuts the end of a log. What was recorded nowhere else is recorded in the own log, a new one if the own log is cut; a long end goes in
  /// several transactions, each of which leaves a log without a hole.
  /// - Throws: `refused` if the log is another one than the cut says, or, of a fork, has won meanwhile.
  @discardableResult
  public func cut(_ cut: LogCut) async throws(StoreError) -> CutOutcome {
    var all = CutOutcome()
    while true {
      let result = await withCheckedContinuation { continuation in
        self.cut(cut) { continuation.resume(returning: $0) }
      }
      let (outcome, isDone) = try result.get()
      all.add(outcome)
      if isDone { return all }
    }
  }

  /// Queues as much of a cut as one transaction takes; `done` is called on the writer's thread once that is on disk, or was refused.
  public func cut(_ cut: LogCut, done: @escaping @Sendable (Result<(outcome: CutOutcome, isDone: Bool), StoreError>) -> Void) {
    writer.submit(Writer.Repair(work: .cut(cut)) { result in done(result.map { (CutOutcome($0), $0.isDone) }) })
  }

  /// Cuts the logs held here that a page proves to have lost a fork: it says that another log of the origin wins, and has the first record
  /// in which the two differ; or it has another record where the log held here is damaged, and ends.
  /// - Returns: what was cut.
  @discardableResult
  public func repair(by page: VerifiedPage) async throws(StoreError) -> [(cut: LogCut, outcome: CutOutcome)] {
    var done: [(cut: LogCut, outcome: CutOutcome)] = []
    for cut in try lostForks(by: page) { done.append((cut, try await self.cut(cut))) }
    return done
  }

  /// The cuts of the logs held here that a page proves to have lost a fork.
  package func lostForks(by page: VerifiedPage) throws(StoreError) -> [LogCut] {
    let damaged = self.damaged
    if page.forks.isEmpty, damaged.isEmpty { return [] }
    return try read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
      var cuts: [LogCut] = []
      for winner in page.forks {
        guard let held = state.clock.entry(winner.origin), winner.wins(over: held) else { continue }
        if let (n, chain) = try lastCommon(held, page, reader) {
          cuts.append(LogCut(winner.origin, after: n, chain: chain, .fork(winner)))
        }
      }
      for item in page.records where damaged[item.dot.origin] == item.dot.n && state.clock[item.dot.origin] == item.dot.n - 1 {
        guard try Recorder.hidden(item, reader) == .another else { continue }
        let before = try chain(at: Dot(origin: item.dot.origin, n: item.dot.n - 1), reader)
        guard let before, item.chain(after: before) == item.header.chain else { continue }
        let winner = Clock.Entry(origin: item.dot.origin, n: item.dot.n, digest: item.header.chain.first8)
        if cuts.contains(where: { $0.origin == winner.origin }) { continue }
        cuts.append(LogCut(winner.origin, after: winner.n - 1, chain: before, .fork(winner)))
      }
      return cuts
    }
  }

  /// The last record before a page differs from a log held here; nil: it doesn't, or begins behind that.
  private func lastCommon(
    _ held: Clock.Entry, _ page: VerifiedPage, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) -> (n: UInt64, chain: Digest)? {
    for item in page.records where item.dot.origin == held.origin && item.dot.n <= held.n {
      if try chain(at: item.dot, reader) == item.header.chain { continue }
      let before = try chain(at: Dot(origin: held.origin, n: item.dot.n - 1), reader)
      guard let before, item.chain(after: before) == item.header.chain else { return nil }
      return (item.dot.n - 1, before)
    }
    return nil
  }

  /// The chain digest of a log held here; at 0 that which every log of the origin begins with.
  private func chain(at dot: Dot, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) -> Digest? {
    if dot.n == 0 { return Chain.start(database: name, origin: dot.origin) }
    guard let record = try reader.get(.log, StoreKey.dot(dot).raw), Record.isIntact(record, at: dot) else { return nil }
    return Digest(reading: record, at: Record.Offset.chain)
  }

  /// Looks whether a record that is held is damaged, and notes it if it is: for damage that was known before a restart.
  public func look(at dot: Dot) throws(StoreError) {
    try read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
      guard state.clock[dot.origin] >= dot.n, try Self.entry(reader, dot) == nil else { return }
      noteDamage(dot, reader)
    }
  }

  /// The cut of a log before its first damaged record; nil: none is known.
  public func damageCut(of origin: Origin) throws(StoreError) -> LogCut? {
    try read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
      guard damaged[origin] != nil else { return nil }
      let n = state.clock[origin]
      return try chain(at: Dot(origin: origin, n: n), reader).map { LogCut(origin, after: n, chain: $0, .damage) }
    }
  }

  /// Keeps that there are two logs of these origins: then a clock's entry above what is held counts for nothing, and the own log, if it is
  /// one of them, isn't appended to. Queued, if it isn't known yet.
  public func noteForks(_ origins: some Sequence<Origin>) {
    let state = self.state
    let new = origins.filter { state.forked[$0] == nil }
    if !new.isEmpty { writer.submit(Writer.Repair(work: .note(new)) { _ in }) }
  }

  /// Runs a repair in the writer's transaction.
  func run(
    _ repair: Writer.Repair, _ recorder: inout Recorder, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) -> Result<CutStep, StoreError> {
    switch repair.work {
    case .note(let origins):
      for origin in origins where recorder.state.forked[origin] == nil { try recorder.noteFork(origin, transaction) }
      return .success(CutStep(end: Clock.Entry(origin: Origin(value: 0), n: 0, digest: 0)))
    case .cut(let cut):
      let result = try recorder.cut(cut, salt: world.random128, transaction)
      guard case .success(let step) = result else { return result }
      let lowered = LoweredLog(end: step.end, moved: step.moved, needs: step.needs, isLossy: !step.lost.isEmpty)
      try KeptClock.lower(to: step.end, transaction)
      for keeper in keepers.withLock({ $0 }) { try keeper(lowered, transaction) }
      return result
    }
  }
}
