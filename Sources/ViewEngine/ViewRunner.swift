import EventModel
import EventStore
import Synchronization
import ViewKit

/// One view's catch-up: one task does the work for all that wait for it.
final class ViewRunner: Sendable {
  let feed: DecodedFeed
  let view: CompiledView
  let options: ViewEngineOptions
  let fingerprint: String
  /// Where readers find the one that answers.
  let lives: LiveViews
  let changedKeys = ChangedKeys()
  /// Who waits, and whether the task runs. The mutex owns the continuations; they are resumed outside it.
  private let waiters = Mutex(Waiters())
  private let counted = Mutex(ViewCounts())
  /// How many rows a slice takes, so that the writer has it done in a few milliseconds.
  let pace: Mutex<Int>
  /// The damaged records that were known when the view began to be built.
  let builtOver = Mutex<[Origin: UInt64]>([:])

  private struct Waiters {
    var nextID: UInt64 = 0
    var waiting: [UInt64: Waiter] = [:]
    var runs = false
    var closed = false
    /// Whether what a process before left of older versions was looked for.
    var swept = false
    /// What is computed and not on disk.
    var ahead: Ahead?
    /// What takes it there, if the task doesn't.
    var rider: SliceRider?
  }

  private struct Waiter {
    let target: Clock
    /// Whether what is computed must be on disk first.
    let onDisk: Bool
    /// nil: nobody waits, but the work is wanted.
    let continuation: CheckedContinuation<ViewError?, Never>?
  }

  init(_ feed: DecodedFeed, _ view: CompiledView, _ options: ViewEngineOptions) {
    (self.feed, self.view, self.options) = (feed, view, options)
    fingerprint = view.fingerprint + "\nlayout \(ViewHeader.layout)"
    pace = Mutex(options.rowsMax)
    lives = LiveViews(view.name, fingerprint)
  }

  var set: EventSet { feed.set }

  /// What its catch-ups did.
  var counts: ViewCounts { counted.withLock { $0 } }

  func count(_ work: ViewWork) { counted.withLock { $0.add(work.counts) } }

  func headers(_ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) -> ViewHeaders {
    try ViewHeaders(view.name, fingerprint, reader)
  }

  /// - Parameter onDisk: false, if whoever reads takes what `ahead` puts for there: all that it says can be computed again.
  func catchUp(to target: Clock, onDisk: Bool = true) async throws(ViewError) {
    if try isReady(target, onDisk: onDisk) { return }
    let id = nextID()
    let error = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let waiter = Waiter(target: target, onDisk: onDisk, continuation: continuation)
        if let error = add(id, waiter) { continuation.resume(returning: error) }
      }
    } onCancel: {
      let waiter = waiters.withLock { $0.waiting.removeValue(forKey: id) }
      waiter?.continuation?.resume(returning: .cancelled)
    }
    if let error { throw error }
  }

  func start(to target: Clock) { _ = add(nextID(), Waiter(target: target, onDisk: true, continuation: nil)) }

  private func nextID() -> UInt64 {
    waiters.withLock { waiters in
      waiters.nextID += 1
      return waiters.nextID
    }
  }

  /// Whether nothing more is to be done: a view that was detached meanwhile must not come back.
  var isClosed: Bool { waiters.withLock { $0.closed } }

  func close() {
    let waiting = waiters.withLock { waiters in
      waiters.closed = true
      defer { waiters.waiting.removeAll() }
      return waiters.waiting.sorted { $0.key < $1.key }.map(\.value)
    }
    for waiter in waiting { waiter.continuation?.resume(returning: .cancelled) }
  }

  // MARK: Ahead of the disk

  /// What is not on disk yet: it may be read already, over a snapshot that has the header it was made from. To be asked for before the
  /// snapshot is taken.
  var ahead: Ahead? { waiters.withLock { $0.ahead } }

  /// Whether the view may be read at a clock.
  private func isReady(_ target: Clock, onDisk: Bool) throws(ViewError) -> Bool {
    do throws(StoreError) {
      if try covers(target, ahead: onDisk ? nil : ahead) {
        sweepOnce()
        return true
      }
    } catch {
      throw .store(error)
    }
    return onDisk ? false : try isComputed(to: target)
  }

  /// Whether what a reader finds missing up to a clock was so little that it is computed now.
  func isComputed(to target: Clock) throws(ViewError) -> Bool {
    do throws(StoreError) { return try lookAhead(to: target) } catch { throw .store(error) }
  }

  private func covers(_ target: Clock, ahead: Ahead?) throws(StoreError) -> Bool {
    try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) -> Bool in
      guard let header = try lives.live(reader)?.header else { return false }
      if let ahead, ahead.before == header, ahead.cuts == state.cuts, ahead.after.clock.covers(target) { return true }
      guard header.clock.covers(target) else { return false }
      return try !hasWork(header, reader, state)
    }
  }

  /// Whether more is to be done before the view may be read at its clock: folds, or figures that were served, are left unfinished, or rows
  /// are to be put anew after a cut.
  func hasWork(_ header: ViewHeader, _ reader: borrowing any StoreReader & ~Copyable, _ state: SetState) throws(StoreError) -> Bool {
    if try Slice.hasMoved(header, reader, state) { return true }
    if view.restates, try ServingMark(header.number, reader)?.state != .served { return true }
    return view.isFold ? try Slice.hasMarks(header, reader) : false
  }

  /// Computes the last slice where it is asked for, and has it go to the disk with the next append; false if the task must do more than that.
  private func lookAhead(to target: Clock) throws(StoreError) -> Bool {
    guard claim() else { return false }
    let slice: Ahead?
    do throws(StoreError) { slice = try shortSlice(to: target, over: ahead) } catch {
      // The claim ends in the task, whatever came of it.
      startTask()
      throw error
    }
    guard let slice else {
      startTask()
      return false
    }
    setAhead(slice)
    queue(slice)
    return true
  }

  /// Whether whoever asks has the work to do now: nobody has, or what was done of it hasn't gone to the disk, and is done again with more.
  private func claim() -> Bool {
    waiters.withLock { waiters in
      if waiters.closed { return false }
      if waiters.runs {
        guard let rider = waiters.rider, set.withdraw(rider) else { return false }
        waiters.rider = nil
      }
      waiters.runs = true
      return true
    }
  }

  /// Queues what was computed. If it can't be put, whoever comes next finds the same work, and hears why.
  private func queue(_ slice: Ahead) {
    let size = WriteSize(bytes: slice.puts.reduce(512) { $0 + $1.key.count + ($1.value?.count ?? 0) }, events: slice.puts.count)
    @Sendable func put(_ writer: borrowing any StoreWriter & ~Copyable, _ state: SetState) throws(StoreError) -> Bool {
      try slice.apply(writer, state)
    }
    // What was served is to be compared with what comes: it can't be taken back.
    guard !view.restates, slice.puts.count <= options.ridingRowsMax, size.bytes <= options.ridingBytesMax else {
      return set.slice(size, put) { self.ended($0) }
    }
    let isEnough = set.state.pending(after: slice.before.clock) * 4 >= options.aheadRecordsMax
    let rider = SliceRider(size, goesAlong: isEnough, put: put) { self.ended($0) }
    let isWanted = waiters.withLock { waiters in
      waiters.rider = rider
      return !waiters.waiting.isEmpty
    }
    set.ride(rider)
    if isWanted { set.sendRiders() }
  }

  /// Ends the claim of whoever computed a slice that was put now, or couldn't be.
  private func ended(_ result: Result<Bool, StoreError>) {
    if case .success(true) = result { dropAhead() }
    let isWanted = waiters.withLock { waiters in
      (waiters.rider, waiters.runs) = (nil, !waiters.waiting.isEmpty)
      return waiters.runs
    }
    if isWanted { startTask() } else { feed.forget() }
  }

  /// Tells who needn't wait for the disk of a slice with which the view is right.
  func setAhead(_ slice: Ahead) {
    let done = waiters.withLock { waiters in
      waiters.ahead = slice
      let ids = waiters.waiting.filter { !$0.value.onDisk && slice.after.clock.covers($0.value.target) }.keys.sorted()
      return ids.compactMap { waiters.waiting.removeValue(forKey: $0) }
    }
    for waiter in done { waiter.continuation?.resume(returning: nil) }
  }

  /// Lets go of the slice that is on disk now. One that could not be put stays: it is as right as it was.
  func dropAhead() { waiters.withLock { $0.ahead = nil } }

  // MARK: The task

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
    if start { startTask() } else { set.sendRiders() }
    return nil
  }

  /// Starts the task for nobody, the first time.
  func sweepOnce() {
    let start = waiters.withLock { waiters in
      guard !waiters.swept, !waiters.runs, !waiters.closed else { return false }
      (waiters.runs, waiters.swept) = (true, true)
      return true
    }
    if start { startTask() }
  }

  private func startTask() { Task.detached(executorPreference: options.executor) { await self.run() } }

  /// Does slices while anyone waits, then deletes what is left of older versions.
  private func run() async {
    var leftovers = true
    while true {
      // Whoever waits before a slice begins is satisfied when it reaches the end.
      let batch = waiters.withLock { waiters in
        if waiters.waiting.isEmpty, !leftovers || waiters.closed { waiters.runs = false }
        return waiters.runs ? waiters.waiting.mapValues(\.target) : nil
      }
      guard let batch else { return feed.forget() }
      do throws(StoreError) {
        if batch.isEmpty {
          leftovers = try await sweep()
        } else {
          let (clock, level) = try await step(to: Array(batch.values))
          resume(batch.filter { level || clock.covers($0.value) }.keys, nil)
        }
      } catch {
        leftovers = false
        resume(batch.keys, .store(error))
      }
    }
  }

  private func resume(_ ids: some Sequence<UInt64>, _ error: ViewError?) {
    let done = waiters.withLock { waiters in ids.sorted().compactMap { waiters.waiting.removeValue(forKey: $0) } }
    for waiter in done { waiter.continuation?.resume(returning: error) }
  }
}
