import EventModel

/// Damaged records that wait for a peer that has them, as a value: since when each is known, and which were waited for long enough.
struct DamageWatch {
  /// A log's first damaged record.
  struct Place: Hashable {
    let database: String
    let dot: Dot
  }

  private let wait: Duration
  private var since: [Place: ContinuousClock.Instant] = [:]

  /// - Parameter wait: how long a peer may take to bring a record.
  init(wait: Duration) { self.wait = wait }

  /// How often to look.
  var pause: Duration { max(min(wait / 4, .seconds(60)), .milliseconds(5)) }

  /// Takes in what is damaged now; what was mended meanwhile is forgotten.
  /// - Returns: what nobody brought in time, by database and dot.
  mutating func due(_ damaged: some Sequence<Place>, at now: ContinuousClock.Instant) -> [Place] {
    var seen: [Place: ContinuousClock.Instant] = [:]
    for place in damaged { seen[place] = since[place] ?? now }
    since = seen
    let due = seen.filter { now - $0.value >= wait }.keys
    return due.sorted { ($0.database, $0.dot) < ($1.database, $1.dot) }
  }
}
