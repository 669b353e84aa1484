public import EventModel

// When this node came to hold something: of its own logs when it was recorded, of others when a merge brought it.

extension EventSet {
  /// When this node came to hold an element, by its own HLC; nil: a clock covers none of its dots.
  /// - Complexity: O(dots · log² records).
  public func arrived(
    _ id: ElementID, by clock: Clock, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) -> HLC? {
    guard let row = try reader.get(.ids, StoreKey.element(id).raw) else { return nil }
    let dots = try ElementRow(reading: row).dots
    var first: HLC?
    for recorded in dots where clock.covers(recorded.dot) {
      let arrived = try Self.arrived(recorded, reader)
      first = min(first ?? arrived, arrived)
    }
    return first
  }

  /// Of the events that a clock covers and that declare a ULID wrong, the one that came first, and when.
  public func firstVoid(
    of ulid: ULID, by clock: Clock, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) -> (void: ULID, arrived: HLC)? {
    var first: (void: ULID, arrived: HLC)?
    let cursor = try reader.cursor(.voids)
    var found = try cursor.seek(StoreKey.void(ulid, Dot(origin: Origin(value: 0), n: 0)).raw)
    while found, cursor.key.bigEndian(at: 0, as: UInt128.self) == ulid.value {
      let dot = Dot(origin: Origin(value: cursor.key.bigEndian(at: 16)), n: cursor.key.bigEndian(at: 24))
      if clock.covers(dot), let record = try reader.get(.log, StoreKey.dot(dot).raw), let header = Record.Header(reading: record) {
        let arrived = try Self.arrived(RecordedDot(hlc: header.hlc, dot: dot), reader)
        if first.map({ (arrived, header.ulid) < ($0.arrived, $0.void) }) ?? true { first = (header.ulid, arrived) }
      }
      found = try cursor.next()
    }
    return first
  }

  /// When a dot came: the least own HLC under which `arrivals` has its n or a higher one.
  private static func arrived(_ recorded: RecordedDot, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) -> HLC {
    let (origin, n) = (recorded.dot.origin, recorded.dot.n)
    let arrivals = try reader.cursor(.arrivals)
    /// The first row at or behind an HLC.
    func row(_ hlc: UInt64) throws(StoreError) -> (hlc: UInt64, n: UInt64)? {
      guard try arrivals.seek(StoreKey.dot(origin, hlc).raw), arrivals.key.bigEndian(at: 0, as: UInt64.self) == origin.value,
        arrivals.value.byteCount == 8
      else { return nil }
      return (arrivals.key.bigEndian(at: 8), arrivals.value.bigEndian(at: 0))
    }
    // No rows: the own log. The row under HLC 0: what was recorded here before anything of this log came from elsewhere.
    guard let first = try row(0) else { return recorded.hlc }
    if first.n >= n { return first.hlc == 0 ? recorded.hlc : HLC(value: first.hlc) }
    var (low, high) = (first.hlc, UInt64.max)
    // The row sought is behind `low`, and at or before `high`.
    while low + 1 < high {
      let middle = low + (high - low) / 2
      if let found = try row(middle), found.n < n { low = found.hlc } else { high = middle }
    }
    return try row(high).map { HLC(value: $0.hlc) } ?? recorded.hlc
  }
}
