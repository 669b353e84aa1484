import EventStore
import StoreConformance
import Synchronization

/// What runs in a simulation, and when: one thread, a virtual clock, and a random choice among what is ready.
///
/// All tasks of a history prefer this executor, writers run their turns here, and sleeping is waiting for the virtual clock. So nothing
/// depends on the machine: the same seed gives the same steps. While anything is ready the clock stands still.
final class Schedule: TaskExecutor {
  private enum Work: Sendable {
    case job(UnownedJob)
    case call(@Sendable () -> Void)
  }

  private struct Timer: Sendable {
    let at: Int64
    let serial: UInt64
    let body: @Sendable () -> Void
  }

  private struct State {
    /// Microseconds since the history began.
    var now: Int64 = 0
    var serial: UInt64 = 0
    var steps = 0
    /// How many of them since the clock moved.
    var stepsNow = 0
    var ready: [Work] = []
    /// The next one last.
    var timers: [Timer] = []
    var random: SeededRandom
  }

  // The mutex owns all of it. One thread takes it; that it is never waited for is what the simulation is about.
  private let state: Mutex<State>
  private let epoch = ContinuousClock.now

  init(seed: UInt64) { state = Mutex(State(random: SeededRandom(seed: seed))) }

  /// Microseconds since the history began.
  var now: Int64 { state.withLock { $0.now } }
  /// How much ran so far.
  var steps: Int { state.withLock { $0.steps } }
  /// The virtual clock for those who measure by it.
  var instant: ContinuousClock.Instant { epoch + .microseconds(now) }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    state.withLock { $0.ready.append(.job(job)) }
  }

  /// Runs `body` when the thread comes to it.
  func soon(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.ready.append(.call(body)) } }

  /// Runs `body` when so much virtual time has passed.
  func after(microseconds: Int64, _ body: @escaping @Sendable () -> Void) {
    state.withLock { state in
      state.serial += 1
      let timer = Timer(at: state.now + max(0, microseconds), serial: state.serial, body: body)
      let place = state.timers.lastIndex { ($0.at, $0.serial) > (timer.at, timer.serial) }
      state.timers.insert(timer, at: place.map { $0 + 1 } ?? 0)
    }
  }

  func sleep(microseconds: Int64) async {
    await withCheckedContinuation { continuation in after(microseconds: microseconds) { continuation.resume() } }
  }

  /// Sleeps until the virtual clock comes to an instant, or the task is cancelled.
  func sleep(until instant: ContinuousClock.Instant) async {
    let left = ((instant - self.instant) / .microseconds(1)).rounded(.up)
    guard left > 0 else { return }
    let signal = ChangeSignal()
    after(microseconds: Int64(min(left, Self.sleepMicrosecondsMax))) { signal.announce() }
    await signal.wait(after: 0)
  }

  /// Nobody waits for longer in a history.
  private static let sleepMicrosecondsMax = 1e12

  /// Starts a task on this thread.
  func start(_ body: @escaping @Sendable () async -> Void) { Task(executorPreference: self) { await body() } }

  /// More steps than this at one moment, and something runs in a circle.
  private static let stepsNowMax = 20_000

  /// Whether something ran in a circle; nothing runs any more then.
  var isStuck: Bool { state.withLock { $0.stepsNow > Self.stepsNowMax } }

  /// Runs all there is for so much virtual time, or until `isDone`.
  /// - Returns: whether it was done.
  @discardableResult
  func run(milliseconds: Int64, until isDone: () -> Bool = { false }) -> Bool {
    let end = now + milliseconds * 1000
    while !isDone() {
      guard step(until: end) else { return false }
    }
    return true
  }

  /// Runs until nothing is left that is ready or waits for the clock.
  func drain() { while step(until: .max) {} }

  private func step(until end: Int64) -> Bool {
    let work: Work? = state.withLock { state in
      if state.stepsNow > Self.stepsNowMax { return nil }
      if state.ready.isEmpty {
        guard let timer = state.timers.last, timer.at <= end else {
          if end != .max { state.now = max(state.now, end) }
          return nil
        }
        state.timers.removeLast()
        if timer.at > state.now { state.stepsNow = 0 }
        state.now = timer.at
        state.ready.append(.call(timer.body))
      }
      state.steps += 1
      state.stepsNow += 1
      let place = state.ready.count == 1 ? 0 : Int(state.random.next() % UInt64(state.ready.count))
      state.ready.swapAt(place, state.ready.count - 1)
      return state.ready.removeLast()
    }
    switch work {
    case nil: return false
    case .call(let body): body()
    case .job(let job): unsafe job.runSynchronously(on: asUnownedTaskExecutor())
    }
    return true
  }
}
