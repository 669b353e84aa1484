import EventModel
import Foundation
import HTTPTypes
import Laterbase
import Testing
import ViewKit

@testable import HTTPService

/// Boxes by note, and how many notes there are of each number of boxes.
struct Boxes: ReduceView {
  let name = "boxes"
  func map(_ event: Note, _ when: Happened, emit: inout Emit<String, Sum<Int>>) throws {
    if event.boxes == 13 { throw Refusal("/boxes", "no note has thirteen") }
    emit(event.number, Sum(event.boxes))
  }
}

struct LastBoxes: FoldView {
  struct State: Codable, Equatable { var boxes = 0 }
  let name = "last-boxes"
  func map(_ event: Note, _ when: Happened, emit: inout Emit<Key<String, Int>, Int>) {
    emit(Key(event.number, event.boxes % 2), event.boxes)
  }
  func start(_ key: Key<String, Int>) -> State { State() }
  func apply(_ row: Int, _ when: Happened, to state: inout State) { state.boxes = row }
  func finish(_ state: State, _ key: Key<String, Int>) -> Int? { state.boxes }
}

/// Maps nothing before it is released.
private struct HeldBoxes: ReduceView {
  let name = "held-boxes"
  private let released = DispatchSemaphore(value: 0)

  func release() { released.signal() }

  func map(_ event: Note, _ when: Happened, emit: inout Emit<String, Sum<Int>>) {
    _ = released.wait(timeout: .now() + 120)
    released.signal()
    emit(event.number, Sum(event.boxes))
  }
}

@Suite struct `Views over HTTP` {
  static let database = Database("notes", of: Note.self) {
    Boxes()
    LastBoxes()
  }

  static func filled<R: Sendable>(_ depth: Depth, _ body: @escaping @Sendable (Client) async throws -> R) async throws -> R {
    let node = try LaterbaseNode([database], storage: .memory)
    return try await serving(depth, node) { client in
      let events = (0..<30).map { "{\"_at\":\"\(`Reading over HTTP`.at($0))\",\"number\":\"N\($0 % 10)\",\"boxes\":\($0)}" }
      #expect(try await client.post("/db/notes/e", "[\(events.joined(separator: ","))]").status == 201)
      return try await body(client)
    }
  }

  @Test(arguments: Depth.allCases) func `answer with their rows and the set that they are of`(depth: Depth) async throws {
    try await Self.filled(depth) { client in
      for path in ["/db/notes/v/boxes", "/notes/boxes"] {
        let all = try await client.get(path)
        #expect(all.status == 200)
        #expect(all.json["view"] == "boxes")
        #expect(all.json["version"] == 1)
        #expect(all.json["set"] == (try await client.get("/db/notes").json["clock"]))
        #expect(all.json["cursor"] == JSON.null)
        // The event with thirteen boxes is skipped.
        #expect(
          all.json["rows"]?.elements?.map { $0.description }.prefix(4) == [
            #"{"key":"N0","value":30}"#, #"{"key":"N1","value":33}"#, #"{"key":"N2","value":36}"#, #"{"key":"N3","value":26}"#,
          ])
        #expect(all.json["rows"]?.elements?.count == 10)
      }
      let lines = try await client.get("/notes/boxes?limit=2", ["Accept": "application/x-ndjson"])
      #expect(lines.lines.map { $0["key"]?.string } == ["N0", "N1", nil])
      #expect(lines.lines.last?["cursor"]?.string != nil)
    }
  }

  @Test(arguments: Depth.allCases) func `take an event that came late in its place`(depth: Depth) async throws {
    try await Self.filled(depth) { client in
      let key = "/notes/last-boxes?key=%5B%22N1%22,1%5D"
      #expect(try await client.get(key).json["rows"] == [["key": ["N1", 1], "value": 21]])
      _ = try await client.post("/db/notes/e", "{\"_at\":\"\(`Reading over HTTP`.at(5))\",\"number\":\"N1\",\"boxes\":99}")
      #expect(try await client.get(key).json["rows"] == [["key": ["N1", 1], "value": 21]])
      _ = try await client.post("/db/notes/e", "{\"_at\":\"\(`Reading over HTTP`.at(50))\",\"number\":\"N1\",\"boxes\":77}")
      #expect(try await client.get(key).json["rows"] == [["key": ["N1", 1], "value": 77]])
    }
  }

  @Test(arguments: Depth.allCases) func `give the keys that are asked for`(depth: Depth) async throws {
    try await Self.filled(depth) { client in
      func keys(_ query: String) async throws -> [String] {
        let reply = try await client.get("/notes/boxes?\(query)")
        return (reply.json["rows"]?.elements ?? []).compactMap { $0["key"]?.string }
      }
      #expect(try await keys("key=%22N7%22") == ["N7"])
      #expect(try await keys("key=%22X%22") == [])
      #expect(try await keys("keys=[%22N7%22,%22X%22,%22N2%22]") == ["N7", "N2"])
      #expect(try await keys("startkey=%22N3%22&endkey=%22N5%22") == ["N3", "N4", "N5"])
      #expect(try await keys("startkey=%22N3%22&endkey=%22N5%22&inclusive_end=false") == ["N3", "N4"])
      #expect(try await keys("startkey=%22N5%22&endkey=%22N3%22&descending=true&skip=1") == ["N4", "N3"])
      #expect(try await keys("prefix=%22N%22&limit=2") == ["N0", "N1"])
      #expect(try await keys("limit=0").count == 10)
      var all: [String] = []
      var cursor = ""
      repeat {
        let page = try await client.get("/notes/boxes?limit=3\(cursor)")
        all += (page.json["rows"]?.elements ?? []).compactMap { $0["key"]?.string }
        cursor = page.json["cursor"]?.string.map { "&cursor=\($0)" } ?? ""
      } while !cursor.isEmpty
      #expect(all == (0..<10).map { "N\($0)" })
    }
  }

  @Test(arguments: Depth.allCases) func `are not sent again to whoever has them`(depth: Depth) async throws {
    try await Self.filled(depth) { client in
      let tag = try #require(try await client.get("/notes/boxes").header("etag"))
      let same = try await client.get("/notes/boxes", ["If-None-Match": tag])
      #expect(same.status == 304)
      #expect(same.text == "")
      #expect(try await client.get("/notes/boxes?limit=1", ["If-None-Match": tag]).status == 200)
      _ = try await client.post("/db/notes/e", #"{"number":"N1","boxes":1}"#)
      #expect(try await client.get("/notes/boxes", ["If-None-Match": tag]).status == 200)
      #expect(try await client.get("/notes/boxes?update=false", ["If-None-Match": tag]).status == 200)
    }
  }

  @Test(arguments: Depth.allCases) func `say how far they are, and what they skipped`(depth: Depth) async throws {
    try await Self.filled(depth) { client in
      #expect(try await client.get("/notes/boxes?update=false").json["rows"] == [])
      let before = try await client.get("/db/notes/v").json["views"]?.elements ?? []
      #expect(before.map { $0["name"]?.string } == ["boxes", "last-boxes"])
      #expect(before.map { $0["pending"]?.int } == [30, 30])
      _ = try await client.get("/notes/boxes")
      let after = try await client.get("/db/notes/v").json["views"]?.elements ?? []
      #expect(after.map { $0["pending"]?.int } == [0, 30])
      #expect(after.first?["skipped"] == 1)
      let errors = try await client.get("/db/notes/v/boxes/_errors").json["errors"]?.elements ?? []
      #expect(errors.count == 1)
      #expect(errors.first?["detail"]?.string?.contains("thirteen") == true)
      #expect(errors.first?["id"]?.string.flatMap { ULID($0) }?.at == `Reading over HTTP`.at(13))
      #expect(try await client.get("/db/notes").json["views"] == ["boxes", "last-boxes"])
    }
  }

  @Test(arguments: Depth.allCases) func `list all that they skipped, a piece at a time`(depth: Depth) async throws {
    try await serving(depth, LaterbaseNode([Self.database], storage: .memory)) { client in
      let events = Array(repeating: "{\"number\":\"\(String(repeating: "é", count: 400))\",\"boxes\":13}", count: 5000)
      for _ in 0..<3 { #expect(try await client.post("/db/notes/e", "[\(events.joined(separator: ","))]").status == 201) }
      #expect(try await client.get("/notes/boxes").json["rows"] == [])
      let path = "/db/notes/v/boxes/_errors"
      let all = try #require(try await client.get("\(path)?limit=0").json["errors"]?.elements)
      let ids = all.map { $0["id"]?.string ?? "" }
      #expect(ids.count == 15_000 && ids == ids.sorted() && Set(ids).count == 15_000)
      #expect(all.allSatisfy { $0["detail"] == "/boxes: no note has thirteen" })
      let lines = try await client.get("\(path)?limit=0", ["Accept": "application/x-ndjson"]).lines
      #expect(lines.map { $0["id"]?.string } == ids)
      #expect(try await client.get(path).json["errors"]?.elements == Array(all.prefix(1000)))
      #expect(try await client.get("\(path)?limit=7").json["errors"]?.elements == Array(all.prefix(7)))
    }
  }

  @Test(arguments: Depth.allCases) func `say how far they are when their time is over`(depth: Depth) async throws {
    let held = HeldBoxes()
    let node = try LaterbaseNode([Database("notes", of: Note.self) { held }], storage: .memory)
    try await serving(depth, node) { client in
      #expect(try await client.post("/db/notes/e", #"[{"number":"A","boxes":4},{"number":"B","boxes":6}]"#).status == 201)
      let late = try await client.get("/notes/held-boxes?timeout=50ms")
      held.release()
      #expect(late.status == 503 && late.slug == "not-ready")
      #expect(late.json["records_done"] == 0 && late.json["records_left"] == 2)
      #expect(late.header("retry-after") == "1")
      #expect(try await client.get("/notes/held-boxes").json["rows"]?.elements?.count == 2)
    }
  }

  @Test(arguments: Depth.allCases) func `refuse what they can't answer`(depth: Depth) async throws {
    try await Self.filled(depth) { client in
      for path in ["/notes/none", "/db/notes/v/none", "/db/notes/v/none/_errors"] {
        let reply = try await client.get(path)
        #expect(reply.slug == "not-found", "\(path)")
        #expect(reply.json["detail"]?.string?.contains("last-boxes") == true)
      }
      #expect(try await client.get("/none/boxes").slug == "no-database")
      for query in [
        "key=N7", "keys=%22N7%22", "key=%22N7%22&keys=[]", "cursor=*", "update=maybe", "group_level=x", "skip=-1",
      ] {
        #expect(try await client.get("/notes/boxes?\(query)").slug == "bad-parameter", "\(query)")
      }
      let alone = try await client.get("/notes/boxes?consistency=two&timeout=5ms")
      #expect(alone.slug == "behind")
      #expect(try await client.get("/notes/boxes?consistency=quorum").status == 200)
    }
  }
}
