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
    #expect(registry.map(\.name) == ["shipments", "kv", "epcis"])
    #expect(
      database.views.map(\.name) == [
        "weight-by-location", "weight-by-shipment", "last-location", "by-shipment", "stock", "dwell", "cold-chain",
      ])
    #expect(!database.takesAnyObject)
  }

  static let refused: [(JSON, String)] = [
    ([:], "/shipment"), (["shipment": "S"], "/location"), (["shipment": 1, "location": "L"], "/shipment"),
    (["shipment": "S", "location": .null], "/location"), (["shipment": "S", "location": "L", "weightKg": "5"], "/weightKg"),
    (["shipment": "S", "location": "L", "weightKg": true], "/weightKg"),
    (["shipment": "S", "location": "L", "weightKg": [1]], "/weightKg"),
    (["shipment": "S", "location": "L", "temperatureC": "cold"], "/temperatureC"),
    (["type": "measured", "shipment": "S", "temperatureC": 4], "/location"),
    (["type": "received", "shipment": "S", "location": "L"], "/sku"), (["type": "picked", "sku": "K", "quantity": 1], "/location"),
    (["type": "picked", "location": "L", "sku": "K"], "/quantity"), (["type": "picked", "location": "L", "sku": 1, "quantity": 1], "/sku"),
    (["type": "received", "location": "L", "sku": "K", "quantity": 1.5], "/quantity"),
    (["type": "received", "location": "L", "sku": "K", "quantity": -1], "/quantity"),
    (["type": "picked", "version": 9, "location": "L", "sku": "K", "quantity": -1], "/quantity"),
    (["type": "corrected", "location": "L", "sku": "K", "quantity": "1"], "/quantity"),
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

  @Test func `weights, last places and a shipment's own events`() throws {
    let events: [(String, JSON)] = [
      ("1970-01-01T00:00:00Z", ["shipment": "S1", "location": "HAM", "weightKg": 2.5]),
      ("1970-01-01T00:00:01Z", ["shipment": "S1", "location": "ROT"]),
      ("1970-01-01T00:00:02Z", ["shipment": "S2", "location": "HAM", "weightKg": 10]),
      ("1970-01-01T00:00:03Z", ["type": "picked", "shipment": "S2", "location": "HAM", "sku": "K1", "quantity": 1]),
    ]
    #expect(try database.rows("weight-by-location", events) == [#""HAM" {"count":2,"max":10,"min":2.5,"sum":12.5}"#])
    #expect(
      try database.rows("weight-by-shipment", events) == [
        #""S1" {"count":1,"max":2.5,"min":2.5,"sum":2.5}"#, #""S2" {"count":1,"max":10,"min":10,"sum":10}"#,
      ])
    #expect(
      try database.rows("last-location", events) == [
        #""S1" {"_at":"1970-01-01T00:00:01.000Z","location":"ROT"}"#, #""S2" {"_at":"1970-01-01T00:00:02.000Z","location":"HAM"}"#,
      ])
    #expect(try database.rows("by-shipment", events) == [#""S1" 2"#, #""S2" 2"#])
    #expect(try database.rows("stock", events) == [#"["HAM","K1"] -1"#])
  }

  @Test func `stock is what was received, less what was picked, corrected`() throws {
    func goods(_ type: String, _ location: String, _ sku: String, _ quantity: Int) -> JSON {
      ["type": JSON(type), "location": JSON(location), "sku": JSON(sku), "quantity": JSON(quantity)]
    }
    let events: [(String, JSON)] = [
      ("2026-03-01T08:00:00Z", goods("received", "HAM", "K1", 10)), ("2026-03-01T09:00:00Z", goods("picked", "HAM", "K1", 2)),
      ("2026-03-01T10:00:00Z", goods("corrected", "HAM", "K1", -1)), ("2026-03-01T11:00:00Z", goods("received", "ROT", "K1", 4)),
      ("2026-03-01T12:00:00Z", goods("picked", "ROT", "K1", 4)), ("2026-03-01T13:00:00Z", goods("received", "HAM", "K2", .max)),
      ("2026-03-01T14:00:00Z", goods("received", "HAM", "K2", 1)),
      // A scan, whatever it has besides.
      ("2026-03-01T15:00:00Z", ["type": "lost", "shipment": "S", "location": "HAM", "sku": "K1", "quantity": 1]),
    ]
    #expect(try database.rows("stock", events) == [#"["HAM","K1"] 7"#, #"["HAM","K2"] 9223372036854775808"#, #"["ROT","K1"] 0"#])
    #expect(try database.rows("last-location", events).count == 1)
    #expect(try database.rows("by-shipment", events) == [#""S" 1"#])
  }

  @Test func `dwell is the time from the first scan at a site to a departure, or to a scan elsewhere`() throws {
    func scan(_ location: String, _ type: String? = nil) -> JSON {
      (["shipment": "S", "location": JSON(location)] as JSON).setting("type", to: type.map { JSON($0) })
    }
    var events: [(String, JSON)] = [
      ("2026-03-01T08:00:00Z", scan("HAM")), ("2026-03-01T08:30:00Z", scan("HAM")), ("2026-03-01T09:35:59Z", scan("HAM", "departed")),
      ("2026-03-01T09:36:00Z", scan("HAM", "departed")), ("2026-03-01T12:00:00Z", scan("ROT", "arrived")),
      ("2026-03-01T13:00:00Z", scan("LEJ")), ("2026-03-01T14:00:00Z", scan("HAM")), ("2026-03-01T14:05:00Z", scan("MUC", "departed")),
    ]
    let stays = #""stays":{"HAM":{"count":2,"minutes":100},"LEJ":{"count":1,"minutes":60},"ROT":{"count":1,"minutes":60}}"#
    #expect(try database.rows("dwell", events) == ["\"S\" {\(stays)}"])
    events.append(("2026-03-02T08:00:00Z", scan("HAM")))
    #expect(try database.rows("dwell", events) == [#""S" {"at":"HAM","since":"2026-03-02T08:00:00.000Z",\#(stays)}"#])
    #expect(try database.rows("dwell", [("2026-03-01T08:00:00Z", scan("HAM", "departed"))]) == [])
  }

  @Test func `the cold chain breaks above the limit, and until a reading is not above it`() throws {
    func reading(_ temperature: JSON) -> JSON { ["shipment": "S", "location": "truck 7", "temperatureC": temperature] }
    var events: [(String, JSON)] = [
      ("2026-03-01T08:00:00Z", reading(4)), ("2026-03-01T08:10:00Z", reading(8)), ("2026-03-01T08:20:00Z", reading(.null)),
    ]
    #expect(try database.rows("cold-chain", events) == [])
    events.append(("2026-03-01T08:30:00Z", reading(8.1)))
    #expect(
      try database.rows("cold-chain", events) == [
        #""S" {"excursions":1,"longestMinutes":0,"maxC":8.1,"minutes":0,"since":"2026-03-01T08:30:00.000Z"}"#
      ])
    events += [
      ("2026-03-01T08:50:00Z", reading(11.5)), ("2026-03-01T09:00:30Z", reading(8)), ("2026-03-01T10:00:00Z", reading(9)),
      ("2026-03-01T11:00:30Z", reading(10)),
    ]
    #expect(
      try database.rows("cold-chain", events) == [
        #""S" {"excursions":2,"longestMinutes":60,"maxC":11.5,"minutes":91,"since":"2026-03-01T10:00:00.000Z"}"#
      ])
    events.append(("2026-03-01T12:00:30Z", reading(-3)))
    #expect(
      try database.rows("cold-chain", events) == [#""S" {"excursions":2,"longestMinutes":120,"maxC":11.5,"minutes":151}"#])
  }

  @Test func `a body that only declares others wrong is no event of the type, and no fault`() throws {
    let void: JSON = ["_voids": ["01ARZ3NDEKTSV4RRFFQ69G5FAV"]]
    for view in database.views { #expect(try rows(view.name, void) == 0) }
    #expect(throws: Refusal.self) { try rows("stock", void.setting("note", to: "x")) }
    #expect(throws: Refusal.self) { try rows("stock", [:]) }
  }
}
