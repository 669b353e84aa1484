import EventModel
import EventStore
import Synchronization
import ViewKit

/// One view's catch-up: one task does the work for all that wait for it.
final class ViewRunner: Sendable {
  let set: EventSet
  let database: CompiledDatabase
  let view: CompiledView
  let options: ViewEngineOptions
  let fingerprint: String
  /// Who waits, and whether the task runs. The mutex owns the continuations; they are resumed outside it.
  private let waiters = Mutex(Waiters())

  private struct Waiters {
    var nextID: UInt64 = 0
    var waiting: [UInt64: Waiter] = [:]
    var runs = false
    var closed = false
    /// Whether what a process before left of older versions was looked for.
    var swept = false
  }

  private struct Waiter {
    let target: Clock
    /// nil: nobody waits, but the work is wanted.
    let continuation: CheckedContinuation<ViewError?, Never>?
  }

  init(_ set: EventSet, _ database: CompiledDatabase, _ view: CompiledView, _ options: ViewEngineOptions) {
    (self.set, self.database, self.view, self.options) = (set, database, view, options)
    fingerprint = view.fingerprint + "\nlayout \(ViewHeader.layout)"
  }

  func headers(_ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) -> ViewHeaders {
    try ViewHeaders(view.name, fingerprint, reader)
  }

  func catchUp(to target: Clock) async throws(ViewError) {
    if try covers(target) { return sweepOnce() }
    let id = waiters.withLock { waiters in
      waiters.nextID += 1
      return waiters.nextID
    }
    let error = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if let error = add(id, Waiter(target: target, continuation: continuation)) { continuation.resume(returning: error) }
      }
    } onCancel: {
      let waiter = waiters.withLock { $0.waiting.removeValue(forKey: id) }
      waiter?.continuation?.resume(returning: .cancelled)
    }
    if let error { throw error }
  }

  func start(to target: Clock) {
    let id = waiters.withLock { waiters in
      waiters.nextID += 1
      return waiters.nextID
    }
    _ = add(id, Waiter(target: target, continuation: nil))
  }

  func close() {
    let waiting = waiters.withLock { waiters in
      waiters.closed = true
      defer { waiters.waiting.removeAll() }
      return Array(waiters.waiting.values)
    }
    for waiter in waiting { waiter.continuation?.resume(returning: .cancelled) }
  }

  private func covers(_ target: Clock) throws(ViewError) -> Bool {
    do throws(StoreError) {
      return try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
        guard let header = try headers(reader).live, header.clock.covers(target) else { return false }
        return try !Slice.hasMarks(header, reader)
      }
    } catch {
      throw .store(error)
    }
  }

  /// Queues a waiter and starts the task if none runs; answers why not.
  private func add(_ id: UInt64, _ waiter: Waiter) -> ViewError? {
    // Under the lock, so a cancellation is either seen here or finds the waiter.
    let start: Bool? = waiters.withLock { waiters in
      if waiters.closed || (waiter.continuation != nil && Task.isCancelled) { return nil }
      waiters.waiting[id] = waiter
      defer { (waiters.runs, waiters.swept) = (true, true) }
      return !waiters.runs
    }
    guard let start else { return .cancelled }
    if start { Task.detached { await self.run() } }
    return nil
  }

  /// Starts the task for nobody, the first time.
  private func sweepOnce() {
    let start = waiters.withLock { waiters in
      guard !waiters.swept, !waiters.closed else { return false }
      (waiters.runs, waiters.swept) = (true, true)
      return true
    }
    if start { Task.detached { await self.run() } }
  }

  /// Does slices while anyone waits, then deletes what is left of older versions.
  private func run() async {
    var leftovers = true
    while true {
      // Whoever waits before a slice begins is satisfied when it reaches the end.
      let batch = waiters.withLock { waiters in
        if waiters.waiting.isEmpty, !leftovers || waiters.closed { waiters.runs = false }
        return waiters.runs ? waiters.waiting.mapValues(\.target) : nil
      }
      guard let batch else { return }
      do throws(StoreError) {
        if batch.isEmpty {
          leftovers = try await sweep()
        } else {
          let (clock, level) = try await step()
          resume(batch.filter { level || clock.covers($0.value) }.keys, nil)
        }
      } catch {
        leftovers = false
        resume(batch.keys, .store(error))
      }
    }
  }

  private func resume(_ ids: some Sequence<UInt64>, _ error: ViewError?) {
    let done = waiters.withLock { waiters in ids.compactMap { waiters.waiting.removeValue(forKey: $0) } }
    for waiter in done { waiter.continuation?.resume(returning: error) }
  }
}
