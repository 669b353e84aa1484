import EventModel
package import EventStore
import Synchronization
package import ViewEngine
package import ViewKit

/// A database that is open at this node: its event set, and what its declaration says.
package final class OpenedDatabase: Sendable {
  package let name: String
  package let set: EventSet
  /// What was declared under this name, if anything was.
  package let declared: CompiledDatabase?
  /// Its views: those that are declared, and those that were attached.
  package let views: ViewEngine
  /// The views of this build, of any database.
  let compiledViews: [CompiledView]
  /// What others hold of it.
  let holders = Holders()
  let hookFailures = HookFailures()
  private let standing = Atomic(Standing.open)
  private let streams = Atomic(0)

  /// Whether it may be asked.
  private enum Standing: UInt8, AtomicRepresentable {
    case open
    /// It is damaged: what is held can be read, so that others get it, but nothing is recorded.
    case leaving
    case setAside
    case removed
  }

  /// - Parameter compiledViews: what may be attached to it, if it is over the same events.
  /// - Throws: what the store throws.
  package init(name: String, set: EventSet, declared: CompiledDatabase?, compiledViews: [CompiledView] = []) throws(StoreError) {
    self.name = name
    self.set = set
    self.declared = declared
    self.compiledViews = compiledViews
    let database = declared ?? .undeclared(name)
    views = ViewEngine(set, database, attachable: compiledViews.filter(database.takes), attached: try ViewEngine.attached(to: set))
    views.sweepDetached()
    if views.database.views.contains(where: \.isKeptUp) { Task.detached { [views] in await views.keepUp() } }
  }

  /// Queues an append; `done` is called on the writer's thread once it is on disk, or was refused.
  package func append(_ draft: Draft, done: @escaping @Sendable (Result<Appended, LaterbaseError>) -> Void) {
    if let error = refusal { return done(.failure(error)) }
    set.append(draft) { [self] outcome in done(result(of: outcome)) }
  }

  /// Appends all events of a draft or none, and returns when they are on this node's disk.
  package func append(_ draft: Draft) async throws(LaterbaseError) -> Appended {
    if let error = refusal { throw error }
    return try result(of: await set.append(draft)).get()
  }

  /// Queues an append whose outcome nobody waits for.
  /// - Throws: what was refused at once: too much waits, or the database is closed.
  func queue(_ draft: Draft) throws(LaterbaseError) {
    let slot = Slot<LaterbaseError>()
    append(draft) { outcome in
      if case .failure(let error) = outcome { slot.put(error) }
    }
    if let error = slot.value { throw error }
  }

  private func result(of outcome: AppendOutcome) -> Result<Appended, LaterbaseError> {
    switch outcome {
    case .recorded(let appended): .success(appended)
    case .taken(let taken): .failure(.taken(taken))
    case .failed(let error): .failure(self.error(error))
    }
  }

  /// What a failure of the store means here: after a removal, that the database is gone.
  package func error(_ error: StoreError) -> LaterbaseError {
    if error.code == .closed, let ended { return ended }
    return LaterbaseError(error)
  }

  /// Why nothing can be read any more.
  private var ended: LaterbaseError? {
    switch standing.load(ordering: .acquiring) {
    case .open, .leaving: nil
    case .setAside: .setAside(name)
    case .removed: .noDatabase(name)
    }
  }

  /// Why nothing is recorded any more.
  private var refusal: LaterbaseError? { standing.load(ordering: .acquiring) == .leaving ? .setAside(name) : ended }

  /// Runs a read, with the store's errors as this library's.
  package func reading<R>(_ body: (EventSet) throws(StoreError) -> R) throws(LaterbaseError) -> R {
    if let ended { throw ended }
    do throws(StoreError) { return try body(set) } catch { throw self.error(error) }
  }

  /// Counts an answer that reads in several pieces, so that a removal can wait for it.
  package func beginStream() { streams.wrappingAdd(1, ordering: .relaxed) }
  package func endStream() { streams.wrappingSubtract(1, ordering: .relaxed) }

  /// Lets streams under way end, commits what is queued, wakes who waits, and closes the store.
  func remove(grace: Duration) async { await end(.removed, grace) }

  /// The same of one that is damaged: whoever asks for it gets another one soon.
  func setAside(grace: Duration) async { await end(.setAside, grace) }

  /// Records nothing any more, or again.
  func setLeaving(_ isLeaving: Bool) {
    let (from, to): (Standing, Standing) = isLeaving ? (.open, .leaving) : (.leaving, .open)
    _ = standing.compareExchange(expected: from, desired: to, ordering: .acquiringAndReleasing)
  }

  private func end(_ standing: Standing, _ grace: Duration) async {
    self.standing.store(standing, ordering: .releasing)
    let deadline = ContinuousClock.now + grace
    while streams.load(ordering: .relaxed) > 0, ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(20)) }
    close()
  }

  /// Commits what is queued, and closes the store. Blocks.
  func close() {
    views.close()
    set.close()
    holders.close()
  }
}

extension LaterbaseError {
  package static func noDatabase(_ name: String) -> LaterbaseError { LaterbaseError(.noDatabase, "there is no database \(name) here") }

  static func setAside(_ name: String) -> LaterbaseError {
    LaterbaseError(.notReady, "the database \(name) is damaged; it is being set aside, and filled again by other nodes: ask again")
  }

  static func taken(_ taken: [Taken]) -> LaterbaseError {
    LaterbaseError(
      .taken, "\(taken.count == 1 ? "a ULID belongs" : "\(taken.count) ULIDs belong") to events with other bodies",
      faults: taken.map { Fault(index: $0.index, pointer: "/_id", detail: "\($0.ulid) is another event's") })
  }
}
