import EventModel
import EventStore
import HTTPTypes
import Laterbase
import Testing
import ViewEngine
import ViewKit

@testable import HTTPService

/// Boxes by note, whose figures are restated.
struct CountedBoxes: ReduceView {
  let name = "counted-boxes"
  let restates = true
  func map(_ event: Note, _ when: Happened, emit: inout Emit<String, Sum<Int>>) { emit(event.number, Sum(event.boxes)) }
}

@Suite struct `Restatements over HTTP` {
  static let database = Database("notes", of: Note.self) {
    CountedBoxes()
    Boxes()
  }
  static let path = "/db/notes/v/counted-boxes/_restatements"

  static func late(_ client: Client, _ hours: Int64, _ boxes: Int) async throws {
    let at = Instant(milliseconds: client.node.world.now().milliseconds - hours * 3_600_000)
    #expect(try await client.post("/db/notes/e", "{\"_at\":\"\(at)\",\"number\":\"N1\",\"boxes\":\(boxes)}").status == 201)
  }

  static func served<R: Sendable>(_ depth: Depth, _ body: @escaping @Sendable (Client) async throws -> R) async throws -> R {
    try await serving(depth, LaterbaseNode([database], storage: .memory)) { client in
      try await late(client, 1, 5)
      #expect(try await client.get("/notes/counted-boxes").json["rows"] == [["key": "N1", "value": 5]])
      return try await body(client)
    }
  }

  @Test(arguments: Depth.allCases) func `say which figure changed, and by which event`(depth: Depth) async throws {
    try await Self.served(depth) { client in
      let none = try await client.get(Self.path)
      #expect(none.status == 200)
      #expect(none.json["restatements"] == [])
      let start = try #require(none.json["after"]?.string)
      try await Self.late(client, 27, 3)
      let told = try await client.get("\(Self.path)?after=\(start)")
      let event = try #require(try await client.get("/db/notes/e?limit=0").json["events"]?.elements?.last?["_id"]?.string)
      #expect(
        told.json["restatements"] == [["key": "N1", "before": 5, "after": 8, "event": JSON(event), "late": "27h"]])
      try await Self.late(client, 72, 1)
      // The read is what finds it.
      _ = try await client.get("/notes/counted-boxes")
      #expect(try await client.get(Self.path).json["restatements"]?.elements?.count == 2)
      let page = try await client.get("\(Self.path)?limit=1")
      #expect(page.json["restatements"] == told.json["restatements"])
      let next = try #require(page.json["after"]?.string)
      let rest = try await client.get("\(Self.path)?after=\(next)", ["Accept": "application/x-ndjson"])
      #expect(rest.lines.count == 2)
      #expect(rest.lines.first?["late"] == "3d")
      let end = try #require(rest.lines.last?["after"]?.string)
      #expect(try await client.get("\(Self.path)?after=\(end)").json == ["restatements": [], "after": JSON(end)])
    }
  }

  // The client of a socket has one connection, and would wait itself.
  @Test func `are waited for`() async throws {
    try await Self.served(.router) { client in
      let start = try #require(try await client.get(Self.path).json["after"]?.string)
      let empty = try await client.get("\(Self.path)?after=\(start)&feed=longpoll&timeout=50ms")
      #expect(empty.json == ["restatements": [], "after": JSON(start)])
      async let told = client.get("\(Self.path)?after=\(start)&feed=longpoll&timeout=60s")
      // On time: nothing is restated.
      try await Self.late(client, 0, 2)
      try await Self.late(client, 30, 4)
      let text = try await told.json["restatements"]?.elements?.first
      #expect(text?["late"] == "30h")
    }
  }

  @Test(arguments: Depth.allCases) func `refuse a cursor of another list, and what is malformed`(depth: Depth) async throws {
    let other = try await Self.served(depth) { try await $0.get(Self.path).json["after"]?.string ?? "" }
    try await Self.served(depth) { client in
      let gone = try await client.get("\(Self.path)?after=\(other)")
      #expect(gone.status == 410)
      #expect(gone.slug == "gone")
      let mine = try #require(try await client.get(Self.path).json["after"]?.string)
      let cursor = RestatementCursor(node: client.node.id, database: "notes", view: "counted-boxes")
      let ahead = try cursor.place(mine)
      for place in [(ahead.number + 1, ahead.serial), (ahead.number, ahead.serial + 7)] {
        let text = cursor.text(RestatementPlace(number: place.0, serial: place.1))
        #expect(try await client.get("\(Self.path)?after=\(text)").slug == "gone")
      }
      for query in ["after=", "after=*", "after=AAAA", "limit=-1", "feed=eventsource", "timeout=1", "lc=0", "after=\(mine)&after=\(mine)"] {
        let reply = try await client.get("\(Self.path)?\(query)")
        #expect(reply.slug == "bad-parameter", "\(query)")
      }
      #expect(try await client.get("/db/notes/v/boxes/_restatements").slug == "not-found")
      #expect(try await client.get("/db/notes/v/none/_restatements").slug == "not-found")
      #expect(try await client.get("/db/none/v/boxes/_restatements").slug == "no-database")
      _ = try await client.send(.delete, "/db/notes?confirm=notes")
      _ = try await client.send(.put, "/db/notes")
      #expect(try await client.get(Self.path).json["restatements"] == [])
      #expect(try await client.get(Self.path, ["Accept": "text/event-stream"]).slug == "not-acceptable")
      #expect(try await client.send(.post, Self.path, "{}").slug == "method")
    }
  }

  @Test func `name a duration by the largest unit of which there are two`() {
    let hour: Int64 = 3_600_000
    let cases: [(Int64, String)] = [
      (0, "0ms"), (1999, "1999ms"), (2000, "2s"), (119_999, "119s"), (120_000, "2m"), (26 * hour, "26h"), (48 * hour, "2d"),
      (90 * 24 * hour, "90d"),
    ]
    for (milliseconds, text) in cases { #expect(Duration.text(milliseconds: milliseconds) == text) }
  }
}
