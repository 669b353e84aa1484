/// The databases that are in doubt, and when each may be checked, as a value.
///
/// A check reads a whole database. So there is one at a time; after one that came to nothing the next of the same database has to wait, each time
/// twice as long as before; and after `checksMax` of them it is left to a person.
struct DoubtWatch {
  private struct State {
    var isInDoubt = false
    /// How many checks came to nothing.
    var checks = 0
    /// When the next may begin.
    var notBefore: ContinuousClock.Instant?
  }

  private var states: [String: State] = [:]
  static let checksMax = 10
  static let pauseLeast = Duration.seconds(60)

  /// Takes note of a doubt.
  /// - Returns: whether that is news.
  mutating func add(_ name: String) -> Bool {
    let isNews = states[name]?.isInDoubt != true
    states[name, default: State()].isInDoubt = true
    return isNews
  }

  /// The database to be checked now; it is in doubt no more until it is doubted again.
  mutating func next(at now: ContinuousClock.Instant) -> String? {
    guard let name = waiting.first(where: { $0.notBefore ?? now <= now })?.name else { return nil }
    states[name]?.isInDoubt = false
    return name
  }

  /// When the next check is due, if there is nothing new.
  var due: ContinuousClock.Instant? { waiting.compactMap(\.notBefore).min() }

  /// Takes a check's outcome.
  /// - Parameter isReplaced: whether another database is in its place now: of that one nothing is known yet.
  mutating func checked(_ name: String, isReplaced: Bool, at now: ContinuousClock.Instant) {
    if isReplaced {
      states[name] = nil
      return
    }
    let checks = (states[name]?.checks ?? 0) + 1
    states[name, default: State()].checks = checks
    states[name]?.notBefore = now + Self.pauseLeast * (1 << min(checks - 1, Self.checksMax))
  }

  private var waiting: [(name: String, notBefore: ContinuousClock.Instant?)] {
    let waiting = states.filter { $0.value.isInDoubt && $0.value.checks < Self.checksMax }
    return waiting.map { ($0.key, $0.value.notBefore) }.sorted { $0.name < $1.name }
  }
}
