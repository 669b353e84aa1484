import EventModel
package import EventStore
import ViewKit

/// What a verification of a database's views found.
package struct ViewReport: Sendable {
  /// Views that were there to be checked, and their keys.
  package internal(set) var views = 0
  package internal(set) var keys = 0
  /// What is wrong: the view, the key or event, and what of it.
  package internal(set) var faults: [String] = []

  static let faultsMax = 100

  mutating func fault(_ view: String, _ text: String) {
    if faults.count < Self.faultsMax { faults.append("view \(view), \(text)") }
  }
}

extension ViewEngine {
  /// Computes every view from scratch, on one snapshot, as of the clock stored with it: each event is mapped again, and each of its rows
  /// must be there, and no other; each key's rows are reduced again, and each block, state and value must be that. Changes nothing.
  ///
  /// Views that are not built yet, or stored at another version, are left out: what is read of them first is built anew.
  /// - Parameter progress: called now and then.
  /// - Complexity: O(events · views), and memory for as many rows as a group has before it has two blocks.
  package func verify(progress: (ViewReport) -> Void = { _ in }) throws(StoreError) -> ViewReport {
    try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
      var report = ViewReport()
      var checks: [RowCheck] = []
      for name in names {
        guard let runner = try? runner(name), let header = try runner.headers(reader).live else { continue }
        // Behind a cut it holds more than its clock says, until it has caught up.
        if try Slice.hasMoved(header, reader, state) { continue }
        checks.append(RowCheck(runner, header))
      }
      report.views = checks.count
      try set.elements(coveredBy: checks.map(\.header.clock), reader) { (id, body, covering) throws(StoreError) in
        let event = database.decode(JSON(normalForm: [UInt8](copying: body)))
        let when = Happened(id: id.ulid, digest: id.digest)
        for index in checks.indices {
          guard let recorded = covering[index] else { continue }
          try checks[index].check(event, when, recorded, set, reader, &report)
        }
      }
      for check in checks {
        try check.compareCounts(reader, &report)
        var groups = GroupCheck(check.runner, check.header)
        try groups.run(reader, &report, progress)
      }
      return report
    }
  }
}

/// Whether the table has the rows that a view's events map to.
struct RowCheck {
  let runner: ViewRunner
  let header: ViewHeader
  private var rows = 0
  private var active: UInt64 = 0
  private var skipped: UInt64 = 0

  init(_ runner: ViewRunner, _ header: ViewHeader) { (self.runner, self.header) = (runner, header) }

  private var name: String { header.name }

  /// - Parameter recorded: the least HLC of the event's dots, and of those that the view's clock covers.
  mutating func check(
    _ event: DecodedEvent, _ when: Happened, _ recorded: ClosedRange<HLC>, _ set: EventSet, _ reader: borrowing any StoreReader & ~Copyable,
    _ report: inout ViewReport
  ) throws(StoreError) {
    let voided = try set.voided(when.id, by: header.clock, reader)
    var mapped: [MappedRow] = []
    var reason: String?
    do throws(Refusal) { mapped = try runner.view.map(event, when) } catch {
      reason = voided == nil ? String(error.description.prefix(500)) : nil
    }
    let skippedKey = ViewKeys.prefix(header.number, .skipped) + ViewKeys.element(when)
    var listed: String?
    if let text = try reader.get(.view, skippedKey.raw) { listed = String(decoding: [UInt8](copying: text), as: UTF8.self) }
    if listed != reason { report.fault(name, "event \(when.id): that it is skipped, or why, is not what is listed") }
    if reason != nil { skipped += 1 }
    for (index, row) in mapped.enumerated() {
      rows += 1
      if voided == nil { active += 1 }
      let pos = Pos(when, emitIndex: index)
      let stored = try self.row(row.key, pos, reader)
      guard let stored, stored.row == row.row, stored.voided == voided, recorded.contains(stored.recorded) else {
        let what = stored == nil ? "is missing" : "is not what the event maps to"
        report.fault(name, "key \(keyText(row.key)): the row of event \(when.id) \(what)")
        continue
      }
    }
  }

  private func row(_ key: [UInt8], _ pos: Pos, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) -> StoredRow? {
    guard let key = try reader.get(.view, (ViewKeys.prefix(header.number, .key) + key).raw), key.byteCount >= 8 else { return nil }
    let place = ViewKeys.at(ViewKeys.rows(header.number, group: key.bigEndian(at: 0)), pos)
    guard let row = try reader.get(.view, place.raw) else { return nil }
    return try StoredRow(reading: row)
  }

  /// Rows of events that aren't there would be too many.
  func compareCounts(_ reader: borrowing any StoreReader & ~Copyable, _ report: inout ViewReport) throws(StoreError) {
    let cursor = try reader.cursor(.view)
    let prefix = ViewKeys.prefix(header.number, .row)
    var stored = 0
    var found = try cursor.seek(prefix.raw)
    while found, cursor.key.starts(with: prefix.raw) {
      if cursor.key.byteCount == prefix.count + 9 + Pos.bytesCount { stored += 1 }
      found = try cursor.next()
    }
    if stored != rows { report.fault(name, "all keys: \(stored) rows are stored, the events map to \(rows)") }
    if header.rows != active { report.fault(name, "all keys: it counts \(header.rows) rows, there are \(active)") }
    if header.skipped != skipped { report.fault(name, "all keys: it counts \(header.skipped) events skipped, there are \(skipped)") }
  }
}

/// A key as its JSON.
func keyText(_ key: [UInt8]) -> String {
  var text: [UInt8] = []
  do throws(KeyError) { try KeyBytes.writeJSON(key.raw, to: &text) } catch { return "of \(key.count) bytes that is none" }
  return String(decoding: text, as: UTF8.self)
}
