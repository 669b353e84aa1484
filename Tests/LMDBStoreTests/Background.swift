import Foundation

/// Work on a thread of its own, because a transaction blocks its thread.
final class Background: Sendable {
  private let done = DispatchSemaphore(value: 0)

  init(_ body: @escaping @Sendable () throws -> Void) {
    Thread.detachNewThread { [done] in
      do { try body() } catch { fatalError("a background thread threw \(error)") }
      done.signal()
    }
  }

  func join() { done.wait() }
}
