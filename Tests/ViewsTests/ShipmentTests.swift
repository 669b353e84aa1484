import EventModel
import Testing

@testable import ViewKit
@testable import Views

@Suite struct `The shipments database` {
  let database: CompiledDatabase

  init() throws { database = try CompiledDatabase(shipments) }

  func rows(_ name: String, _ body: JSON) throws -> Int {
    let view = try #require(database.views.first { $0.name == name })
    return try view.map(database.decode(body), Happened(id: ULID(value: 1))).count
  }

  @Test func `is declared beside the others`() {
    #expect(registry.map(\.name) == ["shipments", "epcis"])
    #expect(database.views.map(\.name) == ["weight-by-location", "last-location"])
    #expect(!database.takesAnyObject)
  }

  static let refused: [(JSON, String)] = [
    ([:], "/shipment"), (["shipment": "S"], "/location"), (["shipment": 1, "location": "L"], "/shipment"),
    (["shipment": "S", "location": .null], "/location"), (["shipment": "S", "location": "L", "weightKg": "5"], "/weightKg"),
    (["shipment": "S", "location": "L", "weightKg": true], "/weightKg"),
    (["shipment": "S", "location": "L", "weightKg": [1]], "/weightKg"),
  ]

  @Test(arguments: refused)
  func `a scan of another shape is refused with the place`(body: JSON, pointer: String) {
    let refusal = #expect(throws: Refusal.self) { try database.facts(of: body) }
    #expect(refusal?.pointer == pointer)
  }

  @Test func `a scan without a weight has a place and no weight`() throws {
    for body in [["shipment": "S", "location": "L"], ["shipment": "S", "location": "L", "weightKg": .null]] as [JSON] {
      #expect(try rows("weight-by-location", body) == 0)
      #expect(try rows("last-location", body) == 1)
      let facts = try database.facts(of: body)
      #expect(facts.happenedAt == nil && facts.externalKey == nil && facts.voided.isEmpty)
    }
    #expect(try rows("weight-by-location", ["type": 7, "shipment": "S", "location": "L", "weightKg": 0, "more": [1]]) == 1)
  }

  @Test func `the answers are those of the issue`() throws {
    var totals: [String: [UInt8]] = [:]
    var keys: [String: [UInt8]] = [:]
    let scans: [JSON] = [
      ["shipment": "S1", "location": "HAM", "weightKg": 2.5], ["shipment": "S1", "location": "ROT"],
      ["shipment": "S2", "location": "HAM", "weightKg": 10],
    ]
    for (index, scan) in scans.enumerated() {
      let when = Happened(id: ULID(at: Instant(milliseconds: Int64(index) * 1000), low80: 0))
      for view in database.views {
        for row in try view.map(database.decode(scan), when) {
          let name = try "\(view.name) \(KeyBytes.json(row.key))"
          totals[name] = try view.advance(totals[name], key: row.key, [PlacedRow(when: when, row: row.row)])
          keys[name] = row.key
        }
      }
    }
    let answers = try totals.map { name, total in
      let view = try #require(database.views.first { name.hasPrefix($0.name) })
      return "\(name) \(JSON(normalForm: try view.finish(total, key: #require(keys[name])) ?? []))"
    }
    #expect(
      answers.sorted() == [
        #"last-location "S1" {"_at":"1970-01-01T00:00:01.000Z","location":"ROT"}"#,
        #"last-location "S2" {"_at":"1970-01-01T00:00:02.000Z","location":"HAM"}"#,
        #"weight-by-location "HAM" {"count":2,"max":10,"min":2.5,"sum":12.5}"#,
      ])
  }
}
