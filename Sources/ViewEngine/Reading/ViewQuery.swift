package import EventModel
package import ViewKit

/// Which rows of a view are wanted. Keys are in their bytes (`KeyBytes`), from a URL's JSON or a typed key.
package struct ViewQuery: Sendable {
  package enum Keys: Sendable {
    /// All, in key order.
    case all
    /// These, in the order asked, joined in key order; those that the view doesn't have are left out.
    case these([[UInt8]])
  }

  package enum Shape: Sendable, Equatable {
    /// Each key's own value.
    case values
    /// The values of keys that begin with the same elements, joined in key order, by so many elements; 0: all in one. For views whose
    /// reducer is commutative.
    case joined(level: Int)
    /// The rows as the view emitted them, each key's in order of happening; with the events that they are of.
    case rows(events: Bool)
  }

  package var keys = Keys.all
  package var shape = Shape.values
  /// The first key of the range, in the direction of the listing.
  package var start: [UInt8]?
  /// The last key of the range, in the direction of the listing.
  package var end: [UInt8]?
  package var inclusiveEnd = true
  /// Only keys that begin with these bytes: see `prefix(of:)`.
  package var prefix: [UInt8]?
  package var descending = false
  /// Rows to be left out first.
  package var skip = 0
  /// 0: no limit but the page's bytes.
  package var limit = 1000
  /// Goes on behind this place: what the page before said of the same query.
  ///
  /// | shape | keys | cursor |
  /// | --- | --- | --- |
  /// | values | all | the last key |
  /// | values | these | the last key's index (2) |
  /// | joined | | what the last group's keys begin with |
  /// | rows | all | the last row's place (34) ‖ its key |
  /// | rows | these | the last row's place (34) ‖ its key's index (2) |
  package var cursor: [UInt8]?
  /// A page ends after about this many bytes.
  package var bytesMax = 1 << 20

  /// Only what happened at this time or later: `between`.
  package var happenedFrom: Instant?
  /// Only what happened before this time: `between`, and `as_of`, which includes its own millisecond.
  package var happenedBefore: Instant?
  /// Only what this clock covers: `known_at`, and `held_at` by `EventSet.clock(heldAt:)`. The view is brought up to it in any case.
  package var known: Clock?

  /// Whether the stored values don't answer it: the view's own code must.
  var isComputed: Bool { happenedFrom != nil || happenedBefore != nil || known != nil || shape != .values }

  /// Whether a cursor has the form that this query gives out.
  package func takes(cursor: [UInt8]) -> Bool {
    var rest = cursor[...]
    if case .rows = shape {
      guard rest.count > Pos.bytesCount else { return false }
      rest = rest.dropFirst(Pos.bytesCount)
    }
    if case .joined = shape { return rest.count <= KeyBytes.bytesMax }
    guard case .these(let keys) = keys else { return !rest.isEmpty && rest.count <= KeyBytes.bytesMax }
    return rest.count == 2 && rest.reduce(0) { $0 << 8 | Int($1) } < keys.count
  }

  /// Whether it can be answered over a slice that is not on disk yet.
  var isOfFewKeys: Bool {
    if case .these(let keys) = keys { return keys.count <= 1000 && !isComputed }
    return false
  }

  package init() {}

  package init(key: [UInt8]) { keys = .these([key]) }

  /// What the keys of a `prefix` begin with: strings that begin with a string, arrays that begin with an array's elements.
  package static func prefix(of json: JSON) throws(KeyError) -> [UInt8] {
    let bytes = try KeyBytes.bytes(of: json)
    return json.kind == .string || json.kind == .array ? [UInt8](bytes.dropLast()) : bytes
  }
}

/// Whether a view is brought up to date before it is read.
package enum ViewUpdate: Sendable {
  /// First, to all that is held when the read comes.
  case first
  /// First, to this clock.
  case to(Clock)
  /// No: answer from what is there.
  case no
  /// Answer from what is there, and start it.
  case lazy
}

/// A page of a view's rows.
package struct ViewPage: Sendable {
  /// The clock that all of the rows are right at.
  package internal(set) var clock = Clock()
  /// Rows `{"key":…,"value":…}` in normal form, the separator between them.
  package internal(set) var rows: [UInt8] = []
  package internal(set) var count = 0
  /// Where the next page goes on; nil: this is the last.
  package internal(set) var cursor: [UInt8]?
}
