/// How time passes for whoever waits: by the machine's clock, or by one that a simulation moves.
package struct Timing: Sendable {
  package let now: @Sendable () -> ContinuousClock.Instant
  /// Returns at an instant, or when the task is cancelled.
  let sleepUntil: @Sendable (ContinuousClock.Instant) async -> Void

  package static let machine = Timing(now: { .now }) { instant in
    try? await Task.sleep(until: instant, clock: .continuous)
  }

  package init(now: @escaping @Sendable () -> ContinuousClock.Instant, sleep: @escaping @Sendable (ContinuousClock.Instant) async -> Void) {
    (self.now, sleepUntil) = (now, sleep)
  }

  /// Sleeps until an instant, or until the task is cancelled.
  func sleep(until instant: ContinuousClock.Instant) async { await sleepUntil(instant) }

  /// Sleeps for so long, or until the task is cancelled.
  func sleep(for duration: Duration) async { await sleepUntil(now() + duration) }

  /// Runs `body` until it returns, the deadline has passed, or the task is cancelled; helpers run beside it for as long.
  func race(
    until deadline: ContinuousClock.Instant, helpers: [@Sendable () async -> Void] = [], _ body: @escaping @Sendable () async -> Void
  ) async {
    await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        await body()
        return true
      }
      group.addTask {
        await sleep(until: deadline)
        return true
      }
      for helper in helpers {
        group.addTask {
          await helper()
          return false
        }
      }
      while let ends = await group.next(), !ends {}
      group.cancelAll()
    }
  }
}
