package import EventModel
import EventStore

/// A figure that was served and is another one now, for the same rows' time of happening.
///
/// recorded at (8, ms) ‖ ULID of the event (16) ‖ how late (8, ms) ‖ length of key (2) ‖ encoded view key ‖ 1 before ‖ 2 after, those that
/// there are ‖ length of before (4) ‖ before ‖ after
package struct Restatement: Equatable, Sendable {
  /// When it was found, by this node's wall clock.
  package let at: Instant
  /// The first event, in order of happening, that came late; if it voided one that was there, the void.
  package let event: ULID
  /// How long after it happened, or what it voids did, this node came to hold it. Milliseconds.
  package let lateMilliseconds: Int64
  /// The encoded view key.
  package let key: [UInt8]
  /// The JSON of the figures; nil: the view had, or has, none for the key.
  package let before: [UInt8]?
  package let after: [UInt8]?

  init(at: Instant, event: ULID, lateMilliseconds: Int64, key: [UInt8], before: [UInt8]?, after: [UInt8]?) {
    (self.at, self.event, self.lateMilliseconds, self.key) = (at, event, lateMilliseconds, key)
    (self.before, self.after) = (before, after)
  }

  init(reading row: RawSpan) throws(StoreError) {
    let damaged = StoreError(.damaged, "a restatement of a view has a wrong form")
    guard row.byteCount >= 39 else { throw damaged }
    let keyEnd = 34 + Int(row.bigEndian(at: 32, as: UInt16.self))
    guard row.byteCount >= keyEnd + 5 else { throw damaged }
    let end = keyEnd + 5 + Int(row.bigEndian(at: keyEnd + 1, as: UInt32.self))
    guard row.byteCount >= end else { throw damaged }
    at = Instant(milliseconds: Int64(bitPattern: row.bigEndian(at: 0)))
    event = ULID(value: row.bigEndian(at: 8))
    lateMilliseconds = Int64(bitPattern: row.bigEndian(at: 24))
    key = [UInt8](copying: row.extracting(34..<keyEnd))
    before = row[keyEnd] & 1 != 0 ? [UInt8](copying: row.extracting(keyEnd + 5..<end)) : nil
    after = row[keyEnd] & 2 != 0 ? [UInt8](copying: row.extracting(droppingFirst: end)) : nil
  }

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(UInt64(bitPattern: at.milliseconds))
    bytes.appendBigEndian(event.value)
    bytes.appendBigEndian(UInt64(bitPattern: lateMilliseconds))
    bytes.appendBigEndian(UInt16(truncatingIfNeeded: key.count))
    bytes += key
    bytes.append((before == nil ? 0 : 1) | (after == nil ? 0 : 2))
    bytes.appendBigEndian(UInt32(truncatingIfNeeded: before?.count ?? 0))
    return bytes + (before ?? []) + (after ?? [])
  }
}
