import EventModel
import EventStore

/// Where a slice reads what is there: what is stored, with what is ahead of it. Lives as long as its transaction.
struct SliceSource {
  /// For scans, and for single rows.
  let rows: any StoreCursor
  private let single: any StoreCursor

  init(_ ahead: Ahead?, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) {
    let (rows, single) = (try reader.cursor(.view), try reader.cursor(.view))
    self.rows = ahead.map { AheadCursor($0, rows) } ?? rows
    self.single = ahead.map { AheadCursor($0, single) } ?? single
  }

  /// Whether there is a row.
  func has(_ key: [UInt8]) throws(StoreError) -> Bool {
    guard try single.seek(key.raw) else { return false }
    return single.key.equals(key.raw)
  }

  /// What `read` makes of a row's value; nil: there is none.
  func get<R>(_ key: [UInt8], _ read: (RawSpan) throws(StoreError) -> R) throws(StoreError) -> R? {
    try has(key) ? read(single.value) : nil
  }
}
