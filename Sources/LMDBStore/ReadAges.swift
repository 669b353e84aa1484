/// The reads under way by age, and who waits for old ones to end. Guarded by the gate's monitor.
///
/// A chain through the transactions themselves, oldest first: a read costs a look at the clock and a few assignments. Each link is cut when
/// its read ends, so nothing keeps another alive.
struct ReadAges {
  private struct Waiter {
    let age: Duration
    let go: @Sendable () -> Void
  }

  private var oldest: TransactionState?
  private var newest: TransactionState?
  private var waiters: [Waiter] = []

  mutating func add(_ read: TransactionState, at now: ContinuousClock.Instant) {
    read.began = now
    read.older = newest
    newest?.newer = read
    newest = read
    if oldest == nil { oldest = read }
  }

  /// Takes a read out, if it is in.
  /// - Returns: whom to let go, with the monitor let go of.
  mutating func remove(_ read: TransactionState) -> [@Sendable () -> Void] {
    if read.began == nil { return [] }
    if let older = read.older { older.newer = read.newer } else { oldest = read.newer }
    if let newer = read.newer { newer.older = read.older } else { newest = read.older }
    (read.began, read.older, read.newer) = (nil, nil, nil)
    return waiters.isEmpty ? [] : takeReady()
  }

  /// - Returns: whether to go on at once; else it is among those whom a read's end lets go.
  mutating func admit(_ age: Duration, _ go: @escaping @Sendable () -> Void) -> Bool {
    if self.age.map({ $0 < age }) ?? true { return true }
    waiters.append(Waiter(age: age, go: go))
    return false
  }

  private mutating func takeReady() -> [@Sendable () -> Void] {
    let age = self.age
    let split = waiters.partition { waiter in age.map { $0 < waiter.age } ?? true }
    defer { waiters.removeLast(waiters.count - split) }
    return waiters[split...].map(\.go)
  }

  /// How long the oldest read has lasted; nil: there is none.
  private var age: Duration? { oldest?.began.map { ContinuousClock.now - $0 } }
}
