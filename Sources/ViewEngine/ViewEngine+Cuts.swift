import EventModel
import EventStore

// What a cut of a log means for views. Their events stay, under other records: what a view has of the log is read again from where it ends
// now, which changes nothing of rows that are there, and the HLCs of rows whose events' records went are put anew.

extension ViewEngine {
  /// Drops every view's clock to where a log ends now, in the transaction that cut it. Views that are being built begin again; where events
  /// are gone, all do.
  static func lower(_ log: LoweredLog, _ writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) {
    for var header in try ViewHeader.all(writer) where header.state != .dead {
      if header.state == .building || log.isLossy {
        header.state = .dead
      } else {
        if header.clock[log.end.origin] > log.end.n { header.clock.set(log.end) }
        try owe(log, header, writer)
        for ulid in log.moved.sorted() { try writer.put(.view, ViewKeys.moved(header.number, ulid).raw, [UInt8]().raw) }
      }
      try writer.put(.view, header.key.raw, header.bytes.raw)
    }
  }

  /// Keeps which records a clock has to cover that is to cover the rows of events whose own were cut.
  private static func owe(_ log: LoweredLog, _ header: ViewHeader, _ writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) {
    var needs = log.needs.filter { header.clock[$0.key] < $0.value }
    for origin in needs.keys.sorted() {
      let key = ViewKeys.owed(header.number, origin)
      if let row = try writer.get(.view, key.raw), row.byteCount == 8 { needs[origin]?.raise(to: row.bigEndian(at: 0)) }
      var row: [UInt8] = []
      row.appendBigEndian(needs[origin] ?? 0)
      try writer.put(.view, key.raw, row.raw)
    }
    // What was owed of the log's own end is not there any more: now it is owed of others.
    let key = ViewKeys.owed(header.number, log.end.origin)
    guard let row = try writer.get(.view, key.raw), row.byteCount == 8, row.bigEndian(at: 0, as: UInt64.self) > log.end.n else { return }
    var least: [UInt8] = []
    least.appendBigEndian(log.end.n)
    try writer.put(.view, key.raw, least.raw)
  }

  /// Whether a view may have rows, since a cut, of events that its clock doesn't cover: then it must catch up before it is read at that.
  static func owes(_ header: ViewHeader?, _ reader: borrowing any StoreReader & ~Copyable, _ state: SetState) throws(StoreError) -> Bool {
    guard let header, state.cuts > 0 else { return false }
    if try Slice.hasMoved(header, reader, state) { return true }
    let prefix = ViewKeys.prefix(header.number, .owed)
    let cursor = try reader.cursor(.view)
    var found = try cursor.seek(prefix.raw)
    while found, cursor.key.starts(with: prefix.raw), cursor.key.byteCount == prefix.count + 8, cursor.value.byteCount == 8 {
      let origin = Origin(value: cursor.key.bigEndian(at: prefix.count))
      if header.clock[origin] < cursor.value.bigEndian(at: 0, as: UInt64.self) { return true }
      found = try cursor.next()
    }
    return false
  }
}

extension UInt64 {
  fileprivate mutating func raise(to other: UInt64) { self = Swift.max(self, other) }
}
