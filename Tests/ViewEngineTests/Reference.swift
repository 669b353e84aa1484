import EventModel
import StoreConformance
import ViewLaws

@testable import EventStore

extension Reference {
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
