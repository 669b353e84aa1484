import Synchronization

/// Wakes whoever waits for a database to change. A version rises with each change; a waiter names the one that it has seen.
/// The mutex owns the waiters; continuations are resumed outside it.
public final class ChangeSignal: Sendable {
  private struct Waiters {
    var version: UInt64 = 0
    var closed = false
    var nextID: UInt64 = 0
    var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
  }

  private let waiters = Mutex(Waiters())

  public init() {}

  /// The version of the last change.
  public var version: UInt64 { waiters.withLock { $0.version } }

  /// Whether nothing will change any more.
  public var isClosed: Bool { waiters.withLock { $0.closed } }

  /// Returns when the version is above `seen`, the signal is closed, or the task is cancelled.
  public func wait(after seen: UInt64) async {
    let id = waiters.withLock { waiters in
      waiters.nextID += 1
      return waiters.nextID
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let passed = waiters.withLock { waiters in
          // Under the lock, so a cancellation is either seen here or finds the waiter below.
          if waiters.version > seen || waiters.closed || Task.isCancelled { return true }
          waiters.waiting[id] = continuation
          return false
        }
        if passed { continuation.resume() }
      }
    } onCancel: {
      let continuation = waiters.withLock { $0.waiting.removeValue(forKey: id) }
      continuation?.resume()
    }
  }

  /// Wakes all for a change that has no version of its own.
  package func announce() {
    let woken = waiters.withLock { waiters in
      waiters.version += 1
      return Self.takeAll(&waiters)
    }
    for continuation in woken { continuation.resume() }
  }

  func announce(_ version: UInt64) {
    let woken = waiters.withLock { waiters in
      waiters.version = max(waiters.version, version)
      return Self.takeAll(&waiters)
    }
    for continuation in woken { continuation.resume() }
  }

  /// Wakes all, now and ever after.
  package func close() {
    let woken = waiters.withLock { waiters in
      waiters.closed = true
      return Self.takeAll(&waiters)
    }
    for continuation in woken { continuation.resume() }
  }

  private static func takeAll(_ waiters: inout Waiters) -> [CheckedContinuation<Void, Never>] {
    guard !waiters.waiting.isEmpty else { return [] }
    defer { waiters.waiting.removeAll() }
    // In the order in which they came: the order of a dictionary is another one in each process.
    return waiters.waiting.sorted { $0.key < $1.key }.map(\.value)
  }
}
