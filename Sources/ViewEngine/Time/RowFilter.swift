import EventModel
import EventStore
import ViewKit

/// Which rows have a part in what a query asks for, on both axes of time.
struct RowFilter {
  /// Happened from here on.
  var from = Pos.zero
  /// Happened before; nil: no bound.
  var to: Pos?
  /// Recorded and not voided by then; nil: by now.
  var known: Knowledge?

  var isAll: Bool { from == .zero && to == nil && known == nil }

  /// Whether a row in `[from, to)` counts.
  func takes(_ pos: Pos, _ row: StoredRow) throws(StoreError) -> Bool {
    guard let known else { return row.isActive }
    guard try known.knows(pos, row) else { return false }
    return try !known.knowsVoid(of: pos, row)
  }
}

/// What a node that holds exactly what a clock covers would know of a view's rows.
///
/// Nearly all rows are decided by their HLC: one below `low`, the least HLC of a record held that the clock doesn't cover, is known; one
/// above `high`, the greatest that it covers, is not. Between them the dots in `ids` and in `voids` decide.
struct Knowledge {
  let low: HLC
  let high: HLC
  private let clock: Clock
  private let ids: any StoreCursor
  private let voids: any StoreCursor

  /// - Parameter clock: one that `held` covers.
  /// - Complexity: O(origins · log records).
  init(_ clock: Clock, held: Clock, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) {
    var (low, high) = (HLC(value: .max), HLC.zero)
    // HLCs rise along every log.
    for entry in held.entries {
      let n = clock[entry.origin]
      if n < entry.n { low = min(low, try Self.recorded(Dot(origin: entry.origin, n: n + 1), reader)) }
      if n > 0 { high = max(high, try Self.recorded(Dot(origin: entry.origin, n: n), reader)) }
    }
    try self.init(clock, low: low, high: high, reader)
  }

  init(_ clock: Clock, low: HLC, high: HLC, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) {
    (self.clock, self.low, self.high) = (clock, low, high)
    (ids, voids) = (try reader.cursor(.ids), try reader.cursor(.voids))
  }

  private static func recorded(_ dot: Dot, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) -> HLC {
    guard let record = try reader.get(.log, StoreKey.dot(dot).raw), let header = Record.Header(reading: record) else {
      throw StoreError(.damaged, "the record \(dot.n) of \(dot.origin) is missing")
    }
    return header.hlc
  }

  func knows(_ pos: Pos, _ row: StoredRow) throws(StoreError) -> Bool {
    if row.recorded < low { return true }
    if row.recorded > high { return false }
    let key = StoreKey.element(ElementID(ulid: pos.when.id, digest: pos.digest))
    guard try ids.seek(key.raw), ids.key.equals(key.raw) else { return false }
    for at in stride(from: 1, through: ids.value.byteCount - 24, by: 24) where clock.covers(dot(ids.value, at + 8)) { return true }
    return false
  }

  func knowsVoid(of pos: Pos, _ row: StoredRow) throws(StoreError) -> Bool {
    guard let voided = row.voided else { return false }
    if voided < low { return true }
    if voided > high { return false }
    var first: [UInt8] = []
    first.appendBigEndian(pos.id)
    var found = try voids.seek(first.raw)
    while found, voids.key.bigEndian(at: 0, as: UInt128.self) == pos.id {
      if clock.covers(dot(voids.key, 16)) { return true }
      found = try voids.next()
    }
    return false
  }

  private func dot(_ bytes: RawSpan, _ at: Int) -> Dot {
    Dot(origin: Origin(value: bytes.bigEndian(at: at)), n: bytes.bigEndian(at: at + 8))
  }
}
