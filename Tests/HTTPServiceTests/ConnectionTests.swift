import EventModel
import HTTPTypes
import Laterbase
import StoreConformance
import Testing

@testable import HTTPService

@Suite struct `A connection` {
  static func post(_ body: String, path: String = "/db/plain/e", _ headers: String = "") -> String {
    "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)"
  }

  static func get(_ path: String, _ headers: String = "") -> String { "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(headers)\r\n" }

  @Test func `is told to go on with a body that may come, and only then`() async throws {
    try await serving(.socket) { client in
      let wire = try Wire(client.port)
      await wire.send(
        "POST /db/plain/e HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
      )
      #expect(await wire.read { $0.hasSuffix("\r\n\r\n") } == "HTTP/1.1 100 Continue\r\n\r\n")
      wire.clear()
      await wire.send("{}")
      #expect(await wire.read { $0.hasSuffix("}") }.statuses == [201])
      let large = try Wire(client.port)
      await large.send(
        "POST /db/plain/e HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"
      )
      let answer = await large.read()
      #expect(answer.statuses == [413])
      #expect(answer.contains("connection: close"))
    }
  }

  @Test func `answers in the order of the requests, whichever way they go`() async throws {
    try await serving(.socket) { client in
      _ = try await client.send(.put, "/db/plain")
      let seed = testSeed()
      var random = SeededRandom(seed: seed)
      var text = ""
      var expected: [Int] = []
      for n in 0..<200 {
        let kinds: [(String, Int)] = [
          (Self.post("{\"n\":\(n)}"), 201), (Self.get("/health"), 200), (Self.get("/db/plain/e?limit=2"), 200), (Self.post("{"), 400),
          (Self.get("/db/plain/e/01ARZ3NDEKTSV4RRFFQ69G5FAV"), 404), (Self.post("{\"keys\":[]}", path: "/db/plain/e/_read"), 200),
          (Self.post("{}", path: "/db/plain/e?consistency=none"), 202), (Self.get("/nothing/"), 404),
          (Self.post("{}", path: "/db/plain/e/x"), 405),
        ]
        let (request, status) = kinds[Int(random.next() % UInt64(kinds.count))]
        text += request
        expected.append(status)
      }
      text += Self.get("/health", "Connection: close\r\n")
      let wire = try Wire(client.port)
      let bytes = [UInt8](text.utf8)
      var at = 0
      while at < bytes.count {
        let end = min(bytes.count, at + Int(random.next() % 3000) + 1)
        await wire.send([UInt8](bytes[at..<end]))
        at = end
      }
      #expect(await wire.read().statuses == expected + [200], "seed \(seed)")
    }
  }

  @Test func `records what a client sent that then only listens`() async throws {
    try await serving(.socket) { client in
      _ = try await client.send(.put, "/db/plain")
      let answer = try await Wire.talk(client.port, Self.post("{\"n\":1}", "Connection: close\r\n"))
      #expect(answer.statuses == [201])
      #expect(answer.contains("connection: close"))
      let old = try await Wire.talk(client.port, "GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
      #expect(old.statuses == [200])
    }
  }

  @Test func `is closed when it is idle or a body comes too slowly, not while it waits for an answer`() async throws {
    try await serving(
      .socket, nil,
      {
        $0.idleTimeout = .milliseconds(200); $0.slowWindow = .milliseconds(200)
      }
    ) { client in
      #expect(try await Wire(client.port).read() == "")
      let slow = try Wire(client.port)
      await slow.send(
        "POST /db/plain/e HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 90\r\n\r\n{}\n")
      #expect(await slow.read().statuses.allSatisfy { $0 == 400 })
      _ = try await client.node.catalog.create("plain")
      // On a busy machine the request may come when its connection was idle for too long: then another is tried.
      var answered: [Int] = []
      for _ in 0..<100 where answered.isEmpty {
        let poll = try Wire(client.port)
        await poll.send(Self.get("/db/plain/e?feed=longpoll&timeout=1s"))
        answered = await poll.read { $0.contains("\"pending\":0") }.statuses
      }
      #expect(answered == [200])
    }
  }

  @Test func `waits to be accepted while there are too many`() async throws {
    try await serving(.socket, nil, { $0.connectionsMax = 2 }) { client in
      // The test's own client is the first.
      _ = try await client.get("/health")
      let second = try Wire(client.port)
      await second.send(Self.get("/health"))
      #expect(await second.read { $0.contains("ok") }.statuses == [200])
      let third = try Wire(client.port)
      await third.send(Self.get("/health", "Connection: close\r\n"))
      second.close()
      #expect(await third.read().statuses == [200])
    }
  }

  @Test func `gets a long poll's answer as soon as there is an event`() async throws {
    try await serving(.socket) { client in
      _ = try await client.post("/db/plain/e", #"{"n":1}"#)
      let clock = try #require(try await client.get("/db/plain").json["clock"]?.string)
      let wire = try Wire(client.port)
      await wire.send(Self.get("/db/plain/e?feed=longpoll&timeout=300s&lc=\(clock)"))
      _ = try await client.post("/db/plain/e", #"{"n":2}"#)
      let answer = await wire.read { $0.contains("\"pending\":0}") }
      #expect(answer.statuses == [200])
      #expect(answer.contains("\"n\":2"))
      let empty = try await client.get(
        "/db/plain/e?feed=longpoll&timeout=10ms&lc=\(try await client.get("/db/plain").json["clock"]?.string ?? "")")
      #expect(empty.status == 200)
      #expect(empty.json["events"] == [])
      #expect(empty.json["clock"] == (try await client.get("/db/plain").json["clock"]))
    }
  }

  @Test func `gets 404 from a long poll whose database goes`() async throws {
    try await serving(.socket) { client in
      _ = try await client.send(.put, "/db/plain")
      let wire = try Wire(client.port)
      await wire.send(Self.get("/db/plain/e?feed=longpoll&timeout=300s"))
      #expect(try await client.send(.delete, "/db/plain?confirm=plain").status == 204)
      let answer = await wire.read { $0.contains("}") }
      #expect(answer.statuses == [404])
      #expect(answer.contains("no-database"))
    }
  }

  @Test func `gets a long poll's clock when the server stops`() async throws {
    let wires = try await serving(.socket) { client in
      _ = try await client.post("/db/plain/e", #"{"n":1}"#)
      let clock = try #require(try await client.get("/db/plain").json["clock"]?.string)
      var wires: [Wire] = []
      for _ in 0..<10 {
        let wire = try Wire(client.port)
        await wire.send(Self.get("/db/plain/e?feed=longpoll&timeout=300s&lc=\(clock)"))
        wires.append(wire)
      }
      // Each was read before the one that answers this.
      _ = try await client.get("/health")
      return wires
    }
    for wire in wires {
      let answer = await wire.read()
      #expect(answer.statuses == [200] || answer.isEmpty)
      if !answer.isEmpty { #expect(answer.contains("\"events\":[],\"clock\":\"")) }
    }
  }

  @Test func `loses only the request that is bad, of many at once`() async throws {
    try await serving(.socket) { client in
      _ = try await client.send(.put, "/db/plain")
      let taken = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
      _ = try await client.post("/db/plain/e", "{\"_id\":\"\(taken)\"}")
      let statuses = try await withThrowingTaskGroup(of: (Int, [Int]).self) { group in
        for n in 0..<64 {
          let body = n % 8 == 3 ? "[{\"n\":\(n)},{\"_id\":\"\(taken)\",\"a\":1}]" : "[{\"n\":\(n)},{\"m\":\(n)}]"
          group.addTask { [port = client.port] in (n, try await Wire.talk(port, Self.post(body, "Connection: close\r\n")).statuses) }
        }
        return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
      }
      for n in 0..<64 { #expect(statuses[n] == [n % 8 == 3 ? 409 : 201]) }
      #expect(try await client.get("/db/plain").json["events"] == 113)
    }
  }
}
