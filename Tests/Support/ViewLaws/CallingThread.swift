import EventStore
import Synchronization

/// Runs async work on the thread that calls, which waits for it: no other thread is needed, however many callers wait at once.
final class CallingThread: TaskExecutor {
  /// Jobs to be run, and how the work ended. The mutex owns both.
  private let state = Mutex(State())
  private let wake = Wake()

  private struct State {
    var jobs: [UnownedJob] = []
    var outcome: Result<Void, any Error>?
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    state.withLock { $0.jobs.append(job) }
    wake.signal()
  }

  static func run(_ body: @escaping @Sendable () async throws -> Void) throws {
    let thread = CallingThread()
    Task(executorPreference: thread) {
      let outcome: Result<Void, any Error>
      do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
      thread.state.withLock { $0.outcome = outcome }
      thread.wake.signal()
    }
    while true {
      let (jobs, outcome) = thread.state.withLock { state in
        defer { state.jobs = [] }
        return (state.jobs, state.outcome)
      }
      for job in jobs { unsafe job.runSynchronously(on: thread.asUnownedTaskExecutor()) }
      if let outcome { return try outcome.get() }
      if jobs.isEmpty { _ = thread.wake.wait(seconds: 1) }
    }
  }
}
