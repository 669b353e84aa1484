import EventModel
import Foundation
import HTTPTypes
import Laterbase
import Testing
import ViewKit

@testable import HTTPService

@Suite struct `A view as a stream of server-sent events` {
  static let path = "/db/notes/v/boxes?feed=eventsource"

  static func serving<R: Sendable>(
    _ change: @escaping (inout ServerOptions) -> Void = { _ in }, _ body: @escaping @Sendable (Client) async throws -> R
  ) async throws -> R {
    let node = try LaterbaseNode([`Views over HTTP`.database], storage: .memory)
    return try await HTTPServiceTests.serving(.socket, node, change) { client in
      _ = try await client.post("/db/notes/e", #"[{"number":"A","boxes":4},{"number":"B","boxes":6}]"#)
      return try await body(client)
    }
  }

  static func open(_ client: Client, _ path: String = path, _ headers: String = "") async throws -> Wire {
    let wire = try Wire(client.port)
    await wire.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\(headers)\r\n")
    return wire
  }

  static func row(_ key: String, _ value: String) -> String { "event: row\ndata: {\"key\":\"\(key)\",\"value\":\(value)}\n\n" }

  /// The last id of a stream's text.
  static func id(_ text: String) -> String? {
    text.components(separatedBy: "id: ").last?.components(separatedBy: "\n\n").first
  }

  @Test func `tells the rows as they are, then those that change, and goes on where a browser left`() async throws {
    try await Self.serving { client in
      let wire = try await Self.open(client)
      let first = await wire.read { $0.contains("id: ") && $0.hasSuffix("\n\n\r\n") }
      #expect(first.contains("content-type: text/event-stream"))
      #expect(first.contains(Self.row("A", "4")) && first.contains(Self.row("B", "6")))
      #expect(Self.id(first) == (try await client.get("/notes/boxes").json["set"]?.string))
      wire.clear()
      _ = try await client.post("/db/notes/e", #"{"number":"A","boxes":1}"#)
      let second = await wire.read { $0.contains("id: ") && $0.hasSuffix("\n\n\r\n") }
      #expect(second.contains(Self.row("A", "5")) && !second.contains("\"B\""))
      let seen = try #require(Self.id(second))
      wire.close()
      _ = try await client.post("/db/notes/e", #"{"number":"C","boxes":9}"#)
      // `Last-Event-ID` wins over `lc`.
      let again = try await Self.open(client, "\(Self.path)&lc=0", "Last-Event-ID: \(seen)\r\n")
      let third = await again.read { $0.contains("id: ") && $0.hasSuffix("\n\n\r\n") }
      #expect(third.contains(Self.row("C", "9")) && !third.contains("\"A\"") && !third.contains("\"B\""))
      let behind = try await Self.open(client, "\(Self.path)&lc=\(seen)&prefix=%22C%22")
      #expect(await behind.read { $0.contains("id: ") }.contains(Self.row("C", "9")))
      #expect(Self.id(third) == (try await client.get("/notes/boxes").json["set"]?.string))
    }
  }

  @Test func `tells nothing of a row whose value came out the same`() async throws {
    try await Self.serving { client in
      let wire = try await Self.open(client)
      _ = await wire.read { $0.contains("id: ") && $0.hasSuffix("\n\n\r\n") }
      wire.clear()
      _ = try await client.post("/db/notes/e", #"{"number":"A","boxes":0}"#)
      let same = await wire.read { $0.contains("id: ") && $0.hasSuffix("\n\n\r\n") }
      #expect(!same.contains("event: row"))
      #expect(Self.id(same) == (try await client.get("/notes/boxes").json["set"]?.string))
      wire.clear()
      _ = try await client.post("/db/notes/e", #"{"number":"A","boxes":1}"#)
      #expect(await wire.read { $0.contains("id: ") && $0.hasSuffix("\n\n\r\n") }.contains(Self.row("A", "5")))
    }
  }

  @Test func `tells only of the keys asked for, and of a row that went that it is null`() async throws {
    try await Self.serving { client in
      let wire = try await Self.open(client, "/notes/boxes?feed=eventsource&key=%22A%22")
      let first = await wire.read { $0.contains("id: ") && $0.hasSuffix("\n\n\r\n") }
      #expect(first.contains(Self.row("A", "4")) && !first.contains("\"B\""))
      wire.clear()
      let id = try #require(try await client.get("/db/notes/e").json["events"]?.elements?.first?["_id"]?.string)
      _ = try await client.post("/db/notes/e", "{\"_voids\":\"\(id)\",\"number\":\"B\",\"boxes\":1}")
      let second = await wire.read { $0.contains("id: ") && $0.hasSuffix("\n\n\r\n") }
      #expect(second.contains(Self.row("A", "null")) && !second.contains("\"B\""))
    }
  }

  @Test func `says from time to time that it lives`() async throws {
    try await Self.serving { client in
      let wire = try await Self.open(client, "\(Self.path)&heartbeat=100ms")
      let text = await wire.read { $0.components(separatedBy: ":\n\n").count > 3 }
      #expect(text.contains(":\n\n"))
    }
  }

  @Test func `ends when its view is detached or its database removed`() async throws {
    try await Self.serving { client in
      let wire = try await Self.open(client, "\(Self.path)&heartbeat=100ms")
      _ = await wire.read { $0.contains("id: ") }
      #expect(try await client.send(.delete, "/db/notes?confirm=notes").status == 204)
      #expect(await wire.read { $0.hasSuffix("0\r\n\r\n") }.hasSuffix("0\r\n\r\n"))
    }
  }

  @Test func `ends with its answer's end when the server stops, whether it waits or has just told something`() async throws {
    let wires = try await Self.serving { client in
      var wires: [Wire] = []
      for _ in 0..<8 { wires.append(try await Self.open(client)) }
      for wire in wires { _ = await wire.read { $0.contains("id: ") } }
      _ = try await client.post("/db/notes/e", #"{"number":"A","boxes":1}"#)
      return wires
    }
    for wire in wires { #expect(await wire.read().hasSuffix("0\r\n\r\n")) }
  }

  @Test func `is one of so many, and its place is free when it is closed`() async throws {
    try await Self.serving({ $0.streamsMax = 2 }) { client in
      let streams = [try await Self.open(client, "\(Self.path)&heartbeat=100ms"), try await Self.open(client)]
      for stream in streams { _ = await stream.read { $0.contains("id: ") } }
      #expect(try await client.get(Self.path).slug == "busy")
      streams[0].close()
      var status = 429
      while status == 429 {
        let wire = try await Self.open(client)
        status = await wire.read { $0.contains("\r\n\r\n") }.statuses.first ?? 0
        if status == 429 { try await Task.sleep(for: .milliseconds(20)) }
      }
      #expect(status == 200)
    }
  }

  @Test func `holds one page for a client that doesn't read, whatever comes`() async throws {
    try await Self.serving { client in
      let wire = try await Self.open(client)
      for batch in 0..<16 {
        let events = (0..<500).map { "{\"number\":\"\(String(repeating: "x", count: 400))\(batch * 500 + $0)\",\"boxes\":1}" }
        #expect(try await client.post("/db/notes/e", "[\(events.joined(separator: ","))]").status == 201)
      }
      // It reads at last, and finds all rows.
      let text = await wire.read { $0.utf8.count > 3_500_000 }
      #expect(text.components(separatedBy: "event: row").count > 7500)
    }
  }

  @Test(arguments: Depth.allCases) func `is refused with a reason`(depth: Depth) async throws {
    try await `Views over HTTP`.filled(depth) { client in
      for query in [
        "feed=longpoll", "feed", "feed=eventsource&lc=x", "feed=eventsource&limit=1", "feed=eventsource&heartbeat=1ms",
        "feed=eventsource&heartbeat=6m", "feed=eventsource&key=N1", "feed=eventsource&update=false", "feed=eventsource&feed=eventsource",
        "feed=eventsource&key=1&keys=[1]",
      ] {
        let reply = try await client.get("/db/notes/v/boxes?\(query)")
        #expect(reply.slug == "bad-parameter", "\(query)")
      }
      #expect(try await client.get(Self.path, ["Last-Event-ID": "nonsense"]).slug == "bad-parameter")
      #expect(try await client.get(Self.path, ["Accept": "application/json"]).slug == "not-acceptable")
      #expect(try await client.get("/db/notes/v/none?feed=eventsource").slug == "not-found")
      #expect(try await client.get("/db/none/v/boxes?feed=eventsource").slug == "no-database")
      let head = try await client.send(.head, Self.path)
      #expect(head.status == 200)
      #expect(head.text == "")
    }
  }
}
