import EventModel
import EventStore
import ViewKit

/// The keys of the table `view`; integers big-endian. Every key begins with view number (4) ‖ kind (1); numbers are this node's own.
///
/// | kind | rest of key → value |
/// | --- | --- |
/// | 0 | → `ViewHeader` |
/// | 1 | encoded view key → `KeyRow` |
/// | 2 | group (8) ‖ 0 ‖ pos (34) → `StoredRow` |
/// | 2 | group (8) ‖ 1 ‖ level (1) → `OpenBlock` |
/// | 3 | group (8) ‖ level (1) ‖ start pos (34) → `Block`, a closed one |
/// | 4 | group (8) ‖ pos (34) → a `FoldView`'s border: `Block` of the rows since the border before, its partial the state before the row |
/// | 5 | group (8) → `DirtyMark` |
/// | 6 | ULID (16) ‖ digest[0..<16] → why the view skipped this event |
/// | 7 | → `ServingMark`; serial (8) → `Restatement` |
/// | 8 | group (8) → `ServedFigure`, while a catch-up runs |
/// | 9 | ULID (16) → nothing: a cut took records of its events, whose rows are to be put anew with other HLCs |
/// | 10 | origin (8) → n (8): since a cut the view may have rows of events that a clock covers only if it covers this |
enum ViewKeys {
  enum Kind: UInt8 {
    case header = 0, key = 1, row = 2, closed = 3, border = 4
    case dirty = 5, skipped = 6, restated = 7, served = 8, moved = 9, owed = 10
  }

  static func prefix(_ number: UInt32, _ kind: Kind) -> [UInt8] {
    var key: [UInt8] = []
    key.reserveCapacity(50)
    key.appendBigEndian(number)
    key.append(kind.rawValue)
    return key
  }

  /// What the keys of a group's rows begin with; their places follow.
  static func rows(_ number: UInt32, group: UInt64) -> [UInt8] {
    var key = prefix(number, .row)
    key.appendBigEndian(group)
    key.append(0)
    return key
  }

  static func open(_ number: UInt32, group: UInt64, level: Int) -> [UInt8] {
    var key = prefix(number, .row)
    key.appendBigEndian(group)
    key.append(1)
    key.append(UInt8(level))
    return key
  }

  /// What the keys of a group's closed blocks of a level begin with; their starts follow.
  static func closed(_ number: UInt32, group: UInt64, level: Int) -> [UInt8] {
    var key = prefix(number, .closed)
    key.appendBigEndian(group)
    key.append(UInt8(level))
    return key
  }

  /// What the keys of a group's borders begin with; their places follow.
  static func borders(_ number: UInt32, group: UInt64) -> [UInt8] {
    var key = prefix(number, .border)
    key.appendBigEndian(group)
    return key
  }

  static func dirty(_ number: UInt32, group: UInt64) -> [UInt8] {
    var key = prefix(number, .dirty)
    key.appendBigEndian(group)
    return key
  }

  static func restatement(_ number: UInt32, _ serial: UInt64) -> [UInt8] {
    var key = prefix(number, .restated)
    key.appendBigEndian(serial)
    return key
  }

  static func served(_ number: UInt32, group: UInt64) -> [UInt8] {
    var key = prefix(number, .served)
    key.appendBigEndian(group)
    return key
  }

  static func moved(_ number: UInt32, _ ulid: ULID) -> [UInt8] {
    var key = prefix(number, .moved)
    key.appendBigEndian(ulid.value)
    return key
  }

  static func owed(_ number: UInt32, _ origin: Origin) -> [UInt8] {
    var key = prefix(number, .owed)
    key.appendBigEndian(origin.value)
    return key
  }

  static func at(_ prefix: [UInt8], _ pos: Pos) -> [UInt8] {
    var key: [UInt8] = []
    key.reserveCapacity(prefix.count + Pos.bytesCount)
    key.append(contentsOf: prefix)
    pos.write(to: &key)
    return key
  }

  static func element(_ when: Happened) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(when.id.value)
    bytes.appendBigEndian(when.digest)
    return bytes
  }

  /// The least key above all that begin with these bytes; nil if there is none.
  static func after(_ prefix: [UInt8]) -> [UInt8]? {
    var key = prefix
    while let last = key.popLast() {
      if last < 0xFF { return key + [last + 1] }
    }
    return nil
  }
}
