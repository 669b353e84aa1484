internal import EventModel
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The queue in front of a database's one writer, and the thread that empties it.
///
/// LMDB ties a write transaction to its thread, so the writer has one of its own; it begins with the first work and ends when it has
/// been idle for a while, so that thousands of databases need no thousands of threads.
final class Writer: Sendable {
  /// An append that waits.
  struct Append: Sendable {
    let draft: Draft
    let done: @Sendable (AppendOutcome) -> Void
    /// What it keeps in memory: the request's own bytes too.
    var bytes: Int { draft.input.count + draft.output.count + draft.items.count * 256 + 64 }
  }

  /// A merge page that waits.
  struct Merge: Sendable {
    let page: VerifiedPage
    let done: @Sendable (Result<Merged, StoreError>) -> Void
    var bytes: Int { page.bytes.count + 64 }
  }

  /// A view's slice that waits: its own transaction.
  struct Slice: Sendable {
    let run: @Sendable (EventSet) -> Void
    /// Called instead, when the writer stopped.
    let abandon: @Sendable () -> Void
  }

  /// A log's repair that waits: a transaction of its own.
  struct Repair: Sendable {
    enum Work: Sendable {
      /// Keeps that there are two logs of these origins.
      case note([Origin])
      case cut(LogCut)
    }

    let work: Work
    let done: @Sendable (Result<CutStep, StoreError>) -> Void

    var cut: LogCut? { if case .cut(let cut) = work { cut } else { nil } }
  }

  /// What the thread takes in one turn.
  enum Turn: Sendable {
    case group([Append], Merge?, [SliceRider])
    case riders([SliceRider])
    case repair(Repair)
    case slice(Slice)
    /// No work for a while: the thread ends, and the next work starts another.
    case idle
    case stopped
  }

  private static let gatherSteps = 8

  private let queueBytesMax: Int
  private let budget: QueueBudget
  private let idleSeconds: Int
  private let turns: WriterTurns?
  private let queue = Mutex(WriterQueue())
  private let wake = Wake()
  /// Set once, before any work; the set owns its writer, so it can't be strong.
  private let owner = Mutex<Owner>(Owner())
  private struct Owner: Sendable { weak var set: EventSet? }

  var set: EventSet? {
    get { owner.withLock { $0.set } }
    set { owner.withLock { $0.set = newValue } }
  }

  init(_ options: EventSetOptions) {
    (queueBytesMax, budget, idleSeconds, turns) = (options.queueBytesMax, options.budget, options.idleSeconds, options.turns)
  }

  /// Whether a group is under way.
  var isBusy: Bool { queue.withLock { $0.busy } }

  /// Whether nothing waits, and nothing is under way.
  var isIdle: Bool { queue.withLock { !$0.busy && !$0.waits } }

  /// Queues an append. Answers `busy` at once if too much waits.
  func submit(_ append: Append) {
    if let error = admit(append.bytes, { $0.appends.append(append) }) { append.done(.failed(error)) }
  }

  func submit(_ merge: Merge) {
    if let error = admit(merge.bytes, { $0.merges.append(merge) }) { merge.done(.failure(error)) }
  }

  func submit(_ slice: Slice) {
    if admit(0, { $0.slices.append(slice) }) != nil { slice.abandon() }
  }

  func submit(_ repair: Repair) {
    if let error = admit(0, { $0.repairs.append(repair) }) { repair.done(.failure(error)) }
  }

  /// Wakes nobody: a rider goes with what comes next, or when the thread has slept its while.
  func submit(_ rider: SliceRider) {
    let error = admit(0, wakes: turns != nil) { queue in
      queue.riders.append(rider)
      if turns != nil { queue.ridersLeave = true }
    }
    if let error { rider.done(.failure(error)) }
  }

  func withdraw(_ rider: SliceRider) -> Bool {
    queue.withLock { queue in
      guard let index = queue.riders.firstIndex(where: { $0 === rider }) else { return false }
      queue.riders.remove(at: index)
      return true
    }
  }

  func sendRiders() {
    let waits = queue.withLock { queue in
      queue.ridersLeave = !queue.riders.isEmpty
      return queue.ridersLeave
    }
    if waits { wake.signal() }
  }

  private func admit(_ bytes: Int, wakes: Bool = true, _ add: (inout sending WriterQueue) -> Void) -> StoreError? {
    guard budget.take(bytes) else { return StoreError(.busy, "too much waits for the disk, in all databases") }
    var start = false
    let error: StoreError? = queue.withLock { queue in
      if queue.stopped { return StoreError(.closed, "the database was closed") }
      if bytes > 0, queue.bytes > 0, queue.bytes + bytes > queueBytesMax { return StoreError(.busy, "too much waits for the disk") }
      queue.bytes += bytes
      add(&queue)
      start = !queue.threadRuns
      queue.threadRuns = true
      return nil
    }
    if error != nil { budget.give(bytes) } else if start { self.start() } else if wakes { wake.signal() }
    return error
  }

  /// Takes no more work, finishes what is queued, and returns when the thread has ended.
  func stop() {
    let runs = queue.withLock { queue in
      queue.stopped = true
      return queue.threadRuns
    }
    guard runs else { return }
    wake.signal()
    while queue.withLock({ $0.threadRuns }) { if turns == nil { wake.pause() } else { runTurn() } }
  }

  private func start() {
    guard let turns else { return startThread() }
    turns.schedule { [self] in scheduledTurn() }
  }

  private func startThread() {
    // The thread owns this writer and its set until it ends.
    Thread.detach { [self] in
      guard let set else { return abandonAll() }
      while true {
        let turn = next()
        if case .idle = turn { return }
        guard run(turn, set) else { return abandonAll() }
      }
    }
  }

  /// A turn for which somebody else has the thread, and the next one scheduled if more waits.
  private func scheduledTurn() {
    guard let turns else { return }
    runTurn()
    if queue.withLock({ $0.threadRuns }) { turns.schedule { [self] in scheduledTurn() } }
  }

  private func runTurn() {
    guard let set else { return abandonAll() }
    let turn: Turn? = queue.withLock { queue in
      queue.busy = queue.waits
      return queue.waits ? queue.take() : nil
    }
    if let turn, !run(turn, set) { return abandonAll() }
    queue.withLock { queue in
      if !queue.waits { (queue.busy, queue.threadRuns) = (false, false) }
    }
  }

  /// Answers what is still queued when the writer has stopped.
  private func abandonAll() {
    let left = queue.withLock { queue in
      let left = (Array(queue.appends[queue.head...]), queue.merges, queue.slices, queue.repairs, queue.riders)
      queue = WriterQueue()
      queue.stopped = true
      return left
    }
    budget.give(left.0.reduce(0) { $0 + $1.bytes } + left.1.reduce(0) { $0 + $1.bytes })
    let closed = StoreError(.closed, "the database was closed")
    for append in left.0 { append.done(.failed(closed)) }
    for merge in left.1 { merge.done(.failure(closed)) }
    for slice in left.2 { slice.abandon() }
    for repair in left.3 { repair.done(.failure(closed)) }
    for rider in left.4 { rider.done(.failure(closed)) }
  }

  /// The next turn: waits for work; ends after a while without any.
  private func next() -> Turn {
    while true {
      gather()
      let turn: Turn? = queue.withLock { queue in
        queue.busy = queue.waits
        guard queue.waits else {
          return queue.stopped ? .stopped : nil
        }
        return queue.take()
      }
      if let turn { return turn }
      if !wake.wait(seconds: idleSeconds) {
        // Under the lock, so work that comes now either is seen here or starts a new thread.
        let idle = queue.withLock { queue in
          queue.ridersLeave = !queue.riders.isEmpty
          if !queue.waits { queue.threadRuns = false }
          return !queue.waits
        }
        if idle { return .idle }
      }
    }
  }

  /// Lets clients that were just answered come again, so that their next appends share a flush with those that wait. Otherwise two cohorts
  /// take turns, each waiting for the other's flush, and a slow disk does half of what it could. Where nobody comes it costs a sixteenth
  /// of a group's time; on a fast disk nothing is waited for.
  private func gather() {
    var (waiting, expected, step) = queue.withLock { queue in
      (queue.stopped ? 0 : queue.waitingAppends, queue.lastAppends, queue.lastGroup / 16)
    }
    guard waiting > 0, step >= .microseconds(50) else { return }
    step = min(step, .milliseconds(1))
    for _ in 0..<Self.gatherSteps where waiting < expected {
      wake.pause(step)
      let now = queue.withLock { $0.waitingAppends }
      if now == waiting { return }
      waiting = now
    }
  }

  private var now: ContinuousClock.Instant { turns?.now() ?? .now }

  /// Runs a turn; false when the thread should end.
  private func run(_ turn: Turn, _ set: EventSet) -> Bool {
    let began = now
    switch turn {
    case .idle, .stopped: return false
    case .slice(let slice):
      slice.run(set)
      let took = now - began
      queue.withLock { $0.lastSlice = took }
      return true
    case .repair(let repair):
      guard let answer = set.commit([], nil, repair) else {
        queue.withLock { $0.stopped = true }
        return false
      }
      answer()
      return true
    case .riders(let riders):
      set.commit(riders)
      return true
    case .group(let appends, let merge, let riders):
      let answer = set.commit(appends, merge, riders: riders)
      // Before the answers: whoever has one may come again at once, and finds the room that its request took.
      let bytes = appends.reduce(merge?.bytes ?? 0) { $0 + $1.bytes }
      budget.give(bytes)
      let left = queue.withLock { queue in
        queue.bytes -= bytes
        if answer == nil { queue.stopped = true }
        return queue.waitingAppends
      }
      guard let answer else { return false }
      answer()
      let took = now - began
      queue.withLock { queue in
        queue.appendTime += took
        queue.lastGroup = took
        queue.lastAppends = appends.count + left
      }
      return true
    }
  }
}

/// Who runs the turns of writers that have no thread of their own: a simulation, which runs a whole cluster in one.
package struct WriterTurns: Sendable {
  /// Takes a job to be run later, once. A writer has at most one that waits.
  package let schedule: @Sendable (@escaping @Sendable () -> Void) -> Void
  /// By what a writer shares its time between appends and slices.
  package let now: @Sendable () -> ContinuousClock.Instant

  package init(
    now: @escaping @Sendable () -> ContinuousClock.Instant, schedule: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void
  ) {
    (self.now, self.schedule) = (now, schedule)
  }
}
