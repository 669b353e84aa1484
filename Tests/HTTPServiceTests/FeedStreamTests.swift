import EventModel
import Foundation
import HTTPTypes
import Laterbase
import Replication
import Testing

@testable import HTTPService

@Suite struct `The feed as a stream` {
  static func serving<R: Sendable>(
    _ change: @escaping (inout ServerOptions) -> Void = { _ in }, _ body: @escaping @Sendable (Client) async throws -> R
  ) async throws -> R {
    try await HTTPServiceTests.serving(.socket, nil, change) { client in
      _ = try await client.post("/db/plain/e", #"[{"n":0,"type":"a"},{"n":1,"type":"b"}]"#)
      return try await body(client)
    }
  }

  static func open(_ client: Client, _ query: String, _ headers: String = "") async throws -> Wire {
    let wire = try Wire(client.port)
    await wire.send("GET /db/plain/e?\(query) HTTP/1.1\r\nHost: localhost\r\n\(headers)\r\n")
    return wire
  }

  /// The lines of what came, without the chunks' sizes and the head.
  static func lines(_ text: String) -> [JSON] {
    text.components(separatedBy: "\r\n").flatMap { $0.split(separator: "\n") }.filter { $0.hasPrefix("{") }.map {
      JSON(normalForm: Array($0.utf8))
    }
  }

  static func numbers(_ text: String) -> [Int] { lines(text).compactMap { $0["n"]?.int } }

  /// The `n` of the events of server-sent events.
  static func sent(_ text: String) -> [Int] {
    text.components(separatedBy: "event: event\ndata: ").dropFirst().compactMap { part in
      part.split(separator: "\n").first.flatMap { JSON(normalForm: Array($0.utf8))["n"]?.int }
    }
  }

  static func clock(_ client: Client) async throws -> String { try #require(try await client.get("/db/plain").json["clock"]?.string) }

  @Test func `as lines, continuous, tells what is there, then what comes, each time with the clock behind it`() async throws {
    try await Self.serving { client in
      let wire = try await Self.open(client, "feed=continuous")
      var held = try await Self.clock(client)
      let first = await wire.read { [held] in $0.contains("{\"clock\":\"\(held)\",\"pending\":0}\n") }
      #expect(first.contains("content-type: application/x-ndjson"))
      #expect(Self.numbers(first) == [0, 1])
      for n in 2..<5 {
        wire.clear()
        _ = try await client.post("/db/plain/e", "{\"n\":\(n)}")
        held = try await Self.clock(client)
        let next = await wire.read { [held] in $0.contains("{\"clock\":\"\(held)\",\"pending\":0}\n") }
        #expect(Self.numbers(next) == [n])
      }
      let on = try await Self.open(client, "feed=continuous&lc=\(Self.lines(first).last?["clock"]?.string ?? "")&limit=2&bodies=false")
      let rest = await on.read { $0.hasSuffix("0\r\n\r\n") }
      #expect(Self.lines(rest).compactMap { $0["_seq"]?.int } == [3, 4])
      #expect(Self.lines(rest).last?["pending"] == 1)
    }
  }

  @Test func `as server-sent events goes on where a browser left, behind each event`() async throws {
    try await Self.serving { client in
      let accept = "Accept: text/event-stream\r\n"
      let wire = try await Self.open(client, "feed=eventsource", accept)
      let held = try await Self.clock(client)
      let first = await wire.read { $0.contains("id: \(held)\n\n") }
      #expect(first.contains("content-type: text/event-stream"))
      #expect(Self.sent(first) == [0, 1])
      let ids = first.components(separatedBy: "\nid: ").dropFirst().compactMap { $0.split(separator: "\n").first.map(String.init) }
      #expect(ids.count >= 2)
      // `Last-Event-ID` wins over `lc`.
      for query in ["feed=eventsource&lc=\(held)", "feed=eventsource"] {
        let again = try await Self.open(client, query, "\(accept)Last-Event-ID: \(ids[0])\r\n")
        #expect(Self.sent(await again.read { $0.contains("id: \(held)\n\n") }) == [1], "\(query)")
      }
      // `lc` counts where there is no such header, and where the stream is of another form.
      let behind = try await Self.open(client, "feed=eventsource&lc=\(ids[0])&limit=1", accept)
      #expect(Self.sent(await behind.read { $0.hasSuffix("0\r\n\r\n") }) == [1])
      let lines = try await Self.open(client, "feed=continuous&lc=\(ids[0])&limit=1", "Last-Event-ID: \(held)\r\n")
      #expect(Self.numbers(await lines.read { $0.hasSuffix("0\r\n\r\n") }) == [1])
    }
  }

  @Test func `of many origins says the clock at the end of a page, not at each event`() async throws {
    let node = try LaterbaseNode([notes], storage: .memory)
    let database = notes
    for other in 0..<17 {
      let peer = try LaterbaseNode([notes], storage: .memory)
      try await peer[database].append([Note(number: "N\(other)", boxes: other)])
      _ = try await node.sync("notes", with: LocalPeer(peer))
      peer.close()
    }
    try await HTTPServiceTests.serving(.router, node) { client in
      let text = try await client.get("/db/notes/e?feed=eventsource&timeout=1ms").text
      let held = try #require(try await client.get("/db/notes").json["clock"]?.string)
      let events = text.components(separatedBy: "event: event\n").dropFirst()
      #expect(events.count == 17)
      for (index, event) in events.enumerated() where index < 16 { #expect(event.contains("}\nid: "), "\(index)") }
      #expect(events.last?.contains("}\n\nid: \(held)\n\n") == true)
    }
  }

  @Test(arguments: ["feed=continuous", "feed=eventsource"]) func `shows that it lives, and says a clock that moved over what is left out`(
    feed: String
  ) async throws {
    try await Self.serving { client in
      let wire = try await Self.open(client, "\(feed)&heartbeat=100ms&type=a")
      let beat = feed == "feed=continuous" ? "\r\n1\r\n\n\r\n" : "\r\n3\r\n:\n\n\r\n"
      _ = await wire.read { $0.components(separatedBy: beat).count > 2 }
      wire.clear()
      _ = try await client.post("/db/plain/e", #"[{"n":2,"type":"b"}]"#)
      let held = try await Self.clock(client)
      let text = await wire.read { $0.contains(held) }
      #expect(!text.contains("_id"))
    }
  }

  @Test(arguments: ["feed=continuous", "feed=eventsource"]) func `ends with its clock when the server stops`(feed: String) async throws {
    let (wire, held) = try await Self.serving { client in
      let held = try await Self.clock(client)
      let wire = try await Self.open(client, feed)
      _ = await wire.read { $0.contains(held) }
      wire.clear()
      return (wire, held)
    }
    let last = await wire.read()
    #expect(last.contains(feed == "feed=continuous" ? "{\"clock\":\"\(held)\",\"pending\":0}\n" : "id: \(held)\n\n"))
    #expect(last.hasSuffix("0\r\n\r\n"))
  }

  @Test func `ends after a time in which there was nothing`() async throws {
    try await Self.serving { client in
      let wire = try await Self.open(client, "feed=continuous&timeout=50ms")
      let text = await wire.read { $0.hasSuffix("0\r\n\r\n") }
      #expect(Self.numbers(text) == [0, 1] && text.hasSuffix("0\r\n\r\n"))
    }
  }

  @Test func `ends when its database is removed`() async throws {
    try await Self.serving { client in
      let wire = try await Self.open(client, "feed=continuous")
      _ = await wire.read { $0.contains("\"pending\":0") }
      #expect(try await client.send(.delete, "/db/plain?confirm=plain").status == 204)
      #expect(await wire.read { $0.hasSuffix("0\r\n\r\n") }.hasSuffix("0\r\n\r\n"))
    }
  }

  @Test func `holds one page for a client that doesn't read, whatever comes`() async throws {
    try await Self.serving { client in
      let wire = try await Self.open(client, "feed=continuous")
      let filler = String(repeating: "x", count: 400)
      for batch in 0..<16 {
        let events = (0..<500).map { "{\"n\":\(2 + batch * 500 + $0),\"x\":\"\(filler)\"}" }
        #expect(try await client.post("/db/plain/e", "[\(events.joined(separator: ","))]").status == 201)
      }
      let held = try await Self.clock(client)
      let text = await wire.read { $0.contains("{\"clock\":\"\(held)\",\"pending\":0}\n") }
      // A line may lie over a chunk's border.
      #expect(text.components(separatedBy: "\"_id\"").count == 8003)
    }
  }

  @Test func `is one of so many`() async throws {
    try await Self.serving({ $0.streamsMax = 1 }) { client in
      let stream = try await Self.open(client, "feed=continuous")
      _ = await stream.read { $0.contains("pending") }
      #expect(try await client.get("/db/plain/e?feed=eventsource").slug == "busy")
      #expect(try await client.get("/db/plain/e").status == 200)
    }
  }

  @Test(arguments: Depth.allCases) func `takes events of a type, and those whose members have the values that are asked for`(depth: Depth)
    async throws
  {
    try await HTTPServiceTests.serving(depth) { client in
      _ = try await client.post(
        "/db/plain/e",
        """
        [{"n":0,"type":"a","site":"HAM","kg":1.50},{"n":1,"type":"b","site":"HAM"},{"n":2,"type":"a","site":"ROT","ok":true},
         {"n":3,"site":"5"},{"n":4,"site":5},{"n":5,"type":"a","deep":{"site":"HAM"}},{"n":6,"site":"é&="},{"n":7,"type":7}]
        """)
      let held = try await Self.clock(client)
      for (query, expected) in [
        ("type=a", [0, 2, 5]), ("where.site=HAM", [0, 1]), ("type=a&where.site=HAM", [0]), ("where.kg=1.5", [0]), ("where.kg=15e-1", [0]),
        ("where.ok=true", [2]), ("where.site=5", [3, 4]), ("where.site=%225%22", [3]), ("where.site=%C3%A9%26%3D", [6]), ("type=7", []),
        ("where.type=7", [7]), ("where.none=1", []), ("where.kg=1.5&where.type=a&where.n=0", [0]),
      ] as [(String, [Int])] {
        let page = try await client.get("/db/plain/e?\(query)")
        #expect(page.numbers == expected, "\(query)")
        // The clock has moved over what was left out.
        #expect(page.json["clock"]?.string == held && page.json["pending"] == 0, "\(query)")
        #expect(try await client.get("/db/plain/e?\(query)&feed=longpoll&timeout=1ms").numbers == expected, "\(query)")
        let lines = try await client.get("/db/plain/e?\(query)&feed=continuous&timeout=1ms").text
        #expect(Self.numbers(lines) == expected && Self.lines(lines).last?["clock"]?.string == held, "\(query)")
        let sent = try await client.get("/db/plain/e?\(query)&feed=eventsource&timeout=1ms").text
        #expect(Self.sent(sent) == expected && sent.hasSuffix("id: \(held)\n\n"), "\(query)")
      }
      let body = #"{"type":"a","where.site":"HAM","where.kg":1.5,"feed":"normal","limit":5}"#
      #expect(try await client.post("/db/plain/e/_feed", body).numbers == [0])
      #expect(
        Self.numbers(try await client.post("/db/plain/e/_feed", #"{"feed":"continuous","timeout":"1ms","where.ok":true}"#).text) == [2])
      // Pages of a limit count what is handed out.
      let first = try await client.get("/db/plain/e?type=a&limit=2")
      #expect(first.numbers == [0, 2])
      #expect(try await client.get("/db/plain/e?type=a&limit=2&lc=\(first.json["clock"]?.string ?? "")").numbers == [5])
    }
  }

  @Test(arguments: Depth.allCases) func `is refused with a reason`(depth: Depth) async throws {
    try await HTTPServiceTests.serving(depth) { client in
      _ = try await client.post("/db/plain/e", "{}")
      let many = (0..<17).map { "where.m\($0)=1" }.joined(separator: "&")
      for query in [
        "feed=stream", "feed=continuous&heartbeat=1ms", "heartbeat=1s", "feed=longpoll&heartbeat=1s", "feed=continuous&timeout=6m",
        "where.=1", "where._id=1", "where.a=1&where.a=2", "type=a&where.type=b", many, "keys=&type=a",
        "from=2026-01-01T00:00:00Z&where.a=1",
        "where=1", "feed=eventsource&lc=x",
      ] {
        #expect(try await client.get("/db/plain/e?\(query)").slug == "bad-parameter", "\(query)")
      }
      #expect(try await client.get("/db/plain/e?feed=eventsource", ["Last-Event-ID": "x"]).slug == "bad-parameter")
      #expect(try await client.get("/db/plain/e?feed=eventsource", ["Accept": "application/json"]).slug == "not-acceptable")
      #expect(try await client.get("/db/plain/e?feed=continuous", ["Accept": "application/json"]).slug == "not-acceptable")
      #expect(try await client.get("/db/none/e?feed=continuous").slug == "no-database")
      #expect(try await client.post("/db/plain/e/_feed", #"{"where.a":{}}"#).slug == "bad-parameter")
      let head = try await client.send(.head, "/db/plain/e?feed=continuous")
      #expect(head.status == 200 && head.text == "")
    }
  }
}
