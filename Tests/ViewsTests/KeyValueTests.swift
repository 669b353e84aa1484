import EventModel
import Testing

@testable import ViewKit
@testable import Views

@Suite struct `The key/value map` {
  let database: CompiledDatabase

  init() throws { database = try CompiledDatabase(keyValues) }

  @Test func `answers what was written last, and nothing for what was deleted`() throws {
    let events: [(String, JSON)] = [
      ("2026-03-01T08:00:00Z", ["key": "colour", "value": "red"]), ("2026-03-01T07:00:00Z", ["key": "colour", "deleted": true]),
      ("2026-03-01T08:00:00Z", ["key": "null", "value": .null]), ("2026-03-01T08:00:00Z", ["key": "gone", "value": [1]]),
      ("2026-03-01T09:00:00Z", ["key": "gone", "deleted": true, "by": "me"]),
      ("2026-03-01T09:00:00Z", ["key": "map", "value": ["b": [1.5, [:]], "a": ""], "deleted": false]),
    ]
    #expect(try database.rows("kv", events) == [#""colour" "red""#, #""map" {"a":"","b":[1.5,{}]}"#, #""null" null"#])
  }

  static let refused: [(JSON, String)] = [
    ([:], "/key"), (["key": 1, "value": 1], "/key"), (["key": "", "value": 1], "/key"), (["key": "a"], "/value"),
    (["key": "a", "deleted": false], "/value"), (["key": "a", "value": 1, "deleted": true], "/deleted"),
    (["key": "a", "deleted": "yes"], "/deleted"), (["key": JSON(String(repeating: "é", count: 101)), "value": 1], "/key"),
    (["key": "a", "value": JSON(String(repeating: "x", count: 3999))], "/value"),
  ]

  @Test(arguments: refused)
  func `a write of another shape is refused with the place`(body: JSON, pointer: String) {
    let refusal = #expect(throws: Refusal.self) { try database.facts(of: body) }
    #expect(refusal?.pointer == pointer)
  }

  @Test func `what is taken fits into the view`() throws {
    for (key, value) in [(String(repeating: "\u{0}", count: 200), "x"), ("a", String(repeating: "x", count: 3998))] {
      let body: JSON = ["key": JSON(key), "value": JSON(value)]
      _ = try database.facts(of: body)
      let row = try #require(try database.views[0].map(database.decode(body), Happened(id: .init(value: .max), digest: .max)).first)
      #expect(row.row.count <= 4080)
    }
  }
}
