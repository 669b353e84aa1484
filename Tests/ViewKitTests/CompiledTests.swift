import EventModel
import Testing

@testable import ViewKit

@Suite struct `A declared database, compiled` {
  func when(_ minute: Int64, _ low: UInt128 = 0) -> Happened { Happened(id: ULID(at: Instant(milliseconds: minute * 60_000), low80: low)) }

  /// The answers of a view over bodies in order of happening, a minute apart, by key; with a total stored after every row.
  func answers(_ view: CompiledView, of database: CompiledDatabase, _ bodies: [JSON]) throws -> [JSON: JSON] {
    var totals: [[UInt8]: [UInt8]] = [:]
    for (minute, body) in bodies.enumerated() {
      let when = when(Int64(minute) * 50)
      for row in try view.map(database.decode(body), when) {
        totals[row.key] = try view.advance(totals[row.key], key: row.key, [PlacedRow(when: when, row: row.row)])
      }
    }
    var answers: [JSON: JSON] = [:]
    for (key, total) in totals {
      if let value = try view.finish(total, key: key) { answers[try KeyBytes.json(key)] = JSON(normalForm: value) }
    }
    return answers
  }

  let bodies: [JSON] = [
    ["type": "moved", "sku": "K1", "from": "HAM", "to": "ROT", "qty": "7"],
    ["type": "moved", "version": 2, "sku": "K1", "from": "ROT", "to": "HAM", "quantity": 3],
    ["type": "scanned", "shipment": "S1", "location": "HAM", "weightKg": 2.5, "note": "kept"],
    ["type": "scanned", "shipment": "S2", "location": "HAM", "weightKg": 7.5],
    ["type": "scanned", "shipment": "S1", "location": "ROT", "weightKg": 1],
    ["type": "scanned", "shipment": "S1", "location": "HAM", "weightKg": 0],
  ]

  @Test func `the views of the example answer as SWIFT.md says`() throws {
    let database = try CompiledDatabase(shipments)
    let views = Dictionary(uniqueKeysWithValues: database.views.map { ($0.name, $0) })
    #expect(
      database.views.map(\.name) == ["stock", "scans-by-location", "dwell-over-60", "dwell-over-240", "events-by-type", "by-shipment"])
    #expect(try answers(#require(views["stock"]), of: database, bodies) == [["HAM", "K1"]: -4, ["ROT", "K1"]: 4])
    #expect(
      try answers(#require(views["scans-by-location"]), of: database, bodies) == [
        "HAM": ["count": 3, "kg": 10, "last": "S1", "recent": ["S1", "S2"], "shipments": 2],
        "ROT": ["count": 1, "kg": 1, "last": "S1", "recent": ["S1"], "shipments": 1],
      ])
    #expect(try answers(#require(views["by-shipment"]), of: database, bodies) == ["S1": 3, "S2": 1])
    let twice: [JSON] = [2.5, 7.5].map { ["type": "scanned", "shipment": "S1", "location": "HAM", "weightKg": $0] }
    #expect(
      try answers(#require(views["scans-by-location"]), of: database, twice)["HAM"]?.description
        == #"{"count":2,"kg":10,"last":"S1","recent":["S1","S1"],"shipments":1}"#)
    #expect(try answers(#require(views["dwell-over-60"]), of: database, bodies) == ["S1": ["HAM": 100]])
    #expect(try answers(#require(views["dwell-over-240"]), of: database, bodies) == [:])
    #expect(try answers(#require(views["events-by-type"]), of: database, bodies + [[:]]) == ["moved": 2, "scanned": 4, .null: 1])
  }

  @Test func `a view reads its totals by its own types too`() throws {
    let database = try CompiledDatabase(shipments)
    let stock = Stock()
    let view = try CompiledView(stock)
    let rows = try view.map(database.decode(bodies[0]), when(0))
    let total = try view.advance(nil, key: rows[1].key, [PlacedRow(when: when(0), row: rows[1].row)])
    let key = try Key<String, String>(keyBytes: rows[1].key)
    #expect(key == Key("ROT", "K1"))
    #expect(try stock.value(ofTotal: total, key: key)?.sum == 7)
  }

  @Test func `equal events give equal bytes, whatever is between them`() throws {
    let event = ShipmentEvent.moved(.init(sku: "K1", from: "A", to: "B", quantity: 2))
    let json = try EventEncoder().encode(event)
    #expect(json.description == #"{"from":"A","quantity":2,"sku":"K1","to":"B","type":"moved","version":2}"#)
    let scan = try EventEncoder().encode(ShipmentEvent.scanned(.init(shipment: "S", location: "L", weightKg: 1.5)))
    #expect(scan.description == #"{"location":"L","shipment":"S","type":"scanned","weightKg":1.5}"#)
  }

  static let refused: [(JSON, Refusal)] = [
    (["type": "moved", "sku": "K", "from": "A", "to": "B", "qty": "x"], Refusal("/qty", "no whole number")),
    (["type": "moved", "version": 3, "sku": "K"], Refusal("/version", "no such version of `moved`")),
    (["type": "moved", "version": "2", "sku": "K"], Refusal("/version", "no such version of `moved`")),
    (["type": "lost"], Refusal("/type", "`lost` is none of: moved, scanned")),
    ([:], Refusal("/type", "a string was expected, one of: moved, scanned")),
    (["type": "scanned", "shipment": 1, "location": "L"], Refusal("/shipment", "a string was expected, not a number")),
    (["type": "scanned", "shipment": "S", "location": "L"], Refusal("/weightKg", "is missing")),
  ]

  @Test(arguments: refused)
  func `an event that its type can't read is refused, with the place`(body: JSON, refusal: Refusal) throws {
    let database = try CompiledDatabase(shipments)
    #expect(throws: refusal) { try database.facts(of: body) }
    #expect(throws: refusal) { try CompiledView(Stock()).map(database.decode(body), when(0)) }
    #expect(try CompiledView(EventsByType()).map(database.decode(body), when(0)).count == 1)
  }

  struct Emitter: ReduceView {
    let name = "emitter"
    func map(_ event: JSON, _ when: Happened, emit: inout Emit<JSON, Count>) {
      for _ in 0..<(event["times"]?.int ?? 1) { emit(event["key"] ?? .null, Count()) }
    }
  }

  @Test func `an event with a bad key, or too many rows, is skipped with a reason`() throws {
    let view = try CompiledView(Emitter())
    let database = try CompiledDatabase(Database("any") { Emitter() })
    func rows(_ body: JSON) throws -> Int { try view.map(database.decode(body), when(0)).count }
    #expect(try rows(["key": JSON(String(repeating: "x", count: 478))]) == 1)
    #expect(throws: Refusal.self) { try rows(["key": JSON(String(repeating: "x", count: 479))]) }
    #expect(throws: Refusal.self) { try rows(["key": ["a": 1]]) }
    #expect(try rows(["times": 1000]) == 1000)
    #expect(throws: Refusal.self) { try rows(["times": 1001]) }
  }

  struct Neither: EventView {
    let name = "neither"
    func map(_ event: JSON, _ when: Happened, emit: inout Emit<String, Int>) {}
  }
  struct Named: ReduceView {
    let name: String
    func map(_ event: JSON, _ when: Happened, emit: inout Emit<String, Count>) {}
  }

  @Test func `a declaration that can't be run is an error`() {
    #expect(throws: DeclarationError.self) { try CompiledDatabase(Database("a") { Neither() }) }
    #expect(throws: DeclarationError.self) {
      try CompiledDatabase(
        Database("a") {
          Named(name: "x"); Named(name: "x")
        })
    }
    for name in ["", "A", "_x", "1", "é", "a b", String(repeating: "a", count: 65)] {
      #expect(throws: DeclarationError.self) { try CompiledDatabase(Database("a") { Named(name: name) }) }
    }
  }

  @Test func `a fingerprint says what results depend on, and is the same in every run`() throws {
    struct Local: Codable {}
    #expect(try CompiledView(Dwell(over: 60)).fingerprint != CompiledView(Dwell(over: 61)).fingerprint)
    #expect(stableName(Local.self).contains("Local"))
    #expect(!stableName(Local.self).contains("$"))
    #expect(
      try CompiledView(Stock()).fingerprint
        == "stock\n1\n\nViewKitTests.ShipmentEvent\nViewKit.Key<Pack{Swift.String, Swift.String}>\nViewKit.Sum<Swift.Int>")
  }
}
