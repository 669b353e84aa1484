public import EventModel
import Synchronization

extension EventSet {
  /// Queues an append; `done` is called on the writer's thread once it is on disk, or was refused.
  public func append(_ draft: Draft, done: @escaping @Sendable (AppendOutcome) -> Void) {
    writer.submit(Writer.Append(draft: draft, done: done))
  }

  /// Appends all events of a draft or none, and returns when they are on disk. Idempotent by element: what is held already is `known`.
  public func append(_ draft: Draft) async -> AppendOutcome {
    await withCheckedContinuation { continuation in
      append(draft) { continuation.resume(returning: $0) }
    }
  }

  /// Merges a page of records: all of it or nothing; what is held already changes nothing. A log that it proves to have lost a fork is cut
  /// before.
  /// - Throws: `refused` for a hole, an altered record, or a fork of which the page doesn't prove that the log held here loses.
  public func merge(_ page: VerifiedPage) async throws(StoreError) -> Merged {
    try await repair(by: page)
    let result = await withCheckedContinuation { continuation in
      merge(page) { continuation.resume(returning: $0) }
    }
    return try result.get()
  }

  /// Queues a merge; `done` is called on the writer's thread once it is on disk, or was refused. Pages merge in the order of these calls.
  public func merge(_ page: VerifiedPage, done: @escaping @Sendable (Result<Merged, StoreError>) -> Void) {
    writer.submit(Writer.Merge(page: page, done: done))
  }

  /// Runs a slice of a view's catch-up in a write transaction of its own, when no append waits, and at the latest after four times its
  /// own duration of appends. What it commits is flushed when this returns. `body` may run more than once.
  public func slice<R: Sendable>(
    _ size: WriteSize, _ body: @escaping @Sendable (borrowing any StoreWriter & ~Copyable, SetState) throws(StoreError) -> R
  ) async throws(StoreError) -> R {
    let result: Result<R, StoreError> = await withCheckedContinuation { continuation in
      slice(size, body) { continuation.resume(returning: $0) }
    }
    return try result.get()
  }

  /// Queues a slice; `done` is called on the writer's thread once it is on disk, or failed.
  public func slice<R: Sendable>(
    _ size: WriteSize, _ body: @escaping @Sendable (borrowing any StoreWriter & ~Copyable, SetState) throws(StoreError) -> R,
    done: @escaping @Sendable (Result<R, StoreError>) -> Void
  ) {
    writer.submit(
      Writer.Slice(
        run: { set in
          do throws(StoreError) { done(.success(try set.commitSlice(size, body))) } catch { done(.failure(error)) }
        }, abandon: { done(.failure(StoreError(.closed, "the database was closed"))) }))
  }

  /// Waits until no read under way has lasted as long as this: then what is written next lets the file grow less.
  package func untilReads(areYoungerThan age: Duration) async {
    await withCheckedContinuation { continuation in store.whenReads(areYoungerThan: age) { continuation.resume() } }
  }

  /// Tells the set of a clock from elsewhere. If it knows more of the own origin than is held here, or other records, then this file was
  /// restored or copied: a new origin is minted before the next append.
  public func observe(_ clock: Clock) {
    guard let own = state.own, let entry = clock.entry(own) else { return }
    let foreign = try? read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) -> Bool in
      guard entry.n <= state.clock[own] else { return true }
      return try Self.entry(reader, entry.dot)?.digest != entry.digest
    }
    if foreign == true { published.withLock { if $0.state.own == own { $0.mustMint = true } } }
  }

  /// The entries of a clock from elsewhere whose logs are others here: for each the entry held here at the same n. A fork, or another
  /// database's clock. What a damaged record would have to say is left out.
  /// - Complexity: O(origins), and a get for each log that is longer here.
  public func forks(against clock: Clock) throws(StoreError) -> [Clock.Entry] {
    try read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
      var forks: [Clock.Entry] = []
      for entry in clock.entries {
        guard let head = state.clock.entry(entry.origin), entry.n <= head.n else { continue }
        guard let mine = entry.n == head.n ? head : try Self.entry(reader, entry.dot), mine.digest != entry.digest else { continue }
        forks.append(mine)
      }
      return forks
    }
  }
}
