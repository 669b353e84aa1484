import EventModel
import EventStore

/// How far a view is with what it served: next serial (8) ‖ oldest serial kept (8) ‖ groups served (8) ‖ state (1), under kind 7 with nothing
/// behind it. Without one, nothing of the view was served yet.
struct ServingMark: Equatable, Sendable {
  enum State: UInt8, Sendable {
    /// What the view says is what was served last.
    case served = 0
    /// Slices were put since: kind 8 holds what was served of the keys that they touched.
    case open = 1
    /// The catch-up is at its end: what kind 8 holds is compared with what the view says now, and nothing else is put before that is done.
    case closing = 2
  }

  /// The serial of the next restatement; they are counted from 0, without a hole.
  var next: UInt64 = 0
  /// The first serial that is still there; `next`, if there is none.
  var oldest: UInt64 = 0
  /// Groups below this one were there when the view was served: keys of later ones were not.
  var groups: UInt64 = 0
  var state = State.served

  init() {}

  init?(_ number: UInt32, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) {
    guard let row = try reader.get(.view, ViewKeys.prefix(number, .restated).raw) else { return nil }
    guard row.byteCount == 25, let state = State(rawValue: row[24]) else {
      throw StoreError(.damaged, "view \(number): the mark of what it served has a wrong form")
    }
    (next, oldest, groups) = (row.bigEndian(at: 0), row.bigEndian(at: 8), row.bigEndian(at: 16))
    self.state = state
  }

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    for count in [next, oldest, groups] { bytes.appendBigEndian(count) }
    return bytes + [state.rawValue]
  }
}
