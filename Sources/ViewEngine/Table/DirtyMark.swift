import EventModel
import EventStore

/// Says of a key of a `FoldView` which rows are not folded yet: from (34) ‖ up to (34) ‖ encoded view key.
struct DirtyMark: Equatable, Sendable {
  /// Borders up to here are right, later ones may not be.
  var from: Pos
  /// The last row that changed since all borders were right.
  var upTo: Pos
  let key: [UInt8]

  init(from: Pos, upTo: Pos, key: [UInt8]) { (self.from, self.upTo, self.key) = (from, upTo, key) }

  init(reading value: RawSpan) throws(StoreError) {
    guard value.byteCount >= 2 * Pos.bytesCount else { throw StoreError(.damaged, "a mark of a view has a wrong length") }
    from = Pos(reading: value)
    upTo = Pos(reading: value, at: Pos.bytesCount)
    key = [UInt8](copying: value.extracting(droppingFirst: 2 * Pos.bytesCount))
  }

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    from.write(to: &bytes)
    upTo.write(to: &bytes)
    return bytes + key
  }

  /// Takes in further changed rows. Where the mark stood counts as changed: borders before it are newer than those behind it.
  mutating func widen(by changes: [RowChange]) {
    guard let first = changes.first, let last = changes.last else { return }
    upTo = max(upTo, last.pos, from)
    from = min(from, first.pos)
  }
}
