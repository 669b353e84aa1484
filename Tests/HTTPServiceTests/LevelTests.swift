import EventModel
import EventStore
import HTTPTypes
import Laterbase
import NIOCore
import Replication
import Synchronization
import Testing

@testable import HTTPService

/// Servers that know each other as members, once they listen. The mutex owns the members.
private final class Neighbours: Roster {
  private let members = Mutex<[Member]>([])

  func members(holding database: String) -> [Member] { members.withLock { $0 } }

  func add(_ node: LaterbaseNode, port: Int) {
    let member = Member(id: node.id, name: "at \(port)", address: "http://127.0.0.1:\(port)", region: "default", role: .server)
    members.withLock { $0 = ($0 + [member]).sorted { $0.id < $1.id } }
  }

  func node() throws -> LaterbaseNode {
    var options = NodeOptions()
    options.roster = self
    options.connect = { HTTPPeer($0) }
    return try LaterbaseNode([notes], storage: .memory, options: options)
  }
}

@Suite struct `Levels over HTTP` {
  /// Runs three servers that follow nobody: what they know of each other, they ask for.
  private static func cluster(_ body: @escaping @Sendable ([Client]) async throws -> Void) async throws {
    let members = Neighbours()
    let nodes = try (0..<3).map { _ in try members.node() }
    for node in nodes { _ = try await node.catalog.create("notes") }
    try await serving(.socket, nodes[0]) { a in
      try await serving(.socket, nodes[1]) { b in
        try await serving(.socket, nodes[2]) { c in
          for client in [a, b, c] { members.add(client.node, port: client.port) }
          try await body([a, b, c])
        }
      }
    }
  }

  @Test func `say how many copies there are, of one event and of a stream`() async throws {
    try await Self.cluster { clients in
      let (a, c) = (clients[0], clients[2])
      for level in ["quorum", "all", "two", "three", "local_quorum", "each_quorum"] {
        let reply = try await a.post("/db/notes/e?consistency=\(level)&timeout=60s", #"{"number":"N","boxes":1}"#)
        let (required, achieved) = (reply.json["quorum"]?["required"]?.int ?? 0, reply.json["quorum"]?["achieved"]?.int ?? 0)
        #expect(reply.status == 201 && required >= 2 && achieved >= required, "\(level): \(reply.text)")
      }
      let lines = #"{"number":"L1","boxes":1}"# + "\n" + #"{"number":"L2","boxes":2}"#
      let reply = try await c.post("/db/notes/e?consistency=all&timeout=60s", lines, type: "application/x-ndjson")
      #expect(
        reply.status == 201 && reply.json["recorded"] == 2 && reply.json["quorum"] == ["required": 3, "achieved": 3], "\(reply.text)")
      for client in clients {
        #expect(try await client.get("/db/notes/e?consistency=all&timeout=60s").json["events"]?.elements?.count == 8)
      }
      #expect(try await a.post("/db/notes/e?consistency=all&timeout=1ms", "[]").status == 201)
    }
  }

  @Test func `of reads bring what others hold, in every shape`() async throws {
    try await Self.cluster { clients in
      let (a, b, c) = (clients[0], clients[1], clients[2])
      var number = 0
      for path in ["/db/notes/e?consistency=all", "/db/notes/e?from=2020-01-01T00:00:00Z&consistency=all", "/db/notes?consistency=all"] {
        number += 1
        let written = try await c.post("/db/notes/e", #"{"number":"N\#(number)","boxes":1}"#)
        #expect(written.status == 201)
        let reply = try await a.get(path + "&timeout=60s")
        #expect(reply.json["events"]?.elements?.count ?? reply.json["events"]?.int == number, "\(path): \(reply.text)")
      }
      let written = try await b.post("/db/notes/e", #"{"number":"last","boxes":1}"#)
      let (id, clock) = (written.json["ids"]?.elements?.first?.string ?? "", written.json["clock"]?.string ?? "")
      #expect(try await c.get("/db/notes/e/\(id)?at_least=\(clock)&timeout=60s").status == 200)
      #expect(try await a.get("/db/notes/e?keys=\(id)&consistency=three&timeout=60s").json["missing"]?.elements?.isEmpty == true)
    }
  }

  @Test func `are behind and partial where a member is gone`() async throws {
    let members = Neighbours()
    let (node, gone) = (try members.node(), try members.node())
    members.add(gone, port: 1)
    try await serving(.socket, node) { client in
      members.add(node, port: client.port)
      let reply = try await client.post("/db/notes/e?consistency=all&timeout=5ms", #"{"number":"N","boxes":1}"#)
      #expect(
        reply.status == 202 && reply.json["status"] == "partial" && reply.json["quorum"] == ["required": 2, "achieved": 1], "\(reply.text)")
      #expect(try await client.get("/db/notes/e?consistency=quorum&timeout=5ms").slug == "behind")
      #expect(try await client.get("/db/notes/clock?consistency=quorum").slug == "bad-parameter")
      let info = try await client.get("/db/notes").json
      #expect(info["unsynced"]?["events"] == 1 && info["unsynced"]?["oldest"]?.string != nil && info["safe_to_wipe"] == false)
    }
  }

  @Test func `are given by default where the server is told so`() async throws {
    let members = Neighbours()
    let (node, gone) = (try members.node(), try members.node())
    members.add(gone, port: 1)
    try await serving(.socket, node, { ($0.writeConsistency, $0.readConsistency) = (.two, .two) }) { client in
      members.add(node, port: client.port)
      let reply = try await client.post("/db/notes/e?timeout=5ms", #"{"number":"N","boxes":1}"#)
      #expect(reply.status == 202 && reply.json["quorum"] == ["required": 2, "achieved": 1])
      let id = reply.json["ids"]?.elements?.first?.string ?? ""
      #expect(try await client.get("/db/notes/e/\(id)?timeout=5ms").slug == "behind")
      #expect(try await client.get("/db/notes/e/\(id)?consistency=one").status == 200)
      #expect(try await client.post("/db/notes/e/_read?consistency=one", #"{"keys":[]}"#).status == 200)
    }
  }

  @Test func `tell who holds it, and that nothing would be lost`() async throws {
    try await Self.cluster { clients in
      #expect(try await clients[0].post("/db/notes/e?consistency=all&timeout=60s", #"{"number":"N","boxes":1}"#).status == 201)
      let info = try await clients[0].get("/db/notes").json
      #expect(info["unsynced"] == ["events": 0, "oldest": .null] && info["safe_to_wipe"] == true && info["alarms"] == 0)
      let holders = info["holders"]?.elements ?? []
      #expect(Set(holders.compactMap { $0["node"]?.string }) == Set(clients[1...].map { "\($0.node.id)" }))
      #expect(holders.allSatisfy { $0["lacks"] == 0 && $0["heard"]?.string != nil && $0["name"]?.string?.hasPrefix("at ") == true })
    }
  }
}

@Suite struct `Level peers` {
  private static func ask(_ wire: Wire, _ request: PullRequest) async -> (sent: Int, came: String) {
    let body = request.bytes
    let head =
      "POST /db/notes/pull HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/vnd.laterbase.records\r\n"
      + "accept: */*\r\nuser-agent: somebody\r\ncontent-length: \(body.count)\r\n\r\n"
    wire.clear()
    await wire.send([UInt8](head.utf8) + body)
    let came = await wire.read { $0.hasSuffix("\r\n0\r\n\r\n") || $0.contains("problem+json") && $0.hasSuffix("}") }
    return (head.utf8.count + body.count, came)
  }

  @Test func `say in less than 1 kB, both ways, that there is nothing, with 5 000 origins`() async throws {
    let node = try LaterbaseNode([notes], storage: .memory)
    let held = try await LocalPeer(node).push("notes", [.notesOf5000])
    #expect(held.clock.entries.count == 5000)
    try await serving(.socket, node) { client in
      let wire = try Wire(client.port)
      var request = PullRequest(node: Origin(value: 1), held: held.clock, audit: held.audit)
      // The first one says it all.
      let first = await Self.ask(wire, request)
      #expect(first.sent > 80_000 && first.came.statuses == [200])
      request.base = held.clock
      let second = await Self.ask(wire, request)
      #expect(second.came.statuses == [200])
      #expect(second.sent + second.came.utf8.count < 1000, "\(second.sent) + \(second.came.utf8.count)")
      // Of another node it knows no base.
      request.node = Origin(value: 2)
      #expect(await Self.ask(wire, request).came.statuses == [412])
      wire.close()
      // And a peer that is told so says its whole clock instead.
      let end = try await HTTPPeer("http://127.0.0.1:\(client.port)").pull("notes", request) { (_) throws(SyncError) in }
      #expect(end.peer == held && end.peer.node == node.id)
    }
  }
}
