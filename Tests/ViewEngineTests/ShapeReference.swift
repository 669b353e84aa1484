import EventModel
import StoreConformance

@testable import ViewEngine
@testable import ViewKit
@testable import ViewLaws

/// Keys of one to three elements, or none: doubles in them, so that a sum says in which order it was made.
struct Pairs: ReduceView {
  struct Answer: Encodable, Sendable {
    let joined: Composed.Row
    let isOneKey: Bool
  }
  let name = "pairs"
  func map(_ event: Sample, _ when: Happened, emit: inout Emit<JSON, Composed.Row>) {
    let row = Composed.Row(sum: Sum(event.value / 10), last: Last(event.value, when), first: First(event.key, when))
    let key = event.key.map { JSON($0) } ?? .null
    let rest = JSON(Int(event.value) % 3)
    switch Int(event.value) % 5 {
    case 0: emit(event.value > 1500 ? JSON((event.key ?? "") + "\0") : key, row)
    case 1 where event.value > 1500: emit([JSON((event.key ?? "") + "\0x"), rest], row)
    case 1: emit([key], row)
    case 2: emit([key, rest], row)
    default: emit([key, rest, [JSON(Int(event.value) % 2)]], row)
    }
    if event.extra != nil { emit([key, rest, [JSON(Int(event.value) % 2)]], row) }
  }
  /// No answer for a few of them.
  func finish(_ joined: Composed.Row, _ key: JSON?) -> Answer? {
    joined.count.count % 4 == 1 ? nil : Answer(joined: joined, isOneKey: key != nil)
  }
}

let shapes = Database("samples", of: Sample.self) {
  Pairs(); Turns(); Trails()
}

extension Reference {
  /// What keys of a group have in common, by their JSON.
  static func common(_ key: JSON, _ level: Int) -> JSON {
    guard level > 0 else { return .null }
    guard let elements = key.elements, elements.count >= level else { return key }
    return JSON(Array(elements[..<level]))
  }

  /// The rows of an answer to a query of any shape, from the definition alone: the events that count, mapped, reduced, joined.
  static func rows<V: ReduceView>(_ view: V, _ events: [SeenEvent], _ query: ViewQuery) throws -> [String] {
    let selected = select(try MappedEvents(view, events).rows, query)
    switch query.shape {
    case .rows: return try listed(selected, query)
    case .values:
      return try selected.compactMap { key, rows in
        try view.finish(total(rows), V.RowKey(keyBytes: key)).map { try row(KeyBytes.json(key), $0) }
      }
    case .joined(let level):
      var groups: [(key: JSON, keys: [[UInt8]], total: V.Row)] = []
      for (key, rows) in selected.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
        let (common, total) = (common(try KeyBytes.json(key), level), total(rows))
        if let last = groups.last, last.key == common {
          groups[groups.count - 1] = (common, last.keys + [key], last.total.joined(total))
        } else {
          groups.append((common, [key], total))
        }
      }
      if query.descending { groups.reverse() }
      return try groups.compactMap { group in
        let isOneKey = try group.keys.count == 1 && KeyBytes.json(group.keys[0]) == group.key && level > 0
        let value = try view.finish(group.total, isOneKey ? V.RowKey(keyBytes: group.keys[0]) : nil)
        return try value.map { try row(group.key, $0) }
      }
    }
  }

  /// Those of a `FoldView`, whose keys are not joined.
  static func rows<V: FoldView>(_ view: V, _ events: [SeenEvent], _ query: ViewQuery) throws -> [String] {
    let selected = select(try MappedEvents(view, events).rows, query)
    if case .rows = query.shape { return try listed(selected, query) }
    return try selected.compactMap { key, rows in
      let typed = try V.RowKey(keyBytes: key)
      var state = view.start(typed)
      for row in rows { view.apply(row.row, row.when, to: &state) }
      return try view.finish(state, typed).map { try row(KeyBytes.json(key), $0) }
    }
  }

  private static func row(_ key: JSON, _ value: some Encodable) throws -> String {
    #"{"key":\#(key),"value":\#(try EventEncoder().encode(value))}"#
  }

  private static func total<V: ReduceView>(_ rows: [MappedEvents<V>.Row]) -> V.Row {
    value(rows.map { ($0.level, $0.row) }) { $0.joined($1) }
  }

  private static func listed<V: EventView>(
    _ selected: [(key: [UInt8], rows: [MappedEvents<V>.Row])], _ query: ViewQuery
  ) throws -> [String] {
    try selected.flatMap { key, rows in
      try (query.descending ? rows.reversed() : rows).map { row in
        #"{"id":"\#(row.when.id)","key":\#(try KeyBytes.json(key)),"value":\#(try EventEncoder().encode(row.row))}"#
      }
    }
  }

  /// The keys that a query selects, by the plain meaning of its members, in the order of the answer.
  private static func select<V: EventView>(
    _ rows: [[UInt8]: [MappedEvents<V>.Row]], _ query: ViewQuery
  ) -> [(key: [UInt8], rows: [MappedEvents<V>.Row])] {
    if case .these(let keys) = query.keys {
      var keys = keys
      if case .joined = query.shape { keys = Array(Set(keys)) }
      return keys.compactMap { key in rows[key].map { (key, $0) } }
    }
    func before(_ a: [UInt8], _ b: [UInt8]) -> Bool {
      query.descending ? b.lexicographicallyPrecedes(a) : a.lexicographicallyPrecedes(b)
    }
    var keys = rows.keys.sorted(by: before)
    if let prefix = query.prefix { keys.removeAll { !$0.starts(with: prefix) } }
    if let start = query.start { keys.removeAll { before($0, start) } }
    if let end = query.end { keys.removeAll { before(end, $0) || !query.inclusiveEnd && $0 == end } }
    return keys.map { ($0, rows[$0] ?? []) }
  }
}
