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
        for ulid in log.moved.sorted() { try writer.put(.view, ViewKeys.moved(header.number, ulid).raw, [UInt8]().raw) }
      }
      try writer.put(.view, header.key.raw, header.bytes.raw)
    }
  }
}
