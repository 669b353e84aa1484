import EventModel
import StoreConformance

@testable import EventStore
@testable import ViewEngine
@testable import ViewKit

/// What a view must answer, by its own types and nothing else: all elements sorted in order of happening, mapped and reduced in memory.
struct Reference {
  let rows: String
  let keys: [[UInt8]]
  let skipped: Int

  private typealias Placed<V: EventView> = (key: [UInt8], when: Happened, index: Int, row: V.Row)

  private static func mapped<V: EventView>(_ view: V, _ events: [SeenEvent]) -> (rows: [[UInt8]: [Placed<V>]], skipped: Int) {
    var rows: [[UInt8]: [Placed<V>]] = [:]
    var skipped = 0
    for event in events {
      let when = Happened(id: event.ulid, digest: Digest.sha256([UInt8](event.body.utf8).raw).first16)
      var emit = Emit<V.RowKey, V.Row>()
      do {
        try view.map(EventReader<V.Event>().event(JSON(normalForm: [UInt8](event.body.utf8))), when, emit: &emit)
        for (index, row) in emit.rows.enumerated() {
          let key = try KeyBytes.bytes(of: row.key)
          rows[key, default: []].append((key, when, index, row.row))
        }
      } catch {
        skipped += 1
      }
    }
    for key in rows.keys { rows[key]?.sort { ($0.when, $0.index) < ($1.when, $1.index) } }
    return (rows, skipped)
  }

  private init(_ values: [[UInt8]: JSON?], _ skipped: Int) throws {
    keys = values.filter { $0.value != nil }.keys.sorted { $0.lexicographicallyPrecedes($1) }
    rows = try keys.map { key in #"{"key":\#(try KeyBytes.json(key)),"value":\#(try EventEncoder().encode(values[key] ?? .null))}"# }
      .joined(separator: ",")
    self.skipped = skipped
  }

  init(_ view: some ReduceView, _ events: [SeenEvent]) throws {
    let (rows, skipped) = Self.mapped(view, events)
    try self.init(
      rows.mapValues { rows in
        let joined = Self.value(rows.map { (naiveLevel(Pos($0.when, emitIndex: $0.index)), $0.row) }) { $0.joined($1) }
        return try view.finish(joined, .init(keyBytes: rows[0].key)).map { try EventEncoder().encode($0) }
      }, skipped)
  }

  /// The value of a sequence, from its definition (DESIGN §5): block by block, level by level, until there is one block.
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

  init<V: FoldView>(_ view: V, _ events: [SeenEvent]) throws {
    let (rows, skipped) = Self.mapped(view, events)
    try self.init(
      rows.mapValues { rows in
        let key = try V.RowKey(keyBytes: rows[0].key)
        var state = view.start(key)
        for row in rows { view.apply(row.row, row.when, to: &state) }
        return try view.finish(state, key).map { try EventEncoder().encode($0) }
      }, skipped)
  }

  /// The elements of which a clock covers a dot, less those that an event of these declares wrong: read from the bare tables.
  static func events(_ set: EventSet, by clock: Clock? = nil) throws -> [SeenEvent] {
    try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
      let clock = clock ?? state.clock
      var voided: Set<ULID> = []
      let voids = try reader.cursor(.voids)
      while try voids.next() {
        let dot = Dot(origin: Origin(value: voids.key.bigEndian(at: 16)), n: voids.key.bigEndian(at: 24))
        if clock.covers(dot) { voided.insert(ULID(value: voids.key.bigEndian(at: 0))) }
      }
      var events: [SeenEvent] = []
      let ids = try reader.cursor(.ids)
      while try ids.next() {
        guard let id = ElementID(key: ids.key), !voided.contains(id.ulid),
          let dot = try ElementRow(reading: ids.value).dots.first(where: { clock.covers($0.dot) })?.dot,
          let record = try reader.get(.log, StoreKey.dot(dot).raw)
        else { continue }
        let body = [UInt8](copying: record.extracting(droppingFirst: Record.headerBytes))
        events.append(SeenEvent(ulid: id.ulid, body: String(decoding: body, as: UTF8.self)))
      }
      return events
    }
  }

  /// The answers of every sample view.
  static func all(_ events: [SeenEvent]) throws -> [String: Reference] {
    [
      "trails": try Reference(Trails(), events), "sums": try Reference(Sums(), events), "composed": try Reference(Composed(), events),
      "turns": try Reference(Turns(), events), "bodies": try Reference(Bodies(), events),
    ]
  }
}
