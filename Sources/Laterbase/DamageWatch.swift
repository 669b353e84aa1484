import EventModel

/// Damaged records that wait for a peer that has them, as a value: since when each is known, and which were waited for long enough.
struct DamageWatch {
  /// A log's first damaged record.
  struct Place: Hashable, Comparable {
    let database: String
    let dot: Dot

    static func < (a: Place, b: Place) -> Bool { (a.database, a.dot) < (b.database, b.dot) }
  }

  /// When each was found, by the wall clock: it goes on over a restart.
  private(set) var found: [Place: Instant]
  private let wait: Duration
  /// Since when this process knows of each.
  private var known: [Place: ContinuousClock.Instant] = [:]
  /// A process that was just started gives the peers a moment, however long ago the damage was found.
  private static let momentMax = Duration.seconds(60)

  /// - Parameters:
  ///   - wait: how long a peer may take to bring a record.
  ///   - found: what was known before a restart.
  init(wait: Duration, found: [Place: Instant] = [:]) { (self.wait, self.found) = (wait, found) }

  /// How often to look.
  var pause: Duration { max(min(wait / 4, .seconds(60)), .milliseconds(5)) }

  /// Takes in what is damaged now; what was mended meanwhile is forgotten.
  /// - Parameters:
  ///   - wall: now, by the wall clock. If that was put back, the wait begins anew.
  ///   - now: the same by a clock that nobody sets.
  /// - Returns: what nobody brought in time, by database and dot.
  mutating func due(_ damaged: some Sequence<Place>, at wall: Instant, _ now: ContinuousClock.Instant) -> [Place] {
    let (before, knownBefore) = (found, known)
    (found, known) = ([:], [:])
    for place in damaged {
      found[place] = min(before[place] ?? wall, wall)
      known[place] = knownBefore[place] ?? now
    }
    let moment = min(wait, Self.momentMax)
    let due = found.filter { place, found in
      Duration.milliseconds(wall.milliseconds - found.milliseconds) >= wait && now - (known[place] ?? now) >= moment
    }
    return due.keys.sorted()
  }
}
