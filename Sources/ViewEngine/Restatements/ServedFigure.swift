import EventModel
import EventStore

/// What was served of a key before the catch-up under way touched it.
///
/// last pos (34) ‖ 0 nothing changed, 1 a row was added, 2 a row was voided ‖ its pos (34) ‖ length of key (2) ‖ encoded view key ‖
/// 0 no value, 1 a value ‖ the value's JSON
struct ServedFigure: Equatable, Sendable {
  enum Change: UInt8, Sendable { case none = 0, added = 1, voided = 2 }

  let key: [UInt8]
  /// The place of the last row that counted: the figure is the value as of there.
  let last: Pos
  /// nil: the key had no value.
  let value: [UInt8]?
  /// What happened to the first row, in order of happening, that was added or voided since, up to `last`.
  private(set) var change = Change.none
  private(set) var changed = Pos.zero

  init(key: [UInt8], _ row: KeyRow) { (self.key, last, value) = (key, row.last, row.value) }

  init(reading row: RawSpan) throws(StoreError) {
    let damaged = StoreError(.damaged, "what was served of a view's key has a wrong form")
    let keyStart = 2 * Pos.bytesCount + 3
    guard row.byteCount > keyStart, let change = Change(rawValue: row[Pos.bytesCount]) else { throw damaged }
    let keyEnd = keyStart + Int(row.bigEndian(at: keyStart - 2, as: UInt16.self))
    guard row.byteCount > keyEnd else { throw damaged }
    last = Pos(reading: row)
    (self.change, changed) = (change, Pos(reading: row, at: Pos.bytesCount + 1))
    key = [UInt8](copying: row.extracting(keyStart..<keyEnd))
    value = row[keyEnd] == 1 ? [UInt8](copying: row.extracting(droppingFirst: keyEnd + 1)) : nil
  }

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    last.write(to: &bytes)
    bytes.append(change.rawValue)
    changed.write(to: &bytes)
    bytes.appendBigEndian(UInt16(truncatingIfNeeded: key.count))
    return bytes + key + [value == nil ? 0 : 1] + (value ?? [])
  }

  /// Takes note of changed rows. A row that came and went counts as one that came, so that how the changes were sliced makes no difference.
  mutating func note(_ changes: [RowChange]) {
    for change in changes where change.pos <= last {
      let kind: Change =
        switch change.old {
        case nil: .added
        case let old?: old.isActive && !change.new.isActive ? .voided : .none
        }
      if kind != .none, self.change == .none || change.pos < changed { (self.change, changed) = (kind, change.pos) }
    }
  }
}
