import Synchronization

/// A place for one value that comes from another thread, or never. The mutex owns it.
final class Slot<Value: Sendable>: Sendable {
  private let content = Mutex<Value?>(nil)

  /// What was put so far.
  var value: Value? { content.withLock { $0 } }

  func put(_ value: Value) { content.withLock { $0 = value } }
}

/// A value that comes once from another thread, and is waited for once.
final class Coming<Value: Sendable>: Sendable {
  private enum State {
    case nothing
    case waiting(CheckedContinuation<Value, Never>)
    case there(Value)
  }

  private let state = Mutex(State.nothing)

  /// Called once.
  func put(_ value: Value) {
    let waiting: CheckedContinuation<Value, Never>? = state.withLock { state in
      if case .waiting(let continuation) = state { return continuation }
      state = .there(value)
      return nil
    }
    waiting?.resume(returning: value)
  }

  /// Called once.
  func get() async -> Value {
    await withCheckedContinuation { continuation in
      let there: Value? = state.withLock { state in
        if case .there(let value) = state { return value }
        state = .waiting(continuation)
        return nil
      }
      if let there { continuation.resume(returning: there) }
    }
  }
}
