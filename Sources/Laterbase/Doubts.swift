import EventStore
import Synchronization

/// Takes doubts from any thread, also from inside of transactions, and wakes who has databases checked. The mutex owns the watch and what was
/// said first.
final class Doubts: Sendable {
  private let state = Mutex((watch: DoubtWatch(), said: [String: String]()))
  /// Announces each new doubt.
  let changes = ChangeSignal()

  /// - Parameter what: why it is in doubt, for a person.
  func add(_ name: String, _ what: String) {
    let isNews = state.withLock { state in
      let isNews = state.watch.add(name)
      if isNews { state.said[name] = what }
      return isNews
    }
    if isNews { changes.announce() }
  }

  /// The database to be checked now, and why.
  func next(at now: ContinuousClock.Instant) -> (name: String, what: String)? {
    state.withLock { state in state.watch.next(at: now).map { ($0, state.said[$0] ?? "") } }
  }

  var due: ContinuousClock.Instant? { state.withLock { $0.watch.due } }

  func checked(_ name: String, isReplaced: Bool, at now: ContinuousClock.Instant) {
    state.withLock { $0.watch.checked(name, isReplaced: isReplaced, at: now) }
  }
}
