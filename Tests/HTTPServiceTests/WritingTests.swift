import EventModel
import HTTPTypes
import Laterbase
import Testing

@testable import HTTPService

@Suite struct `Writing over HTTP` {
  static let id = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

  @Test(arguments: Depth.allCases) func `records one event, and says where it is`(depth: Depth) async throws {
    try await serving(depth) { client in
      let first = try await client.post("/db/plain/e", #"{"_id":"\#(Self.id)","n":1}"#)
      #expect(first.status == 201)
      #expect(first.json["ids"] == [JSON(Self.id)])
      #expect(first.json["recorded"] == 1)
      #expect(first.json["known"] == 0)
      #expect(first.json["status"] == "success")
      #expect(first.json["quorum"] == ["required": 1, "achieved": 1])
      #expect(first.json["created"] == true)
      #expect(first.header("location") == "/db/plain/e/\(Self.id)")
      #expect(Clock(token: first.json["clock"]?.string ?? "")?.entries.map(\.n) == [1])
      let again = try await client.post("/db/plain/e", #"{ "n": 1.0, "_id": "\#(Self.id)" }"#)
      #expect(again.status == 201)
      #expect(again.json["recorded"] == 0)
      #expect(again.json["known"] == 1)
      #expect(again.json["created"] == nil)
      #expect(again.json["clock"] == first.json["clock"])
    }
  }

  @Test(arguments: Depth.allCases) func `records an array whole or not at all`(depth: Depth) async throws {
    try await serving(depth) { client in
      let good = try await client.post("/db/plain/e", #"[{"n":1},{"n":2},{"n":3}]"#)
      #expect(good.json["recorded"] == 3)
      #expect(good.json["ids"]?.elements?.count == 3)
      #expect(good.header("location") == nil)
      let bad = try await client.post("/db/plain/e", #"[{"n":4},{"n":5},{"_id":"x"}]"#)
      #expect(bad.status == 400)
      #expect(bad.slug == "bad-event")
      #expect(bad.json["errors"]?.elements?.first?["index"] == 2)
      #expect(bad.json["errors"]?.elements?.first?["pointer"] == "/_id")
      #expect(try await client.get("/db/plain/e").numbers == [1, 2, 3])
    }
  }

  @Test(arguments: Depth.allCases) func `makes no database for nothing`(depth: Depth) async throws {
    try await serving(depth) { client in
      for (text, type) in [("[]", "application/json"), ("\n \n", "application/x-ndjson"), ("", "application/x-ndjson")] {
        let reply = try await client.post("/db/plain/e", text, type: type)
        #expect(reply.status == 201)
        #expect(reply.json["recorded"] == 0)
      }
      let empty = try await client.post("/db/plain/e", "")
      #expect(empty.status == 400)
      #expect(empty.slug == "not-json")
      #expect(try await client.get("/db").json["databases"] == [])
    }
  }

  @Test(arguments: Depth.allCases) func `makes no database where that is off`(depth: Depth) async throws {
    try await serving(depth, nil, { $0.createsDatabases = false }) { client in
      _ = try await client.get("/health")
      for (text, type) in [("{}", "application/json"), ("[]", "application/json"), ("{}\n", "application/x-ndjson")] {
        #expect(try await client.post("/db/plain/e", text, type: type).slug == "no-database")
      }
      #expect(try await client.send(.put, "/db/plain").status == 201)
      #expect(try await client.post("/db/plain/e", "{}").status == 201)
    }
  }

  @Test(arguments: Depth.allCases) func `refuses a taken ULID, or leaves it out`(depth: Depth) async throws {
    try await serving(depth) { client in
      _ = try await client.post("/db/plain/e", #"{"_id":"\#(Self.id)","n":1}"#)
      let refused = try await client.post("/db/plain/e", #"[{"n":2},{"_id":"\#(Self.id)","n":3}]"#)
      #expect(refused.status == 409)
      #expect(refused.slug == "taken")
      #expect(refused.json["errors"]?.elements?.first?["index"] == 1)
      let skipped = try await client.post("/db/plain/e?on_taken=skip", #"[{"n":2},{"_id":"\#(Self.id)","n":3}]"#)
      #expect(skipped.status == 201)
      #expect(skipped.json["recorded"] == 1)
      #expect(skipped.json["taken"] == [["index": 1, "id": JSON(Self.id)]])
      let same = try await client.post(
        "/db/plain/e", #"[{"_id":"01ARZ3NDEKTSV4RRFFQ69G5FAW","a":1},{"_id":"01ARZ3NDEKTSV4RRFFQ69G5FAW","a":2}]"#)
      #expect(same.slug == "taken")
    }
  }

  @Test(arguments: Depth.allCases) func `takes a repeated request for one`(depth: Depth) async throws {
    try await serving(depth) { client in
      let name = ["Idempotency-Key": Self.id]
      let first = try await client.post("/db/plain/e", #"[{"n":1},{"n":2}]"#, name)
      let again = try await client.post("/db/plain/e", #"[{"n":1},{"n":2}]"#, name)
      #expect(first.json["recorded"] == 2)
      #expect(again.json["known"] == 2)
      #expect(again.json["ids"] == first.json["ids"])
      #expect(try await client.post("/db/plain/e", "{}", ["Idempotency-Key": "request 7"]).slug == "bad-parameter")
    }
  }

  @Test(arguments: Depth.allCases) func `leaves ids out where they are not wanted`(depth: Depth) async throws {
    try await serving(depth) { client in
      let reply = try await client.post("/db/plain/e", "[{},{}]", ["Prefer": "respond-async, return=minimal"])
      #expect(reply.json["ids"] == nil)
      #expect(reply.json["recorded"] == 2)
      #expect(reply.header("preference-applied") == "return=minimal")
    }
  }

  @Test(arguments: Depth.allCases) func `answers at the level that is asked for`(depth: Depth) async throws {
    try await serving(depth) { client in
      for level in ["one", "quorum", "all", "local_quorum", "each_quorum"] {
        let reply = try await client.post("/db/plain/e?consistency=\(level)", "{}")
        #expect(reply.status == 201)
        #expect(reply.json["quorum"] == ["required": 1, "achieved": 1])
      }
      for (level, required) in [("two", 2), ("three", 3)] {
        let reply = try await client.post("/db/plain/e?consistency=\(level)&timeout=5ms", "{}")
        #expect(reply.status == 202)
        #expect(reply.json["status"] == "partial")
        #expect(reply.json["recorded"] == 1)
        #expect(reply.json["quorum"] == ["required": JSON(required), "achieved": 1])
      }
      let queued = try await client.post("/db/plain/e?consistency=none", "{}")
      #expect(queued.status == 202)
      #expect(queued.json["status"] == "queued")
      #expect(queued.json["clock"] == nil)
      #expect(try await client.post("/db/plain/e?consistency=most", "{}").slug == "bad-parameter")
    }
  }

  @Test(arguments: Depth.allCases) func `takes a stream of lines, and what was committed before a bad one stays`(depth: Depth) async throws
  {
    try await serving(depth) { client in
      let good = try await client.post("/db/plain/e", "{\"n\":1}\n\n{\"n\":2}\r\n{\"n\":3}", type: "application/x-ndjson")
      #expect(good.status == 201)
      #expect(good.json["recorded"] == 3)
      #expect(good.json["ids"]?.elements?.count == 3)
      let lines = (0..<5000).map { "{\"n\":\($0)}" } + ["{", "{\"n\":7}"]
      let bad = try await client.post("/db/more/e", lines.joined(separator: "\n"), type: "application/x-ndjson")
      #expect(bad.status == 400)
      #expect(bad.slug == "not-json")
      #expect(bad.json["committed_lines"] == 4096)
      #expect(bad.json["recorded"] == 4096)
      #expect(bad.json["known"] == 0)
      #expect(bad.json["errors"]?.elements?.first?["line"] == 5001)
      #expect(bad.json["errors"]?.elements?.first?["index"] == 5000)
      let info = try await client.get("/db/more")
      #expect(info.json["events"] == 4096)
      #expect(info.json["clock"] == bad.json["clock"])
    }
  }

  @Test(arguments: Depth.allCases) func `holds what it says of sizes`(depth: Depth) async throws {
    try await serving(
      depth, nil,
      {
        $0.limits.eventsMax = 3; $0.limits.requestBytesMax = 2 << 20
      }
    ) { client in
      #expect(try await client.post("/db/plain/e", "[{},{},{},{}]").slug == "too-large")
      #expect(try await client.post("/db/plain/e", "[{},{},{}]").status == 201)
      let text = String(repeating: "x", count: 1 << 20)
      #expect(try await client.post("/db/plain/e", "{\"a\":\"\(text)\"}").slug == "too-large")
      #expect(try await client.post("/db/plain/e", "{\"a\":\"\(text.dropLast(8))\"}").status == 201)
      let lines = try await client.post("/db/plain/e", "{}\n{}\n{}\n{}\n", type: "application/x-ndjson")
      #expect(lines.json["recorded"] == 4)
      #expect(lines.json["ids"] == nil)
    }
  }

  @Test(arguments: Depth.allCases) func `refuses what isn't an event of the declared type`(depth: Depth) async throws {
    try await serving(depth) { client in
      let bad = try await client.post("/db/notes/e", #"[{"number":"1","boxes":2},{"number":"2","boxes":"two"}]"#)
      #expect(bad.status == 422)
      #expect(bad.slug == "refused")
      #expect(bad.json["errors"]?.elements?.first?["pointer"] == "/boxes")
      let split = try await client.post(
        "/db/notes/e", #"{"notes":[{"number":"1","boxes":2},{"number":"2","boxes":3}]}"#, type: "application/notes+json")
      #expect(split.json["recorded"] == 2)
      #expect(try await client.post("/db/plain/e", "{}", type: "application/notes+json").slug == "media-type")
    }
  }

  @Test(arguments: Depth.allCases) func `says which header a body lacks`(depth: Depth) async throws {
    try await serving(depth) { client in
      for type in [nil, "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/json; profile=x", "nonsense"]
      {
        let reply = try await client.post("/db/plain/e", "{}", type: type)
        #expect(reply.status == 415)
        #expect(reply.slug == "media-type")
        #expect(reply.json["detail"]?.string?.contains("Content-Type: application/json") == true)
      }
      #expect(try await client.post("/db/plain/e", "{}", ["Content-Encoding": "gzip"]).slug == "media-type")
      #expect(try await client.post("/db/plain/e", "{}", type: "Application/JSON ; Charset=\"UTF-8\"").status == 201)
    }
  }

  @Test(arguments: Depth.allCases) func `refuses names that nobody can write to`(depth: Depth) async throws {
    try await serving(depth) { client in
      for name in ["Plain", "1st", "nodes", "health", "%2e%2e", "a%00", String(repeating: "a", count: 65)] {
        let reply = try await client.post("/db/\(name)/e", "{}")
        #expect(reply.status == 400)
        #expect(reply.slug == "bad-parameter")
        #expect(try await client.send(.put, "/db/\(name)").status == 400)
        #expect(try await client.get("/db/\(name)/e").slug == "no-database")
      }
      #expect(try await client.post("/db/_nodes/e", "{}").slug == "forbidden")
      #expect(try await client.send(.put, "/db/_own").slug == "forbidden")
      #expect(try await client.get("/db/_nodes/e").slug == "no-database")
      #expect(try await client.post("/db/%70lain/e", "{}").header("location")?.hasPrefix("/db/plain/e/") == true)
    }
  }
}
