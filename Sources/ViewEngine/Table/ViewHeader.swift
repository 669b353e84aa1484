import EventModel
import EventStore

/// What the table holds of one view as a whole. A live one is right at `clock`, at every moment.
///
/// layout (1) ‖ state (1) ‖ next group (8) ‖ rows (8) ‖ skipped (8) ‖ length of name (2) ‖ name ‖ length of fingerprint (4) ‖ fingerprint ‖
/// clock as in its token
struct ViewHeader: Equatable, Sendable {
  /// Another layout of the rows is another view.
  static let layout: UInt8 = 2

  enum State: UInt8, Sendable {
    /// Being built beside the live one of its name: nobody reads it. Its clock says what is in it for certain.
    case building = 0
    case live = 1
    /// Another one took its place: its rows are being deleted.
    case dead = 2
  }

  let number: UInt32
  let name: String
  let fingerprint: String
  var state = State.building
  var nextGroup: UInt64 = 0
  /// Rows of all keys.
  var rows: UInt64 = 0
  /// Events skipped.
  var skipped: UInt64 = 0
  var clock = Clock()

  var key: [UInt8] { ViewKeys.prefix(number, .header) }

  var bytes: [UInt8] {
    var bytes = [Self.layout, state.rawValue]
    for count in [nextGroup, rows, skipped] { bytes.appendBigEndian(count) }
    bytes.appendBigEndian(UInt16(truncatingIfNeeded: name.utf8.count))
    bytes.append(contentsOf: name.utf8)
    bytes.appendBigEndian(UInt32(truncatingIfNeeded: fingerprint.utf8.count))
    bytes.append(contentsOf: fingerprint.utf8)
    return bytes + clock.tokenBytes
  }

  init(number: UInt32, name: String, fingerprint: String) {
    (self.number, self.name, self.fingerprint) = (number, name, fingerprint)
  }

  init(number: UInt32, reading row: RawSpan) throws(StoreError) {
    let damaged = StoreError(.damaged, "view \(number): its header is not what was written")
    guard row.byteCount > 28 else { throw damaged }
    let nameEnd = 28 + Int(row.bigEndian(at: 26, as: UInt16.self))
    guard row.byteCount >= nameEnd + 4 else { throw damaged }
    let end = nameEnd + 4 + Int(row.bigEndian(at: nameEnd, as: UInt32.self))
    guard row.byteCount >= end, let clock = Clock(tokenBytes: row.extracting(droppingFirst: end)) else { throw damaged }
    self.init(number: number, name: Self.text(row, 28..<nameEnd), fingerprint: Self.text(row, nameEnd + 4..<end))
    (nextGroup, rows, skipped) = (row.bigEndian(at: 2), row.bigEndian(at: 10), row.bigEndian(at: 18))
    // Rows of another layout can't be read: they are only to be deleted.
    state = row[0] == Self.layout ? State(rawValue: row[1]) ?? .dead : .dead
    self.clock = clock
  }

  private static func text(_ row: RawSpan, _ range: Range<Int>) -> String {
    String(decoding: [UInt8](copying: row.extracting(range)), as: UTF8.self)
  }

  /// All headers of a store, by number.
  static func all(_ reader: borrowing some StoreReader & ~Copyable) throws(StoreError) -> [ViewHeader] {
    var headers: [ViewHeader] = []
    let cursor = try reader.cursor(.view)
    var found = try cursor.next()
    while found {
      guard cursor.key.byteCount >= 5 else { throw StoreError(.damaged, "a key of the views has a wrong length") }
      let number: UInt32 = cursor.key.bigEndian(at: 0)
      if cursor.key.byteCount == 5, cursor.key[4] == ViewKeys.Kind.header.rawValue {
        headers.append(try ViewHeader(number: number, reading: cursor.value))
      }
      guard number < .max else { break }
      found = try cursor.seek(ViewKeys.prefix(number + 1, .header).raw)
    }
    return headers
  }
}

/// The headers of one view's name: one may be built beside the one that answers.
struct ViewHeaders {
  /// Of what the view means now.
  let live: ViewHeader?
  /// Of what the view means now, and not there yet: another version than the one that answers, or the same from its beginning.
  let building: ViewHeader?
  /// Of what it meant before: it answers who doesn't wait, until there is a live one.
  let old: ViewHeader?
  /// To be deleted.
  let leftovers: [ViewHeader]

  init(_ name: String, _ fingerprint: String, _ reader: borrowing some StoreReader & ~Copyable) throws(StoreError) {
    let all = try ViewHeader.all(reader).filter { $0.name == name }
    let mine = all.filter { $0.fingerprint == fingerprint }
    let live = mine.first { $0.state == .live }
    let building = mine.first { $0.state == .building }
    let old = live == nil ? all.first { $0.state == .live } : nil
    let used = [live, building, old].compactMap { $0?.number }
    (self.live, self.building, self.old, leftovers) = (live, building, old, all.filter { !used.contains($0.number) })
  }
}
