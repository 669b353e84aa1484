public import EventModel

/// The clock of a consumer that runs at this node and goes on from where it was after a restart: a hook's. It is kept in the database's own
/// store, so it is on disk with what it covers.
///
/// A row of the table `meta`: `clock `, with its space, and the consumer's name → the clock, as in its token. This is the place in which all
/// such clocks are found, whoever's they are: whatever takes records out of a log takes the clocks back in the same transaction, by `lower`.
/// (Views keep theirs in their headers, in the table `view`.)
public enum KeptClock {
  private static let prefix = [UInt8]("clock ".utf8)

  private static func key(_ name: String) -> [UInt8] { prefix + name.utf8 }

  /// The clock under a name; that of nothing, if there is none.
  /// - Throws: `damaged`, and what the store throws.
  public static func read(_ name: String, _ reader: borrowing some StoreReader & ~Copyable) throws(StoreError) -> Clock {
    guard let row = try reader.get(.meta, key(name).raw) else { return Clock() }
    guard let clock = Clock(tokenBytes: row) else { throw StoreError(.damaged, "the clock of \(name) is not what was written") }
    return clock
  }

  /// Keeps a clock under a name.
  public static func write(_ name: String, _ clock: Clock, _ writer: borrowing some StoreWriter & ~Copyable) throws(StoreError) {
    try writer.put(.meta, key(name).raw, clock.tokenBytes.raw)
  }

  /// Takes every clock that is above n of a log back to n.
  /// - Parameter entry: where the log ends now; n is 0 if nothing of it is left.
  public static func lower(to entry: Clock.Entry, _ writer: borrowing some StoreWriter & ~Copyable) throws(StoreError) {
    var lowered: [(key: [UInt8], clock: Clock)] = []
    let cursor = try writer.cursor(.meta)
    var found = try cursor.seek(prefix.raw)
    while found, cursor.key.starts(with: prefix.raw) {
      // One that can't be read begins anew: its consumer is told again, and misses nothing.
      var clock = Clock(tokenBytes: cursor.value) ?? Clock()
      if clock[entry.origin] > entry.n {
        clock.set(entry)
        lowered.append(([UInt8](copying: cursor.key), clock))
      }
      found = try cursor.next()
    }
    for row in lowered { try writer.put(.meta, row.key.raw, row.clock.tokenBytes.raw) }
  }
}
