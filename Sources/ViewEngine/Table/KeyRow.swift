import EventModel
import EventStore

/// What the table holds of one key.
///
/// | offset | bytes | |
/// | --- | --- | --- |
/// | 0 | 8 | group |
/// | 8 | 8 | rows that are not voided |
/// | 16 | 34 | the last row's place, voided or not |
/// | 50 | 1 | levels of the summary tree, 0: no rows of it; of a `FoldView` 1: there is a `DirtyMark`, total and value are out of date |
/// | 51 | 1 | total: 0 none, 1 there, 2 can't be computed |
/// | 52 | 1 | 1: there is a value |
/// | 53 | 4 | length of the total |
/// | 57 | | total, then the value's JSON |
struct KeyRow: Sendable {
  let group: UInt64
  var rows: UInt64 = 0
  var last = Pos.zero
  var levels = 0
  /// `none`: all rows are voided.
  var total = Partial.none
  /// nil: the view has no value for this key.
  var value: [UInt8]?

  /// Of a `FoldView`: whether total and value are those before late rows that are not folded yet.
  var isDirty: Bool {
    get { levels == 1 }
    set { levels = newValue ? 1 : 0 }
  }

  private static let fixedBytes = 57

  init(group: UInt64) { self.group = group }

  init(reading row: RawSpan) throws(StoreError) {
    let valueStart = try Self.valueStart(row)
    group = row.bigEndian(at: 0)
    rows = row.bigEndian(at: 8)
    last = Pos(reading: row, at: 16)
    levels = Int(row[50])
    switch row[51] {
    case 0: total = .none
    case 1: total = .value([UInt8](copying: row.extracting(Self.fixedBytes..<valueStart)))
    default: total = .failed
    }
    value = row[52] == 1 ? [UInt8](copying: row.extracting(valueStart..<row.byteCount)) : nil
  }

  private static func valueStart(_ row: RawSpan) throws(StoreError) -> Int {
    guard row.byteCount >= fixedBytes, case let start = fixedBytes + Int(row.bigEndian(at: 53, as: UInt32.self)), start <= row.byteCount
    else { throw StoreError(.damaged, "a key's row of a view has a wrong length") }
    return start
  }

  /// The group of a row.
  static func group(in row: RawSpan) throws(StoreError) -> UInt64 {
    _ = try valueStart(row)
    return row.bigEndian(at: 0)
  }

  /// Whether a row is out of date, as long as a `DirtyMark` stands beside it: of a `FoldView`.
  static func isDirty(_ row: RawSpan) throws(StoreError) -> Bool {
    _ = try valueStart(row)
    return row[50] == 1
  }

  /// Where the value's JSON lies in a row; nil if the key has none.
  static func value(in row: RawSpan) throws(StoreError) -> Range<Int>? {
    let start = try valueStart(row)
    return row[52] == 1 ? start..<row.byteCount : nil
  }

  var bytes: [UInt8] {
    let (tag, total): (UInt8, [UInt8]) =
      switch total {
      case .none: (0, [])
      case .value(let bytes): (1, bytes)
      case .failed: (2, [])
      }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.fixedBytes + total.count + (value?.count ?? 0))
    bytes.appendBigEndian(group)
    bytes.appendBigEndian(rows)
    last.write(to: &bytes)
    bytes.append(UInt8(levels))
    bytes.append(tag)
    bytes.append(value == nil ? 0 : 1)
    bytes.appendBigEndian(UInt32(truncatingIfNeeded: total.count))
    bytes.append(contentsOf: total)
    if let value { bytes.append(contentsOf: value) }
    return bytes
  }
}
