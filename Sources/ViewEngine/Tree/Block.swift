import EventModel
import EventStore

/// The joined rows of a run: none, their encoded join, or that it can't be computed (a row that can't be read, a join that can't be written).
enum Partial: Hashable, Sendable {
  case none, failed
  case value([UInt8])
}

/// What the summary tree holds of a run of a group's rows.
///
/// rows (8) ‖ HLC min (8) ‖ HLC max (8) ‖ 0 none, 1 value, 2 failed ‖ the value
struct Block: Hashable, Sendable {
  /// Rows that have a part in the value: voided ones have none.
  var rows: UInt64 = 0
  /// The least recorded HLC.
  var low = HLC(value: .max)
  /// The greatest HLC, recorded or of a void.
  var high = HLC.zero
  var partial = Partial.none

  init() {}

  init(_ row: StoredRow) {
    widen(by: row)
    partial = row.isActive ? .value(row.row) : .none
  }

  /// Whether no row lies in it, voided ones included.
  var isEmpty: Bool { low > high }

  /// Takes in what is said of another run, but for its value.
  mutating func widen(by other: Block) {
    rows += other.rows
    low = min(low, other.low)
    high = max(high, other.high)
  }

  /// Takes in what is said of a row, but for its value.
  mutating func widen(by row: StoredRow) {
    rows += row.isActive ? 1 : 0
    low = min(low, row.recorded)
    high = max(high, row.recorded, row.voided ?? row.recorded)
  }

  static let fixedBytes = 25

  init(reading bytes: RawSpan) throws(StoreError) {
    guard bytes.byteCount >= Self.fixedBytes, bytes[24] <= 2 else { throw StoreError(.damaged, "a block of a view has a wrong form") }
    rows = bytes.bigEndian(at: 0)
    low = HLC(value: bytes.bigEndian(at: 8))
    high = HLC(value: bytes.bigEndian(at: 16))
    switch bytes[24] {
    case 0: partial = .none
    case 1: partial = .value([UInt8](copying: bytes.extracting(droppingFirst: Self.fixedBytes)))
    default: partial = .failed
    }
  }

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    write(to: &bytes)
    return bytes
  }

  func write(to bytes: inout [UInt8]) {
    bytes.appendBigEndian(rows)
    bytes.appendBigEndian(low.value)
    bytes.appendBigEndian(high.value)
    switch partial {
    case .none: bytes.append(0)
    case .value(let value):
      bytes.append(1)
      bytes.append(contentsOf: value)
    case .failed: bytes.append(2)
    }
  }
}

/// The last block of a level: start pos (34) ‖ `Block`. Of a level above 1 it says what its *closed* children hold, not the open one.
struct OpenBlock: Hashable, Sendable {
  var start = Pos.zero
  var block = Block()

  init(start: Pos = .zero) { self.start = start }

  init(reading bytes: RawSpan) throws(StoreError) {
    guard bytes.byteCount >= Pos.bytesCount else { throw StoreError(.damaged, "an open block of a view has a wrong length") }
    start = Pos(reading: bytes)
    block = try Block(reading: bytes.extracting(droppingFirst: Pos.bytesCount))
  }

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    start.write(to: &bytes)
    block.write(to: &bytes)
    return bytes
  }
}
