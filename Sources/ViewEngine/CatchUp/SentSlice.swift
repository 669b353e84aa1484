import EventStore
import Synchronization

/// A slice on its way to the disk, for whoever waits for it, once.
final class SentSlice: Sendable {
  private enum State {
    case onItsWay
    case awaited(CheckedContinuation<Result<Bool, StoreError>, Never>)
    case ended(Result<Bool, StoreError>)
  }

  /// Owns the continuation; it is resumed outside.
  private let state = Mutex(State.onItsWay)

  func end(_ result: Result<Bool, StoreError>) {
    let before = state.withLock { state in
      defer { state = .ended(result) }
      return state
    }
    if case .awaited(let continuation) = before { continuation.resume(returning: result) }
  }

  /// Whether it was put; false: the view has moved since it was computed.
  func isPut() async throws(StoreError) -> Bool {
    let result = await withCheckedContinuation { continuation in
      let ended: Result<Bool, StoreError>? = state.withLock { state in
        if case .ended(let result) = state { return result }
        state = .awaited(continuation)
        return nil
      }
      if let ended { continuation.resume(returning: ended) }
    }
    return try result.get()
  }
}
