package import EventModel
package import StoreConformance
package import ViewKit

/// What a view must answer, by its own code and nothing of the engine's: events sorted in order of happening, mapped and reduced in memory.
package struct Reference {
  /// A row of an answer.
  package struct Row: Equatable {
    package let key: JSON
    package let value: JSON
  }

  /// In key order.
  package let answers: [Row]
  /// The keys of these, in their bytes.
  package let keys: [[UInt8]]
  /// How many events the view can't read or map.
  package let skipped: Int

  /// The rows as an answer over HTTP has them.
  package var rows: String { answers.map { #"{"key":\#($0.key),"value":\#($0.value)}"# }.joined(separator: ",") }

  /// - Parameter events: of which none is voided.
  package init<V: ReduceView>(_ view: V, _ events: [SeenEvent]) throws {
    let mapped = try MappedEvents(view, events)
    try self.init(mapped) { key, rows in
      let joined = Self.value(rows.map { ($0.level, $0.row) }) { $0.joined($1) }
      return try view.finish(joined, key).map(Self.json)
    }
  }

  /// - Parameter events: of which none is voided.
  package init<V: FoldView>(_ view: V, _ events: [SeenEvent]) throws {
    let mapped = try MappedEvents(view, events)
    try self.init(mapped) { key, rows in
      var state = view.start(key)
      for row in rows { view.apply(row.row, row.when, to: &state) }
      return try view.finish(state, key).map(Self.json)
    }
  }

  private init<V: EventView>(_ mapped: MappedEvents<V>, _ value: (V.RowKey, [MappedEvents<V>.Row]) throws -> JSON?) throws {
    let all = try mapped.rows.sorted { $0.key.lexicographicallyPrecedes($1.key) }.compactMap { bytes, rows in
      try value(V.RowKey(keyBytes: bytes), rows).map { (bytes, Row(key: try KeyBytes.json(bytes), value: $0)) }
    }
    (keys, answers, skipped) = (all.map(\.0), all.map(\.1), mapped.skipped)
  }

  static func json(_ value: some Encodable) throws -> JSON { try EventEncoder(nonFinite: .null).encode(value) }

  /// The value of a sequence, from its definition: block by block, level by level, until there is one block.
  static func value<Row>(_ items: [(level: Int, value: Row)], _ joined: (Row, Row) -> Row) -> Row {
    var items = items
    var level = 0
    repeat {
      level += 1
      var blocks: [(level: Int, value: Row)] = []
      for item in items {
        if let last = blocks.last, item.level < level {
          blocks[blocks.count - 1].value = joined(last.value, item.value)
        } else {
          blocks.append(item)
        }
      }
      items = blocks
    } while items.count > 1
    return items[0].value
  }
}

/// The rows of events by key, each key's in order of happening.
struct MappedEvents<V: EventView> {
  struct Row {
    let when: Happened
    let index: Int
    let row: V.Row

    /// At how many levels of the tree a block starts here.
    var level: Int {
      var bytes = [UInt8]("laterbase tree 1".utf8)
      bytes.appendBigEndian(when.id.value)
      bytes.appendBigEndian(when.digest)
      bytes.appendBigEndian(UInt16(truncatingIfNeeded: index))
      var rest = Digest.sha256(bytes.raw).first8
      var level = 0
      while level < 12, rest & 31 == 0 { (rest, level) = (rest >> 5, level + 1) }
      return level
    }
  }

  private(set) var rows: [[UInt8]: [Row]] = [:]
  private(set) var skipped = 0

  init(_ view: V, _ events: [SeenEvent]) throws {
    let reader = try CompiledDatabase(Database("reference", of: V.Event.self))
    for event in events {
      let body = JSON(normalForm: [UInt8](event.body.utf8))
      if V.Event.self != JSON.self, body.isBareVoid { continue }
      let when = Happened(id: event.ulid, digest: Digest.sha256(body.raw).first16)
      var emit = Emit<V.RowKey, V.Row>()
      do {
        guard let event = (try reader.decode(body).event.get() as? TypedEvent<V.Event>)?.event else {
          throw Refusal("", "another type of event")
        }
        try view.map(event, when, emit: &emit)
        let keyed = try emit.rows.map { (try KeyBytes.bytes(of: $0.key), $0.row) }
        for (index, (key, row)) in keyed.enumerated() { rows[key, default: []].append(Row(when: when, index: index, row: row)) }
      } catch {
        skipped += 1
      }
    }
    for key in rows.keys { rows[key]?.sort { ($0.when, $0.index) < ($1.when, $1.index) } }
  }
}
