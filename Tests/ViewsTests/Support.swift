import EventModel
import Testing

@testable import ViewKit

extension CompiledDatabase {
  /// A view's rows, in key order, over events that happened at these times; a total is stored after every row.
  func rows(_ name: String, _ events: [(at: String, body: JSON)]) throws -> [String] {
    let view = try #require(views.first { $0.name == name })
    let placed = try events.map { at, body in
      (Happened(id: ULID(at: try #require(Instant(rfc3339: at)), low80: 0), digest: Digest.sha256(body.raw).first16), body)
    }
    var totals: [[UInt8]: [UInt8]] = [:]
    for (when, body) in placed.sorted(by: { $0.0 < $1.0 }) {
      for row in try view.map(decode(body), when) {
        totals[row.key] = try view.advance(totals[row.key], key: row.key, [PlacedRow(when: when, row: row.row)])
      }
    }
    return try totals.sorted { $0.key.lexicographicallyPrecedes($1.key) }.compactMap { key, total in
      try view.finish(total, key: key).map { "\(try KeyBytes.json(key)) \(JSON(normalForm: $0))" }
    }
  }
}
