import EventModel
import EventStore
import HTTPTypes
import Laterbase
import NIOCore
import Replication
import Testing

@testable import HTTPService

@Suite struct `Nodes over HTTP` {
  private static func node(_ name: String, peers: [Int] = [], change: (inout NodeOptions) -> Void = { _ in }) throws -> LaterbaseNode {
    var options = NodeOptions()
    options.connect = { HTTPPeer($0) }
    options.patience = (.seconds(600), .seconds(600))
    change(&options)
    return try LaterbaseNode(
      [notes], storage: .memory, name: name, region: "eu", peers: peers.map { HTTPPeer("http://127.0.0.1:\($0)") }, options: options)
  }

  private static func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(10)) }
  }

  private static func states(_ client: Client) async throws -> [String] {
    let nodes = try await client.get("/nodes").json["nodes"]?.elements ?? []
    return nodes.map { "\($0["name"]?.string ?? "-") \($0["state"]?.string ?? "-")" }.sorted()
  }

  @Test(arguments: Depth.allCases) func `tell of one that is alone`(depth: Depth) async throws {
    try await serving(depth) { client in
      _ = try await client.post("/db/notes/e", #"{"number":"N1","boxes":1}"#)
      let reply = try await client.get("/nodes")
      #expect(reply.status == 200)
      let nodes = try #require(reply.json["nodes"]?.elements)
      #expect(nodes.count == 1 && nodes[0]["id"]?.string == "\(client.node.id)" && nodes[0]["this"] == true)
      #expect(nodes[0]["state"] == "live" && nodes[0]["databases"] == ["notes"] && nodes[0]["region"] == "default")
      #expect(try await client.get("/nodes?x=1").slug == "bad-parameter")
      #expect(try await client.send(.put, "/nodes").status == 405)
      #expect(try await client.get("/nodes/\(client.node.id)").status == 405)
      #expect(try await client.send(.delete, "/nodes/x").slug == "not-found")
      #expect(try await client.send(.delete, "/nodes/0000000000001").slug == "not-found")
      #expect(try await client.send(.delete, "/nodes/self").slug == "refused")
    }
  }

  @Test(arguments: Depth.allCases) func `refuse introductions that are none, and those of other clusters`(depth: Depth) async throws {
    try await serving(depth) { client in
      let good = #"{"cluster":"laterbase","node":"0000000000007","name":"x","region":"eu","role":"device","later":1}"#
      let reply = try await client.post("/nodes", good)
      #expect(reply.status == 200 && reply.json["node"]?.string == "\(client.node.id)" && reply.json["cluster"] == "laterbase")
      #expect(try await Self.states(client).count == 2)
      for (from, to, slug) in [
        ("\"laterbase\"", "\"staging\"", "forbidden"), ("\"laterbase\"", "1", "bad-parameter"), ("0000000000007", "7", "bad-parameter"),
        ("0000000000007", "0000000000000", "bad-parameter"), ("\"device\"", "\"king\"", "bad-parameter"),
        ("\"later\":1", "\"revision\":-1", "bad-parameter"), ("\"later\":1", "\"revision\":\"x\"", "bad-parameter"),
        ("\"later\"", "\"address\"", "bad-parameter"), ("\"later\":1", "\"address\":\"ftp://x\"", "bad-parameter"),
        ("\"eu\"", "\"\"", "bad-parameter"), ("{", "[{", "not-json"),
      ] {
        let reply = try await client.post("/nodes", good.replacing(from, with: to))
        #expect(reply.slug == slug, "\(to): \(reply.text)")
      }
      #expect(try await client.post("/nodes", "[]").slug == "bad-parameter")
      #expect(try await client.post("/nodes", good, type: "text/plain").slug == "media-type")
      #expect(try await Self.states(client).count == 2)
      var fields = HTTPFields()
      fields[.contentType] = MediaType.records
      let push = try await client.execute("/db/notes/log?cluster=staging", .post, fields, ByteBuffer())
      #expect(push.slug == "forbidden")
      // The last one: a connection whose body was not read is closed.
      #expect(try await client.post("/nodes", "{\"node\":\"\(String(repeating: "x", count: 20_000))\"}").slug == "too-large")
    }
  }

  @Test func `join by any member, find what others hold, leave, and are removed`() async throws {
    let first = try Self.node("first")
    try await first[notes].append([Note(number: "N1", boxes: 1)])
    try await serving(.socket, first) { a in
      let second = try Self.node("second", peers: [a.port]) { $0.databases = ["other"] }
      try await serving(.socket, second) { b in
        let third = try Self.node("third", peers: [b.port])
        try await serving(.socket, third) { c in
          for client in [a, b, c] {
            try await Self.until { try await Self.states(client) == ["first live", "second live", "third live"] }
          }
          try await Self.until { try await c.get("/db/notes").json["events"] == 1 }
          // The second is not to hold it, and says who does.
          try await Self.until { try await b.get("/db/notes").json["holders"]?.elements?.count == 2 }
          let missing = try await b.get("/notes/boxes")
          #expect(missing.slug == "no-database")
          let holders = missing.json["holders"]?.elements ?? []
          #expect(holders.contains { $0["name"] == "first" && $0["address"]?.string == "http://127.0.0.1:\(a.port)" })
          #expect(try await b.get("/db/nobodys").json["holders"] == nil)
          // The membership is read as any database, and written by no client.
          #expect(try await b.get("/db/_nodes/v/members").json["rows"]?.elements?.count == 3)
          #expect(try await b.post("/db/_nodes/e", "{}").slug == "forbidden")
          #expect(try await b.send(.delete, "/db/_nodes?confirm=_nodes").slug == "forbidden")
          #expect(try await b.get("/db").json["databases"] == [])

          let left = try await c.send(.delete, "/nodes/self")
          #expect(left.json["left"] == true && left.json["told"]?.int == 2, "\(left.text)")
          try await Self.until { try await Self.states(a) == ["first live", "second live", "third left"] }
          #expect(try await a.send(.delete, "/nodes/\(second.id)").status == 204)
          try await Self.until { try await Self.states(a) == ["first live", "second removed", "third left"] }
          let refused = await #expect(throws: SyncError.self) {
            try await HTTPPeer("http://127.0.0.1:\(a.port)").join(
              Introduction(cluster: "laterbase", Member(id: second.id, name: "again", address: nil, region: "eu", role: .device)))
          }
          #expect(refused?.code == .forbidden)
        }
      }
    }
  }

  @Test func `join another when they are told to`() async throws {
    let first = try Self.node("first")
    try await first[notes].append([Note(number: "N1", boxes: 1)])
    let stranger = try Self.node("stranger") { $0.cluster = "staging" }
    try await serving(.socket, first) { a in
      try await serving(.socket, stranger) { staging in
        try await serving(.socket, try Self.node("second")) { b in
          func join(_ url: String) async throws -> Reply { try await b.post("/nodes", "{\"url\":\"\(url)\"}") }
          func url(_ client: Client) -> String { "http://127.0.0.1:\(client.port)" }
          #expect(try await join("http://127.0.0.1:1").slug == "not-ready")
          #expect(try await join(url(b)).slug == "bad-parameter")
          #expect(try await join(url(a) + "/db").slug == "bad-parameter")
          #expect(try await join("file:///etc/passwd").slug == "bad-parameter")
          #expect(try await join(url(staging)).slug == "forbidden")
          for body in [#"{"url":1}"#, #"{"url":null}"#, #"{"url":"\#(url(a))","cluster":"laterbase"}"#] {
            #expect(try await b.post("/nodes", body).slug == "bad-parameter", "\(body)")
          }
          // Not by a page from elsewhere.
          var fields = HTTPFields()
          fields[.contentType] = MediaType.json
          fields[.origin] = "http://evil.example"
          let foreign = try await b.execute("/nodes", .post, fields, ByteBuffer(string: "{\"url\":\"\(url(a))\"}"))
          #expect(foreign.slug == "forbidden-host")
          #expect(try await Self.states(b) == ["second live"] && b.node.peers.isEmpty)

          let joined = try await join(url(a) + "/")
          #expect(joined.status == 200 && joined.json["node"]?.string == "\(first.id)" && joined.json["name"] == "first", "\(joined.text)")
          for client in [a, b] { try await Self.until { try await Self.states(client) == ["first live", "second live"] } }
          try await Self.until { try await b.get("/db/notes").json["events"] == 1 }
        }
      }
    }
  }

  @Test func `keep what only one of them holds, unless it may be lost`() async throws {
    let first = try Self.node("first")
    let dead = try Self.node("second", peers: [1])
    try await first[notes].append([Note(number: "N1", boxes: 1)])
    try await serving(.socket, first) { a in
      let removed = try await a.send(.delete, "/db/notes?confirm=notes")
      #expect(removed.status == 204)
    }
    try await dead[notes].append([Note(number: "N1", boxes: 1), Note(number: "N2", boxes: 1)])
    try await serving(.router, dead) { b in
      let refused = try await b.send(.delete, "/db/notes?confirm=notes")
      #expect(refused.slug == "unsynced")
      #expect(try await b.send(.delete, "/db/notes?confirm=notes&lose=1").slug == "unsynced")
      #expect(try await b.send(.delete, "/db/notes?confirm=notes&lose=x").slug == "bad-parameter")
      #expect(try await b.get("/db/notes").status == 200)
      #expect(try await b.send(.delete, "/db/notes?confirm=notes&lose=2").status == 204)
      #expect(try await b.get("/db/notes").slug == "no-database")
    }
  }

  @Test func `say where others reach them`() {
    func address(_ host: String, _ advertise: String? = nil) -> String? {
      var options = ServerOptions()
      (options.host, options.advertise) = (host, advertise)
      return LaterbaseServer.advertised(options, port: 7)
    }
    #expect(address("127.0.0.1") == "http://127.0.0.1:7" && address("::1") == "http://[::1]:7")
    #expect(address("0.0.0.0") == nil && address("::") == nil)
    #expect(address("0.0.0.0", "https://events.example/") == "https://events.example")
  }
}
