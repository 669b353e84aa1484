import EventModel
import EventStore
import HTTPTypes
import Laterbase
import NIOCore
import Replication
import Testing

@testable import HTTPService

@Suite struct `Peers over HTTP` {
  private static func filled(_ events: Int = 3) async throws -> LaterbaseNode {
    let node = try LaterbaseNode([notes], storage: .memory)
    try await node[notes].append((0..<events).map { Note(number: "N\($0)", boxes: $0) })
    return node
  }

  private static func post(
    _ client: Client, _ path: String, _ bytes: [UInt8], type: String = "application/vnd.laterbase.records"
  ) async throws -> Reply {
    var fields = HTTPFields()
    fields[.contentType] = type
    return try await client.execute(path, .post, fields, ByteBuffer(bytes: bytes))
  }

  @Test(arguments: Depth.allCases) func `say the same bytes as a clock at level nodes`(depth: Depth) async throws {
    let (first, second) = (try await Self.filled(), try LaterbaseNode([notes], storage: .memory))
    _ = try await second.sync(with: LocalPeer(first))
    let texts = try await [first, second].asyncMap { node in
      try await serving(depth, node) { client in
        let reply = try await client.get("/db/notes/clock")
        #expect(reply.status == 200)
        #expect(try await client.get("/db/notes/clock?at_least=\(reply.json["clock"]?.string ?? "")&timeout=1ms").text == reply.text)
        #expect(try await client.get("/db/other/clock").slug == "no-database")
        #expect(try await client.get("/db/notes/clock?x=1").slug == "bad-parameter")
        let ahead = Clock(Clock.Entry(origin: Origin(value: 1), n: 1, digest: 1)).token
        #expect(try await client.get("/db/notes/clock?at_least=\(ahead)&timeout=1ms").slug == "behind")
        return reply.text
      }
    }
    #expect(texts[0] == texts[1])
    let json = try JSON(parsing: Array(texts[0].utf8))
    let entry = try #require(Clock(token: json["clock"]?.string ?? "")?.entries.first)
    #expect(json["origins"]?["\(entry.origin)"]?["digest"]?.string == entry.digest.hex)
    #expect(json["events"] == 3 && json["sum"]?.string.flatMap { AuditSum(hex: $0) } != nil)
  }

  @Test(arguments: [false, true]) func `level two servers, both ways, over sockets`(compresses: Bool) async throws {
    let (first, second) = (try await Self.filled(2500), try LaterbaseNode([notes], storage: .memory))
    try await serving(.socket, first) { a in
      try await serving(.socket, second) { b in
        let (peerA, peerB) = (
          HTTPPeer("http://127.0.0.1:\(a.port)", compresses: compresses), HTTPPeer("http://127.0.0.1:\(b.port)/", compresses: compresses)
        )
        #expect(try await peerA.databases() == ["notes"])
        #expect(try await peerB.clock(of: "notes") == nil)
        let (toA, toB) = try await Relay.level("notes", peerA, peerB)
        #expect((toA.records, toB.records) == (0, 2500))
        try await second[notes].append([Note(number: "back", boxes: 1)])
        #expect(try await Relay.level("notes", peerA, peerB).toFirst.records == 1)
        #expect(try await peerA.clock(of: "notes") == peerB.clock(of: "notes"))
        #expect(try await peerA.clock(of: "notes")?.audit?.elements == 2501)
        #expect(try await Relay.level("other", peerA, peerB).toFirst.target == nil)
      }
    }
  }

  @Test func `get records compressed where they ask for it, and may send them so`() async throws {
    let node = try await Self.filled(2000)
    let (page, _) = try await node.catalog.open("notes").set.records(after: Clock())
    var written: [UInt8] = []
    Frame.write(page, to: &written)
    let frames = written
    try await serving(.socket, node) { client in
      var fields = HTTPFields()
      fields[.contentType] = "application/vnd.laterbase.records"
      let pull = ByteBuffer(bytes: PullRequest(held: Clock()).bytes)
      let plain = try await client.execute("/db/notes/pull", .post, fields, pull)
      #expect(plain.header("content-encoding") == nil && plain.bytes > frames.count)
      fields[.acceptEncoding] = "br, gzip;q=0.5"
      let packed = try await client.execute("/db/notes/pull", .post, fields, pull)
      #expect(packed.header("content-encoding") == "gzip" && packed.bytes * 3 < plain.bytes * 2, "\(packed.bytes) of \(plain.bytes)")
    }
    let whole = Gzip().add(frames, isLast: true)
    try await serving(.socket) { client in
      var fields = HTTPFields()
      (fields[.contentType], fields[.contentEncoding]) = ("application/vnd.laterbase.records", "gzip")
      // What a few kilobytes come to is bounded.
      let bomb = Gzip().add([UInt8](repeating: 0, count: 64 << 20), isLast: true)
      let longBomb = Gzip().add([0, 1, 0, 0x11, 1] + [UInt8](repeating: 0, count: 64 << 20), isLast: true)
      for wrong in [Array(whole.dropLast()), whole + [0], frames, bomb, longBomb] {
        let reply = try await client.execute("/db/notes/log", .post, fields, ByteBuffer(bytes: wrong))
        #expect([400, 409].contains(reply.status), "\(reply.text)")
      }
      #expect(try await client.execute("/db/notes/log", .post, fields, ByteBuffer(bytes: whole)).json["events"] == 2000)
      fields[.contentEncoding] = "br"
      #expect(try await client.execute("/db/notes/log", .post, fields, ByteBuffer(bytes: whole)).slug == "media-type")
    }
  }

  @Test func `of this machine are told from others by their URL`() {
    for url in ["http://127.0.0.1:5283", "http://localhost", "http://127.9.9.9/x", "http://[::1]:5283", "http://u@127.0.0.1:1/"] {
      #expect(HTTPPeer.isLoopback(url), "\(url)")
    }
    for url in ["http://10.0.0.1:5283", "http://127.0.0.1.example.org", "http://[fd00::1]:5283", "https://localhost.org", "", "http://"] {
      #expect(!HTTPPeer.isLoopback(url), "\(url)")
    }
  }

  /// The peer dies and comes back at the same port; one that never answers holds up nobody.
  @Test func `are pulled for ever, through a peer's death`() async throws {
    let source = try await Self.filled()
    let port = try await freePort()
    let peers: [any PeerTransport] = [HTTPPeer("http://127.0.0.1:1"), HTTPPeer("http://127.0.0.1:\(port)")]
    let target = try LaterbaseNode([notes], storage: .memory, peers: peers)
    try await serving(.socket, target) { _ in
      for round in 0..<2 {
        try await serving(.socket, source, { $0.port = port }) { client in
          let posted = try await client.post("/db/notes/e", #"{"number":"R\#(round)","boxes":1}"#)
          #expect(posted.status == 201)
          let wanted = try #require(Clock(token: posted.json["clock"]?.string ?? ""))
          while try await LocalPeer(target).clock(of: "notes")?.clock.covers(wanted) != true {
            try await Task.sleep(for: .milliseconds(10))
          }
        }
      }
    }
    #expect(try await LocalPeer(target).clock(of: "notes") == LocalPeer(source).clock(of: "notes"))
  }

  @Test func `wait for news, and end when the server stops`() async throws {
    let source = try await Self.filled()
    let held = try #require(try await LocalPeer(source).clock(of: "notes"))
    try await serving(.socket, source) { client in
      let peer = HTTPPeer("http://127.0.0.1:\(client.port)")
      async let ended = peer.pull("notes", PullRequest(held: held.clock, wait: .seconds(50))) { (page) throws(SyncError) in
        #expect(page.entries.count == 1)
      }
      try await source[notes].append([Note(number: "new", boxes: 1)])
      let end = try await ended
      #expect(end.peer == PeerClock(try await client.node.catalog.open("notes").set))
    }
    let now = try #require(try await LocalPeer(source).clock(of: "notes"))
    let waiting = try await serving(.socket, source) { client in
      let peer = HTTPPeer("http://127.0.0.1:\(client.port)")
      _ = try await peer.clock(of: "notes")
      return Task { try await peer.pull("notes", PullRequest(held: now.clock, wait: .seconds(50))) { (_) throws(SyncError) in } }
    }
    // Whether it came before the server stopped or not: it doesn't wait its 50 seconds.
    if case .success(let end) = await waiting.result { #expect(end.peer == now) }
  }

  @Test(arguments: Depth.allCases) func `are refused what is not the protocol, and nothing changes`(depth: Depth) async throws {
    let node = try await Self.filled()
    let (page, _) = try await node.catalog.open("notes").set.records(after: Clock())
    var frames: [UInt8] = []
    Frame.write(page, to: &frames)
    let bytes = frames
    try await serving(depth) { client in
      let garbage: [(name: String, body: [UInt8], slug: String)] = [
        ("garbage", Array("GET / HTTP/1.1".utf8), "bad-parameter"), ("cut", Array(bytes.dropLast()), "bad-parameter"),
        ("huge", [0x7F, 0xFF, 0xFF, 0xFF, 1] + bytes, "bad-parameter"),
        ("a bit", bytes.with(bytes.count - 3) { $0 ^= 4 }, "does-not-follow"),
        ("another dot", bytes.with(20) { $0 ^= 1 }, "does-not-follow"),
        ("without its first record", Array(bytes[(21 + page.entries[0].range.count)...]), "does-not-follow"),
        ("an end", PullEnd(PeerClock(audit: nil)).frame, "bad-parameter"), ("nothing", [], "no-database"),
      ]
      for (name, body, slug) in garbage {
        let reply = try await Self.post(client, "/db/notes/log", body)
        #expect(reply.slug == slug, "\(name): \(reply.text)")
      }
      #expect(try await Self.post(client, "/db/other/log", bytes).slug == "does-not-follow")
      #expect(try await Self.post(client, "/db/_other/log", bytes).slug == "forbidden")
      #expect(try await Self.post(client, "/db/_nodes/log", bytes).slug == "does-not-follow")
      #expect(try await Self.post(client, "/db/notes/log", bytes, type: "application/json").slug == "media-type")
      #expect(try await client.get("/db/notes/log").status == 405)
      #expect(try client.node.catalog.names().isEmpty)

      let pushed = try await Self.post(client, "/db/notes/log", bytes)
      #expect(pushed.status == 200 && pushed.json["events"] == 3, "\(pushed.text)")
      #expect(try await Self.post(client, "/db/notes/log", bytes).text == pushed.text)

      let request = PullRequest(held: Clock())
      var based = request.bytes
      based[9 + request.cluster.utf8.count] = 1
      #expect(try await Self.post(client, "/db/notes/pull", based).slug == "unknown-base")
      let stranger = PullRequest(cluster: "staging", held: Clock())
      #expect(try await Self.post(client, "/db/notes/pull", stranger.bytes).slug == "forbidden")
      #expect(try await Self.post(client, "/db/notes/pull", []).slug == "bad-parameter")
      #expect(try await Self.post(client, "/db/other/pull", request.bytes).slug == "no-database")
      #expect(try await Self.post(client, "/db/notes/pull", request.bytes).status == 200)
    }
  }

  @Test func `that answer what is no peer's are told so`() async throws {
    try await serving(.socket) { client in
      let elsewhere = HTTPPeer("http://127.0.0.1:\(client.port)/nothing")
      await #expect(throws: SyncError.self) { try await elsewhere.databases() }
      await #expect(throws: SyncError.self) { try await HTTPPeer("http://127.0.0.1:1").databases() }
      let error = await #expect(throws: SyncError.self) {
        try await HTTPPeer("http://127.0.0.1:\(client.port)").pull("notes", PullRequest(held: Clock())) { (_) throws(SyncError) in }
      }
      #expect(error?.code == .notHeld)
    }
  }
}

extension [UInt8] {
  fileprivate func with(_ place: Int, _ change: (inout UInt8) -> Void) -> [UInt8] {
    var copy = self
    change(&copy[place])
    return copy
  }
}

extension PullEnd {
  fileprivate var frame: [UInt8] {
    var bytes: [UInt8] = []
    Frame.write(self, since: Clock(), to: &bytes)
    return bytes
  }
}

extension Sequence {
  fileprivate func asyncMap<R>(_ change: (Element) async throws -> R) async rethrows -> [R] {
    var results: [R] = []
    for element in self { results.append(try await change(element)) }
    return results
  }
}
