import EventModel
import HTTPTypes
import Laterbase
import Testing

@testable import HTTPService

@Suite struct `The service` {
  @Test(arguments: Depth.allCases) func `says who it is and how it is`(depth: Depth) async throws {
    try await serving(depth) { client in
      let root = try await client.get("/")
      #expect(root.json["laterbase"]?.string == laterbaseVersion)
      #expect(root.json["node"]?.string.flatMap { Origin($0) } == client.node.id)
      #expect(try await client.get("/health").json == ["status": "ok"])
      let ready = try await client.get("/ready")
      // The router alone never begins to listen.
      if depth == .socket { #expect(ready.json == ["status": "ok"]) } else { #expect(ready.slug == "not-ready") }
    }
  }

  @Test(arguments: Depth.allCases) func `makes, lists, tells of and removes databases`(depth: Depth) async throws {
    try await serving(depth) { client in
      let made = try await client.send(.put, "/db/plain")
      #expect(made.status == 201)
      #expect(made.header("location") == "/db/plain")
      #expect(try await client.send(.post, "/db/plain").status == 200)
      #expect(try await client.send(.put, "/db/other", "{}").slug == "bad-parameter")
      for name in ["Plain", "health"] { #expect(try await client.send(.delete, "/db/\(name)?confirm=\(name)").slug == "bad-parameter") }
      #expect(made.json["origin"] == JSON.null)
      _ = try await client.post("/db/plain/e", "[{},{}]")
      let info = try await client.get("/db/plain")
      #expect(info.json["database"] == "plain")
      #expect(info.json["events"] == 2)
      #expect(info.json["records"] == 2)
      #expect((info.json["bytes"]?.int ?? 0) > 0)
      let origin = try #require(info.json["origin"]?.string)
      #expect(info.json["origins"]?[origin]?["n"] == 2)
      let entry = try #require(Clock(token: info.json["clock"]?.string ?? "")?.entries.first)
      #expect(info.json["origins"]?[origin]?["digest"]?.string == entry.digest.hex)
      #expect(info.json["conflicts"] == 0)
      #expect(info.json["suspects"] == 0)
      // Nobody else is there to hold them.
      #expect(info.json["unsynced"]?["events"] == 2 && info.json["unsynced"]?["oldest"]?.string != nil)
      #expect(info.json["safe_to_wipe"] == false && info.json["alarms"] == 0)
      #expect(info.json["holders"] == [])
      #expect(try await client.get("/db").json["databases"]?.elements?.map { $0["name"]?.string } == ["plain"])
      for query in ["", "?confirm=other", "?confirm=plain&lose=x"] {
        #expect(try await client.send(.delete, "/db/plain\(query)").slug == "bad-parameter")
      }
      let gone = try await client.send(.delete, "/db/plain?confirm=plain")
      #expect(gone.status == 204)
      #expect(gone.text == "")
      #expect(try await client.get("/db/plain").slug == "no-database")
      #expect(try await client.send(.delete, "/db/plain?confirm=plain").slug == "no-database")
      #expect(try await client.get("/db").json["databases"] == [])
    }
  }

  @Test(arguments: Depth.allCases) func `says what a path takes`(depth: Depth) async throws {
    try await serving(depth) { client in
      for (path, allow) in [
        ("/", "GET, HEAD, OPTIONS"), ("/db", "GET, HEAD, OPTIONS"), ("/db/plain", "GET, HEAD, PUT, POST, DELETE, OPTIONS"),
        ("/db/plain/e", "GET, HEAD, POST, OPTIONS"), ("/db/plain/e/_feed", "POST, OPTIONS"), ("/db/plain/e/_read", "POST, OPTIONS"),
        ("/db/plain/e/x", "GET, HEAD, OPTIONS"), ("/db/plain/v", "GET, HEAD, OPTIONS"), ("/plain/x", "GET, HEAD, OPTIONS"),
      ] {
        let wrong = try await client.send(.patch, path)
        #expect(wrong.status == 405)
        #expect(wrong.slug == "method")
        #expect(wrong.header("allow") == allow)
        let options = try await client.send(.options, path)
        #expect(options.status == 204)
        #expect(options.header("allow") == allow)
      }
      for path in ["/x", "/db/", "/db/plain/", "/db//e", "/db/plain/x", "/db/plain/e/x/y", "/db/plain%zz", "/health/x", "/db/plain/clock"] {
        let reply = try await client.get(path)
        #expect(reply.status == 404, "\(path)")
        #expect(["not-found", "no-database"].contains(reply.slug), "\(path)")
      }
    }
  }

  @Test(arguments: Depth.allCases) func `answers HEAD as GET without the body`(depth: Depth) async throws {
    try await serving(depth) { client in
      _ = try await client.post("/db/plain/e", "[{},{}]")
      for path in ["/health", "/db", "/db/plain", "/db/plain/e", "/db/none"] {
        let (get, head) = (try await client.get(path), try await client.send(.head, path))
        #expect(head.status == get.status)
        #expect(head.text == "")
        #expect(head.header("content-length") == "\(get.text.utf8.count)")
        #expect(head.header("content-type") == get.header("content-type"))
      }
    }
  }

  @Test(arguments: Depth.allCases) func `refuses lines and headers that are too long`(depth: Depth) async throws {
    try await serving(depth) { client in
      let long = try await client.get("/db/plain/e?lc=" + String(repeating: "A", count: 9000))
      #expect(long.status == 414)
      #expect(long.slug == "uri-too-long")
      #expect(long.json["detail"]?.string?.contains("_feed") == true)
      let headers = try await client.get("/health", ["X-Long": String(repeating: "a", count: 40_000)])
      #expect(headers.status == 431)
      #expect(headers.slug == "headers-too-large")
    }
  }

  @Test(arguments: Depth.allCases) func `lets pages in that were allowed, and no others`(depth: Depth) async throws {
    try await serving(depth, nil, { $0.corsOrigins = ["https://app.example"] }) { client in
      let allowed = try await client.get("/health", ["Origin": "https://app.example"])
      #expect(allowed.status == 200)
      #expect(allowed.header("access-control-allow-origin") == "https://app.example")
      #expect(allowed.header("vary")?.contains("origin") == true)
      #expect(try await client.get("/health", ["Origin": "http://localhost:99"]).status == 200)
      #expect(try await client.get("/health", ["Origin": "https://evil.example"]).slug == "forbidden-host")
      let preflight = try await client.send(
        .options, "/db/plain/e", nil, ["Origin": "https://app.example", "Access-Control-Request-Method": "POST"])
      #expect(preflight.header("access-control-allow-methods")?.contains("POST") == true)
    }
  }

  @Test func `knows which hosts can't be rebound`() throws {
    let rules = HostRules(advertise: "http://node-1.example:5283", allowedHosts: ["db.internal"], corsOrigins: [])
    func isTaken(_ host: String?, origin: String? = nil) -> Bool {
      var headers = Headers()
      headers.host = host
      headers.origin = origin
      return (try? rules.check(headers)) != nil
    }
    for host in [
      "localhost", "LocalHost:80", "127.0.0.1", "127.0.0.1:5283", "[::1]:5283", "[fe80::1]", "10.0.0.7", "node-1.example", "DB.internal:1",
    ] {
      #expect(isTaken(host), "\(host)")
    }
    for host in [
      "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "1.2.3", "256.1.1.1", "localhost:x", "[::1", "[evil]", "", "a b",
    ] {
      #expect(!isTaken(host), "\(host)")
    }
    #expect(!isTaken(nil))
    #expect(isTaken("localhost:1", origin: "http://localhost:2"))
    for origin in ["null", "https://evil.example", "http://127.0.0.1", "localhost"] {
      #expect(!isTaken("localhost", origin: origin), "\(origin)")
    }
  }
}
