import Synchronization

/// Tells that what is in a data file may not be what was written: LMDB said so, or the process that had it did not end well. The mutex owns who
/// is told, and what was said before somebody listened.
final class Doubt: Sendable {
  private struct State {
    var listener: (@Sendable (String) -> Void)?
    var untold: String?
  }

  private let state = Mutex(State())

  func tell(_ what: String) {
    let listener = state.withLock { state in
      if state.listener == nil { state.untold = state.untold ?? what }
      return state.listener
    }
    listener?(what)
  }

  /// Takes a code of LMDB, and the error that became of it.
  func note(_ code: LMDBCode, _ message: @autoclosure () -> String) {
    if code.maySayDamage { tell(message()) }
  }

  func setListener(_ listener: @escaping @Sendable (String) -> Void) {
    let untold = state.withLock { state in
      state.listener = listener
      return state.untold.take()
    }
    if let untold { listener(untold) }
  }
}
