import EventModel
import HTTPTypes
import Laterbase
import Testing

@testable import HTTPService

@Suite struct `Reading over HTTP` {
  /// A server with the events n = 0 ..< count, a minute apart from 2026-01-01T00:00:00Z on, recorded backwards.
  static func filled<R: Sendable>(_ depth: Depth, count: Int = 10, _ body: @escaping @Sendable (Client) async throws -> R) async throws -> R
  {
    try await serving(depth) { client in
      let events = (0..<count).reversed().map { "{\"_at\":\"\(at($0))\",\"n\":\($0)}" }
      #expect(try await client.post("/db/plain/e", "[\(events.joined(separator: ","))]").status == 201)
      return try await body(client)
    }
  }

  static func at(_ n: Int) -> Instant { Instant(milliseconds: 1_767_225_600_000 + Int64(n) * 60_000) }

  @Test(arguments: Depth.allCases) func `hands out the feed in the order of recording, page by page`(depth: Depth) async throws {
    try await Self.filled(depth) { client in
      var numbers: [Int] = []
      var clock = "0"
      var pending = 1
      while pending > 0 {
        let page = try await client.get("/db/plain/e?lc=\(clock)&limit=3")
        #expect(page.header("content-type") == "application/json")
        #expect(page.header("cache-control") == "private, no-cache")
        numbers += page.numbers
        clock = try #require(page.json["clock"]?.string)
        pending = try #require(page.json["pending"]?.int)
        #expect(pending == 10 - numbers.count)
      }
      #expect(numbers == (0..<10).reversed())
      #expect(try await client.get("/db/plain").json["clock"]?.string == clock)
      #expect(try await client.get("/db/plain/e?lc=\(clock)").json["events"] == [])
    }
  }

  @Test(arguments: Depth.allCases) func `writes the envelope and then the body`(depth: Depth) async throws {
    try await Self.filled(depth, count: 1) { client in
      let text = try await client.get("/db/plain/e").text
      let origin = try #require(try await client.get("/db/plain").json["origin"]?.string)
      #expect(text.contains(#","_at":"2026-01-01T00:00:00.000Z","_origin":"\#(origin)","_seq":1,"_hlc":""#))
      #expect(text.contains(#"","n":0}],"clock":"#))
      #expect(!(try await client.get("/db/plain/e?bodies=false").text.contains("\"n\"")))
      let event = try #require(try await client.get("/db/plain/e").json["events"]?.elements?.first)
      #expect(try await client.post("/db/plain/e", event.description).json["known"] == 1)
    }
  }

  @Test(arguments: Depth.allCases) func `writes lists as lines to whoever wants them`(depth: Depth) async throws {
    try await Self.filled(depth) { client in
      let lines = ["Accept": "application/json;q=0.5, application/x-ndjson"]
      let feed = try await client.get("/db/plain/e", lines)
      #expect(feed.header("content-type") == "application/x-ndjson")
      #expect(feed.header("vary") == "accept")
      #expect(feed.lines.dropLast().compactMap { $0["n"]?.int } == (0..<10).reversed())
      #expect(feed.lines.last?["pending"] == 0)
      #expect(try await client.get("/db/plain/e?descending=true", lines).lines.last?["cursor"] == JSON.null)
      #expect(
        try await client.get("/db/plain/e?keys=\(`Writing over HTTP`.id)", lines).lines.last?["missing"] == [JSON(`Writing over HTTP`.id)])
      #expect(try await client.get("/db", lines).lines.first?["name"] == "plain")
      #expect(
        try await client.get("/db/plain/e", ["Accept": "application/x-ndjson, application/json"]).header("content-type")
          == "application/x-ndjson")
      #expect(try await client.get("/db/plain/e", ["Accept": "text/html, */*;q=0.1"]).header("content-type") == "application/json")
      for accept in ["text/html", "application/json;q=0", "text/event-stream"] {
        #expect(try await client.get("/db/plain/e", ["Accept": accept]).slug == "not-acceptable")
      }
      #expect(try await client.get("/db/plain", ["Accept": "application/x-ndjson"]).slug == "not-acceptable")
    }
  }

  @Test(arguments: Depth.allCases) func `takes long clocks in a body`(depth: Depth) async throws {
    try await Self.filled(depth) { client in
      let first = try await client.post("/db/plain/e/_feed", #"{"limit":4}"#)
      #expect(first.numbers == [9, 8, 7, 6])
      let clock = first.json["clock"] ?? .null
      #expect(try await client.post("/db/plain/e/_feed", #"{"lc":\#(clock),"bodies":false}"#).json["events"]?.elements?.count == 6)
      for body in [#"{"limits":4}"#, #"{"limit":-1}"#, #"{"limit":"x"}"#, #"{"lc":[1]}"#, "[]", #"{"lc":"nonsense"}"#] {
        #expect(try await client.post("/db/plain/e/_feed", body).slug == "bad-parameter")
      }
      #expect(try await client.post("/db/plain/e/_feed", "{").slug == "not-json")
    }
  }

  @Test(arguments: Depth.allCases) func `reads many events by their ids, in the order asked`(depth: Depth) async throws {
    try await Self.filled(depth) { client in
      let ids = try await client.get("/db/plain/e").json["events"]?.elements?.compactMap { $0["_id"]?.string } ?? []
      let missing = `Writing over HTTP`.id
      let url = try await client.get("/db/plain/e?keys=\(ids[7].lowercased()),\(missing),\(ids[2])")
      #expect(url.numbers == [2, 7])
      #expect(url.json["missing"] == [JSON(missing)])
      let body = try await client.post("/db/plain/e/_read", "{\"keys\":[\"\(ids[2])\",\"\(missing)\",\"\(ids[7])\"]}")
      #expect(body.numbers == [7, 2])
      #expect(body.json["missing"] == [JSON(missing)])
      #expect(try await client.post("/db/plain/e/_read", "{\"keys\":[]}").json == ["events": [], "missing": []])
      for text in ["{}", "{\"keys\":[1]}", "{\"keys\":[\"x\"]}", "{\"keys\":[],\"more\":1}", "[]"] {
        #expect(try await client.post("/db/plain/e/_read", text).slug == "bad-parameter")
      }
      let many = Array(repeating: missing, count: 251)
      #expect(try await client.get("/db/plain/e?keys=\(many.joined(separator: ","))").slug == "bad-parameter")
      let most = Array(repeating: "\"\(missing)\"", count: 10_001).joined(separator: ",")
      #expect(try await client.post("/db/plain/e/_read", "{\"keys\":[\(most)]}").slug == "too-large")
    }
  }

  @Test(arguments: Depth.allCases) func `reads by time of happening, from inclusive, to exclusive`(depth: Depth) async throws {
    try await Self.filled(depth) { client in
      #expect(try await client.get("/db/plain/e?from=\(Self.at(3))&to=\(Self.at(6))").numbers == [3, 4, 5])
      #expect(try await client.get("/db/plain/e?from=\(Self.at(3))&to=\(Self.at(6))&descending=true").numbers == [5, 4, 3])
      #expect(try await client.get("/db/plain/e?to=2026-01-01T01:02:00%2B01:00").numbers == [0, 1])
      for order in ["false", "true"] {
        var numbers: [Int] = []
        var cursor = ""
        repeat {
          let page = try await client.get("/db/plain/e?descending=\(order)&limit=4\(cursor)")
          numbers += page.numbers
          cursor = page.json["cursor"]?.string.map { "&cursor=\($0)" } ?? ""
        } while !cursor.isEmpty
        #expect(numbers == (order == "true" ? (0..<10).reversed() : Array(0..<10)))
      }
    }
  }

  @Test(arguments: Depth.allCases) func `reads by external key`(depth: Depth) async throws {
    try await serving(depth) { client in
      _ = try await client.post("/db/plain/e", #"{"_key":"S-1 ü","_at":"2026-01-01T00:00:00Z","n":1}"#)
      let found = try await client.get("/db/plain/e?key=S-1%20%C3%BC&at=2026-01-01T00:00:00.000Z")
      #expect(found.numbers == [1])
      #expect(found.json["cursor"] == JSON.null)
      #expect(try await client.get("/db/plain/e?key=S-2&at=2026-01-01T00:00:00Z").numbers == [])
      #expect(try await client.get("/db/plain/e?key=S-1").slug == "bad-parameter")
    }
  }

  @Test(arguments: Depth.allCases) func `reads one event, unless the client has it`(depth: Depth) async throws {
    try await serving(depth) { client in
      let path = try #require(try await client.post("/db/plain/e", #"{"n":1}"#).header("location"))
      let event = try await client.get(path)
      #expect(event.status == 200)
      #expect(event.json["n"] == 1)
      let tag = "\"\(Digest.sha256(Array(#"{"n":1}"#.utf8).raw).hex)\""
      #expect(event.header("etag") == tag)
      for held in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
        let reply = try await client.get(path, ["If-None-Match": held])
        #expect(reply.status == 304)
        #expect(reply.text == "")
        #expect(reply.header("etag") == tag)
      }
      #expect(try await client.get(path, ["If-None-Match": "\"x\""]).status == 200)
      #expect(try await client.get("/db/plain/e/\(`Writing over HTTP`.id)").slug == "not-found")
      #expect(try await client.get("/db/plain/e/nonsense").slug == "not-found")
    }
  }

  @Test(arguments: Depth.allCases) func `streams all of a long feed`(depth: Depth) async throws {
    try await serving(depth) { client in
      // More than what is answered with a length, in several pieces of a transaction each.
      let padding = String(repeating: "x", count: 100_000)
      for _ in 0..<2 {
        let events = Array(repeating: "{\"padding\":\"\(padding)\"}", count: 8)
        #expect(try await client.post("/db/plain/e", "[\(events.joined(separator: ","))]").status == 201)
      }
      func sequence(_ reply: Reply) -> [Int] {
        reply.text.split(separator: "\"_seq\":").dropFirst().compactMap { Int($0.prefix { $0 != "," }) }
      }
      let all = try await client.get("/db/plain/e?limit=0")
      #expect(sequence(all) == Array(1...16))
      #expect(all.text.hasPrefix("{\"events\":[{\"_id\""))
      #expect(all.text.hasSuffix("\",\"pending\":0}"))
      #expect(sequence(try await client.get("/db/plain/e?descending=true&limit=0")) == (1...16).reversed())
      let lines = try await client.get("/db/plain/e?limit=0", ["Accept": "application/x-ndjson"])
      #expect(sequence(lines) == Array(1...16))
      #expect(lines.text.utf8.count { $0 == UInt8(ascii: "\n") } == 17)
      let head = try await client.send(.head, "/db/plain/e?limit=0")
      #expect(head.header("content-length") == "\(all.text.utf8.count)")
      #expect(head.text == "")
    }
  }

  @Test(arguments: Depth.allCases) func `waits for what a client has seen`(depth: Depth) async throws {
    try await Self.filled(depth) { client in
      let clock = try await client.post("/db/plain/e", "{}").json["clock"]?.string ?? ""
      #expect(try await client.get("/db/plain/e?at_least=\(clock)").status == 200)
      let foreign = Clock([Clock.Entry(origin: Origin(value: 7), n: 1, digest: 0)]).token
      for path in ["/db/plain/e", "/db/plain", "/db/plain/e/\(`Writing over HTTP`.id)", "/db/plain/e"] {
        let behind = try await client.get("\(path)?at_least=\(foreign)&timeout=5ms")
        #expect(behind.status == 503)
        #expect(behind.slug == "behind")
        #expect(behind.header("retry-after") != nil)
      }
    }
  }

  @Test(arguments: Depth.allCases) func `reads parameters strictly`(depth: Depth) async throws {
    try await Self.filled(depth) { client in
      let wrong = [
        "limits=1", "limit=1&limit=1", "limit=-1", "limit=x", "limit=", "limit=99999999999999999999", "lc=x", "lc=AQ", "feed=sometimes",
        "bodies=yes", "timeout=5", "timeout=6m", "from=yesterday", "to=2026-01-01", "descending=1", "cursor=x", "keys=x", "keys=,",
        "lc=0&from=2026-01-01T00:00:00Z", "keys=\(`Writing over HTTP`.id)&limit=3", "at=2026-01-01T00:00:00Z", "bodies=%zz", "%zz=1",
        "limit=%ff",
        "from=2026-01-01T00:00:00+01:00&from", "feed=stream", "kind=x",
      ]
      for query in wrong {
        let reply = try await client.get("/db/plain/e?\(query)")
        #expect(reply.status == 400, "\(query)")
        #expect(reply.slug == "bad-parameter", "\(query)")
      }
      for query in ["", "&&", "limit=1&", "&limit=1", "lc=", "from=2026-01-01T00:00:00+01:00"] {
        #expect(try await client.get("/db/plain/e?\(query)").status == 200, "\(query)")
      }
    }
  }
}
