import EventStore
import Synchronization

/// The threads that views catch up on. Decoding a million events takes seconds, and a cold page blocks whatever thread reads it: neither
/// may hold up the threads that answer requests.
///
/// `unsafe` in this file: a job is run once, by the thread that took it off the queue.
final class ViewThreads: TaskExecutor {
  static let shared = ViewThreads(max: 2)

  private static let idleSeconds = 2

  private struct Queue {
    var jobs: [UnownedJob] = []
    var head = 0
    var threads = 0
    /// Threads that sleep until there is work.
    var idle: [Wake] = []

    mutating func next() -> UnownedJob? {
      guard head < jobs.count else { return nil }
      defer {
        head += 1
        if head == jobs.count { (jobs, head) = ([], 0) }
      }
      return jobs[head]
    }
  }

  private let max: Int
  private let queue = Mutex(Queue())

  private init(max: Int) { self.max = max }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let (wake, starts) = queue.withLock { queue in
      queue.jobs.append(job)
      let wake = queue.idle.popLast()
      let starts = wake == nil && queue.threads < max
      if starts { queue.threads += 1 }
      return (wake, starts)
    }
    wake?.signal()
    if starts { Thread.detach { self.work() } }
  }

  /// A thread's life: it ends when there was no work for a while.
  private func work() {
    let wake = Wake()
    while true {
      let job = queue.withLock { queue in
        let job = queue.next()
        if job == nil { queue.idle.append(wake) }
        return job
      }
      if let job {
        unsafe job.runSynchronously(on: asUnownedTaskExecutor())
      } else if !wake.wait(seconds: Self.idleSeconds) {
        // Whoever took it out of the list meanwhile has work for it.
        let ends = queue.withLock { queue in
          guard let place = queue.idle.firstIndex(where: { $0 === wake }) else { return false }
          queue.idle.remove(at: place)
          queue.threads -= 1
          return true
        }
        if ends { return }
        _ = wake.wait(seconds: Self.idleSeconds)
      }
    }
  }
}
