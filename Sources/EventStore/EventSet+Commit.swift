internal import EventModel
import Synchronization

extension EventSet {
  /// What the writer's thread remembers between commits.
  struct Session: Sendable {
    /// The store's generation for which the own origin was compared with its file, and a new mark written.
    var boundGeneration: UInt64?
    /// A binding whose mark is beside the data, and not yet in it.
    var pending: OriginBinding?
  }

  private struct Group {
    var state: SetState
    var changed: Bool
    var repaired: Set<Origin> = []
    var damaged: [Origin: UInt64] = [:]
    var sawOwnElsewhere = false
    var outcomes: [AppendOutcome] = []
    /// Of each rider, whether it was put.
    var ridden: [Bool] = []
    var merged: Result<Merged, StoreError>?
    var cut: Result<CutStep, StoreError>?

    /// Whether a cut took a damaged record away.
    func ended(_ origin: Origin, before n: UInt64?) -> Bool {
      guard case .success(let step)? = cut, step.end.origin == origin, let n else { return false }
      return step.keeps < n
    }
  }

  private enum Attempt {
    case done(Group)
    /// The store was opened anew under way, or damage was found: begin again from what is known now.
    case again
    case died
  }

  /// Records a group in one transaction, and publishes. On the writer's thread.
  /// - Parameter riders: slices that go along.
  /// - Returns: what answers those who wait; nil if a stage said that the process died.
  func commit(
    _ appends: [Writer.Append], _ merge: Writer.Merge?, _ repair: Writer.Repair? = nil, riders: [SliceRider] = []
  ) -> (() -> Void)? {
    guard goesOn(.admitted) else { return nil }
    var riders = riders
    do {
      for _ in 0..<8 {
        switch try attempt(appends, merge, repair, &riders) {
        case .died: return nil
        case .again: continue
        case .done(let group):
          guard goesOn(.persisted) else { return nil }
          publish(group)
          guard goesOn(.published) else { return nil }
          return { [riders] in
            for (rider, isPut) in zip(riders, group.ridden) { rider.done(.success(isPut)) }
            for (append, outcome) in zip(appends, group.outcomes) { append.done(outcome) }
            if let merge, let merged = group.merged { merge.done(merged) }
            if let repair { repair.done(group.cut ?? .failure(StoreError(.closed, "the repair was not made"))) }
          }
        }
      }
      return failure(appends, merge, repair, riders, StoreError(.storage, "the store was opened anew again and again"))
    } catch {
      return failure(appends, merge, repair, riders, error)
    }
  }

  private func failure(
    _ appends: [Writer.Append], _ merge: Writer.Merge?, _ repair: Writer.Repair?, _ riders: [SliceRider], _ error: StoreError
  ) -> () -> Void {
    {
      for rider in riders { rider.done(.failure(error)) }
      for append in appends { append.done(.failed(error)) }
      merge?.done(.failure(error))
      repair?.done(.failure(error))
    }
  }

  private func goesOn(_ stage: WriterStage) -> Bool { options.atStage?(stage) != .die }

  private func attempt(
    _ appends: [Writer.Append], _ merge: Writer.Merge?, _ repair: Writer.Repair?, _ riders: inout [SliceRider]
  ) throws(StoreError) -> Attempt {
    let wall = world.now()
    var generation = store.generation
    if session.withLock({ $0.boundGeneration }) != generation {
      // Asked in a read, so that the storage is open: were it opened after a new start mark was written, that would cost an origin.
      generation = try store.read { (_: borrowing any StoreReader & ~Copyable) throws(StoreError) in store.generation }
    }
    try reload(ifNot: generation)
    // Before the origin is chosen: damage that is found afterwards must not shorten the log that is appended to.
    let (state, damaged) = published.withLock { ($0.state, $0.damaged) }
    let mayMint = !appends.isEmpty || repair?.cut != nil
    let bound = mayMint ? try bindOrigin(generation, wall, leaving: repair?.cut?.origin) : nil
    guard goesOn(.marked) else { return .died }
    var size =
      repair?.cut.map { LogCut.size($0, state) }
      ?? WriteSize(
        bytes: appends.reduce(merge?.page.bytes.count ?? 0) { $0 + $1.draft.bodyBytes },
        events: appends.reduce(merge?.page.records.count ?? 0) { $0 + $1.draft.items.count })
    for rider in riders { (size.bytes, size.events) = (size.bytes + rider.size.bytes, size.events + rider.size.events) }
    var died = false
    var thrown: (rider: SliceRider, error: StoreError)?
    let along = riders
    var found: [Dot] = []
    let result: Group?
    do {
      result = try store.write(size) { (transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError) -> Group? in
        guard store.generation == generation else { return nil }
        var recorder = Recorder(
          name: name, wall: wall, driftMaxMilliseconds: options.driftMaxMilliseconds, state: state, broken: Set(damaged.keys))
        if let bound { try recorder.bind(bound, transaction) }
        var group = Group(state: state, changed: false)
        thrown = nil
        for rider in along {
          do throws(StoreError) { group.ridden.append(try rider.put(transaction, state)) } catch {
            thrown = (rider, error)
            throw error
          }
        }
        group.outcomes.reserveCapacity(appends.count)
        for append in appends { group.outcomes.append(try recorder.append(append.draft, transaction)) }
        found = recorder.unreadable.filter { $0.n < damaged[$0.origin] ?? .max }
        // It ends its log, which may be the one that is appended to.
        if !found.isEmpty { throw StoreError(.damaged, "damaged records were found") }
        if let merge { group.merged = try recorder.merge(merge.page, transaction) }
        if let repair { group.cut = try run(repair, &recorder, transaction) }
        try recorder.finish(transaction)
        group.state = recorder.state
        group.changed = recorder.changed
        group.repaired = recorder.repaired
        group.damaged = recorder.damaged
        group.sawOwnElsewhere = recorder.sawOwnElsewhere
        guard goesOn(.applied) else {
          died = true
          throw StoreError(.closed, "the process died")
        }
        return group
      }
    } catch {
      if died { return .died }
      if let thrown {
        // The others go without it.
        riders.removeAll { $0 === thrown.rider }
        thrown.rider.done(.failure(thrown.error))
        return .again
      }
      if error.code == .diskFull, !riders.isEmpty, !appends.isEmpty || merge != nil || repair != nil {
        // Without them there may be room.
        for rider in riders { rider.done(.failure(error)) }
        riders = []
        return .again
      }
      if !found.isEmpty {
        try store.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in for dot in found { noteDamage(dot, reader) }
        }
        return .again
      }
      if error.code == .outcomeUnknown { session.withLock { $0 = Session() } }
      throw error
    }
    guard let group = result else { return .again }
    // A merge writes no binding: one that waits goes on waiting.
    if mayMint { session.withLock { $0 = Session(boundGeneration: generation, pending: nil) } }
    return .done(group)
  }

  /// Reads the state again if the store was opened anew since.
  private func reload(ifNot generation: UInt64) throws(StoreError) {
    guard published.withLock({ $0.generation }) != generation else { return }
    let loaded = try Self.load(name, store, damaged: damaged)
    adopt(loaded, if: { _ in true })
  }

  /// Before the first commit after an open: compares the own origin's binding with the file, mints a new origin if anything differs, and
  /// writes a new mark beside the data. Later: mints one if the present was seen elsewhere, has forked, is damaged, or its clock ran away.
  /// - Parameter leaving: an origin that nothing is to be appended under any more.
  /// - Returns: the binding to be written in the commit's own transaction; nil if the present one stands.
  private func bindOrigin(_ generation: UInt64, _ wall: Instant, leaving: Origin?) throws(StoreError) -> OriginBinding? {
    let (mustMint, hlc, badOwn) = published.withLock { published in
      let own = published.state.own
      let isBad = own.map { published.damaged[$0] != nil || published.state.forked[$0] != nil || $0 == leaving } ?? false
      return (published.mustMint, published.state.hlc, isBad)
    }
    let mint = mustMint || badOwn || hlc.isSuspect(wall: wall, driftMaxMilliseconds: options.driftMaxMilliseconds)
    let known = session.withLock { $0 }
    if known.boundGeneration == generation, known.pending == nil, !mint { return nil }
    var binding: OriginBinding
    if known.boundGeneration == generation, let pending = known.pending {
      binding = pending
    } else if known.boundGeneration == generation, let stored = try storedBinding() {
      binding = stored
    } else {
      let place = try store.place()
      let mark = try store.startMark()
      let stored = try storedBinding()
      let same = stored != nil && stored?.place == place && stored?.mark == mark
      var newMark: [UInt8] = []
      newMark.appendBigEndian(world.random128())
      binding = OriginBinding(origin: stored?.origin ?? newOrigin(), mark: newMark, place: place)
      if stored != nil, !same { binding.origin = newOrigin() }
      try store.setStartMark(newMark)
    }
    if mint { binding.origin = newOrigin() }
    session.withLock { $0 = Session(boundGeneration: generation, pending: binding) }
    return binding
  }

  private func newOrigin() -> Origin { Origin(value: world.random()) }

  private func storedBinding() throws(StoreError) -> OriginBinding? {
    try store.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in try OriginBinding.stored(in: reader) }
  }

  private func publish(_ group: Group) {
    let version = published.withLock { published in
      let version = published.state.version + (group.changed ? 1 : 0)
      let served = published.state.clock
      // What was seen of the origin before no longer matters once another is committed, and not sooner.
      if published.state.own != group.state.own { published.mustMint = false }
      if group.sawOwnElsewhere { published.mustMint = true }
      published.state = group.state
      published.state.version = version
      for origin in published.damaged.keys {
        // A damaged record that was written again serves its log again; one that was found meanwhile ends it.
        if group.repaired.contains(origin) {
          published.damaged[origin] = group.damaged[origin]
        } else if group.ended(origin, before: published.damaged[origin]) {
          published.damaged[origin] = nil
        } else {
          published.state.clock.set(served.entry(origin) ?? Clock.Entry(origin: origin, n: 0, digest: 0))
        }
      }
      return version
    }
    if group.changed { changes.announce(version) }
  }

  /// Runs a view's slice in a transaction of its own. On the writer's thread.
  func commitSlice<R>(
    _ size: WriteSize, _ body: (borrowing any StoreWriter & ~Copyable, SetState) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    let state = self.state
    return try store.write(size) { (transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
      try body(transaction, state)
    }
  }
}
