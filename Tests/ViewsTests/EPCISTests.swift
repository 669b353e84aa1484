import EventModel
import Foundation
import Testing

@testable import ViewKit
@testable import Views

@Suite struct `The EPCIS database` {
  let database: CompiledDatabase

  init() throws { database = try CompiledDatabase(epcis) }

  static let ownFolder = URL(filePath: #filePath).appending(path: "../../../Fixtures/events/epcis").standardized
  static let gs1Folder: URL? = ProcessInfo.processInfo.environment["LATERBASE_TEST_DATA"].map { URL(filePath: $0).appending(path: "epcis") }

  /// The documents of a folder by name; the folder not being there fails the test that asks.
  func documents(_ folder: URL) throws -> [(name: String, document: JSON)] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".jsonld") }.sorted().map { name in
      (name, try JSON(parsing: [UInt8](Data(contentsOf: folder.appending(path: name)))))
    }
  }

  func split(_ document: JSON) throws -> [JSON]? {
    let form = try #require(database.documents.first)
    #expect(form.mediaTypes == ["application/ld+json", "application/json"])
    return try form.split(document)
  }

  /// Captures documents as a node would, each event in the order in which it happened, and answers `last-seen`.
  func lastSeen(_ events: [JSON]) throws -> [String: JSON] {
    let view = try #require(database.views.first { $0.name == "last-seen" })
    let placed = try events.map { body in
      (
        when: Happened(
          id: ULID(at: try #require(try database.facts(of: body).happenedAt), low80: 0), digest: Digest.sha256(body.raw).first16), body
      )
    }
    var totals: [[UInt8]: [UInt8]] = [:]
    for (when, body) in placed.sorted(by: { $0.when < $1.when }) {
      for row in try view.map(database.decode(body), when) {
        totals[row.key] = try view.advance(totals[row.key], key: row.key, [PlacedRow(when: when, row: row.row)])
      }
    }
    var answers: [String: JSON] = [:]
    for (key, total) in totals {
      answers[try #require(KeyBytes.json(key).string)] = JSON(normalForm: try #require(try view.finish(total, key: key)))
    }
    return answers
  }

  /// What must hold of any document's events, whoever wrote it.
  func check(_ name: String, _ document: JSON) throws -> [JSON] {
    let events = try #require(try split(document), "\(name)")
    #expect(events.count == document["epcisBody"]?["eventList"]?.elements?.count, "\(name)")
    for (index, event) in events.enumerated() {
      let original = try #require(document["epcisBody"]?["eventList"]?[index])
      #expect(event.setting("@context", to: nil) == original.setting("@context", to: nil), "\(name)")
      #expect(event["@context"]?.elements?.contains { $0.string?.contains("gs1.org") == true } != true, "\(name)")
      #expect(event["@context"]?.elements?.isEmpty != true, "\(name)")
      #expect(try JSONNormalForm.normalise(event.raw) == nil, "\(name)")
      let facts = try database.facts(of: event)
      #expect(facts.happenedAt == original["eventTime"]?.string.flatMap { Instant(rfc3339: $0) }, "\(name)")
      #expect(facts.happenedAt != nil, "\(name)")
      #expect(facts.externalKey?.hasPrefix(original["eventID"]?.string ?? "-") ?? (original["eventID"] == nil), "\(name)")
      // An event read back and sent alone is taken as it is.
      #expect(try split(event) == nil, "\(name)")
    }
    return events
  }

  @Test func `takes our documents`() throws {
    let all = try documents(Self.ownFolder)
    #expect(all.count == 8)
    let events = try all.flatMap { try check($0.name, $0.document) }
    #expect(Set(events.compactMap { $0["type"]?.string }).count == 5)
    let seen = try lastSeen(events)
    #expect(
      seen["urn:epc:id:sscc:9521321.0000000017"] == [
        "_at": "2026-03-05T09:31:44.500Z", "bizStep": "unpacking", "disposition": "in_progress",
        "readPoint": "urn:epc:id:sgln:9521321.00020.2",
        "bizLocation": "urn:epc:id:sgln:9521321.00020.0",
      ])
    #expect(seen["urn:epc:id:sgtin:9521321.012345.1004"] == ["_at": "2026-03-07T05:45:00.000Z", "bizStep": "inspecting"])
    #expect(seen["urn:epc:id:sgtin:9521321.090001.771"]?["bizStep"] == "commissioning")
    #expect(seen["urn:epc:id:giai:9521321.40017"]?["bizStep"] == "installing")
    #expect(seen["urn:epc:class:lgtin:9521321.090010.ETH-0226"] == nil)
    #expect(seen.count == 8)
  }

  @Test(.enabled(if: gs1Folder != nil, "LATERBASE_TEST_DATA names no folder with epcis"))
  func `takes the documents that GS1 published`() throws {
    let all = try documents(#require(Self.gs1Folder))
    #expect(all.count == 10)
    let events = try all.flatMap { try check($0.name, $0.document) }
    #expect(events.count == 14)
    let seen = try lastSeen(events)
    #expect(seen["urn:epc:id:sgtin:9520001.012346.10000001010"]?["bizStep"] == "inspecting")
    #expect(seen["urn:epc:id:sgtin:4012345.033333.AGHFG"]?["_at"] == "2021-01-27T23:00:00.000Z")
    let rail = try #require(events.first { $0["rail:trainAxleCount"] != nil })
    #expect(rail["@context"]?[0]?["rail"] == "urn:gs1:epcisapp:rail:")
  }

  @Test func `the inventory is where each object is, until it leaves or ends`() throws {
    let events = try documents(Self.ownFolder).flatMap { try check($0.name, $0.document) }
    let at = try events.map { (try #require($0["eventTime"]?.string), $0) }
    let (plant, warehouse) = ("urn:epc:id:sgln:9521321.00010.0", "urn:epc:id:sgln:9521321.00020.0")
    func row(_ epc: String, _ place: String, _ since: String) -> String {
      #""urn:epc:id:\#(epc)" {"bizLocation":"\#(place)","since":"\#(since)"}"#
    }
    #expect(
      try database.rows("inventory", at) == [
        row("sgtin:9521321.012345.1001", warehouse, "2026-03-05T10:15:00.000Z"),
        row("sgtin:9521321.012345.1002", warehouse, "2026-03-05T10:15:00.000Z"),
        row("sgtin:9521321.012345.1003", warehouse, "2026-03-05T09:31:44.500Z"),
        row("sgtin:9521321.012345.1004", plant, "2026-03-02T14:12:08.250Z"),
        row("sscc:9521321.0000000017", warehouse, "2026-03-05T08:58:12.007Z"),
      ])
    // On the way it is nowhere; deleted, it is no more.
    let onTheWay = at.filter { $0.0 < "2026-03-05" }
    #expect(try !database.rows("inventory", onTheWay).contains { $0.contains("sscc") })
    let end: JSON = ["type": "ObjectEvent", "action": "DELETE", "epcList": ["urn:epc:id:sgtin:9521321.012345.1004"]]
    let last = ("2026-03-08T00:00:00Z", end.setting("eventTime", to: "2026-03-08T00:00:00Z"))
    #expect(try database.rows("inventory", at + [last]).count == 4)
  }

  @Test func `an error declaration is another event, no sighting, and voids the one it repeats`() throws {
    let document = try #require(try documents(Self.ownFolder).first { $0.name.hasPrefix("7") }).document
    let events = try #require(try split(document))
    let facts = try events.map { try database.facts(of: $0) }
    let id = "urn:uuid:0a5d2f61-7c1e-4a39-9d0a-6d1f0c9be701"
    #expect(facts.map(\.externalKey) == [id, id + "\u{0}2026-03-06T16:30:00+01:00", String(id.dropLast()) + "2"])
    #expect(facts[1].voided.map(\.key) == [id])
    #expect(facts[1].voided.map(\.at) == [facts[0].happenedAt])
    #expect(facts[0].voided.isEmpty && facts[2].voided.isEmpty)
    let view = try #require(database.views.first)
    #expect(try view.map(database.decode(events[1]), Happened(id: ULID(value: 1))).isEmpty)
  }

  @Test func `an error declaration that doesn't say of what voids nothing and has no key`() throws {
    let facts = try database.facts(of: ["type": "ObjectEvent", "eventTime": "2026-03-06T09:00:00Z", "errorDeclaration": [:]])
    #expect(facts.externalKey == nil)
    #expect(facts.voided.isEmpty)
    #expect(database.sameBodyIsSameEvent)
    let null = try database.facts(of: [
      "type": "ObjectEvent", "eventTime": "2026-03-06T09:00:00Z", "eventID": "x", "errorDeclaration": .null,
    ])
    #expect(null.externalKey == "x")
    #expect(null.voided.isEmpty)
  }

  @Test func `contexts are kept in the order in which JSON-LD reads them, without GS1's`() throws {
    func contexts(_ document: JSON?, _ event: JSON?) throws -> JSON? {
      let event = (["type": "ObjectEvent"] as JSON).setting("@context", to: event)
      let document = (["epcisBody": ["eventList": [event]]] as JSON).setting("@context", to: document)
      return try split(document)?[0]["@context"]
    }
    let gs1: JSON = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
    let own: JSON = ["own": "https://own.example/"]
    let other: JSON = "https://other.example/epcis-context.jsonld"
    #expect(try contexts(nil, nil) == nil)
    #expect(try contexts(gs1, nil) == nil)
    #expect(try contexts([gs1], .null) == nil)
    #expect(try contexts(own, nil) == [own])
    #expect(try contexts([gs1, own, other], nil) == [own, other])
    #expect(try contexts([gs1, own], [gs1, other]) == [own, other])
    #expect(try contexts(gs1, own) == [own])
    #expect(try contexts("https://gs1.github.io/EPCIS/epcis-context.jsonld", nil) == nil)
    #expect(try contexts("https://ref.gs1.org.evil.example/epcis-context.jsonld", nil) != nil)
  }

  static let refused: [(JSON, String)] = [
    ([:], "/type"), (["type": "ObjectEvent"], "/eventTime"), (["type": 1, "eventTime": "2026-03-06T09:00:00Z"], "/type"),
    (["type": "ObjectEvent", "eventTime": "2026-03-06T09:00:00"], "/eventTime"),
    (["type": "ObjectEvent", "eventTime": "2026-03-06"], "/eventTime"),
    (["type": "ObjectEvent", "eventTime": 1_772_787_600], "/eventTime"),
  ]

  @Test(arguments: refused)
  func `an event without type or time is refused with the place`(body: JSON, pointer: String) throws {
    let refusal = #expect(throws: Refusal.self) { try database.facts(of: body) }
    #expect(refusal?.pointer == pointer)
  }

  static let misshapen: [(JSON, String)] = [
    (["epcisBody": ["eventList": [["type": "ObjectEvent"], 7]]], "/epcisBody/eventList/1"),
    (["epcisBody": ["eventList": ["type": "ObjectEvent"]]], "/epcisBody/eventList"),
    (["type": "EPCISDocument", "epcisBody": [:]], "/epcisBody/eventList"), (["type": "EPCISDocument"], "/epcisBody/eventList"),
  ]

  @Test(arguments: misshapen)
  func `a document of another shape is refused with the place`(document: JSON, pointer: String) throws {
    let refusal = #expect(throws: Refusal.self) { try split(document) }
    #expect(refusal?.pointer == pointer)
  }

  @Test func `a document may be empty, and single events are taken alone`() throws {
    #expect(try split(["type": "EPCISDocument", "epcisBody": ["eventList": []]]) == [])
    #expect(try split(["type": "ObjectEvent", "eventTime": "2026-03-06T09:00:00Z"]) == nil)
    #expect(try split([["type": "ObjectEvent"]]) == nil)
  }

  @Test func `members of another shape than the standard's are taken as they are`() throws {
    let body: JSON = [
      "type": "x", "eventTime": "2026-03-06t09:00:00.123456z", "eventID": 7, "epcList": "no list", "childEPCs": ["a", 1, "a", ""],
      "parentID": "p",
      "readPoint": "here", "bizLocation": ["name": "no id"], "bizStep": .null, "disposition": ["odd": true],
    ]
    let facts = try database.facts(of: body)
    #expect(facts.externalKey == nil)
    #expect(facts.happenedAt?.description == "2026-03-06T09:00:00.123Z")
    let sighting: JSON = ["_at": "2026-03-06T09:00:00.123Z", "disposition": ["odd": true], "readPoint": "here"]
    #expect(try lastSeen([body]) == ["a": sighting, "p": sighting])
    #expect(try EventEncoder().encode(EventDecoder().decode(EPCISEvent.self, from: body)) == body)
  }
}
