import EventModel
import EventStore
import Laterbase
import Replication
import Testing

@testable import HTTPService

extension RecordPage {
  static let notesOf5000 = notes(origins: 5000)

  /// One record each of so many logs of the database `notes`.
  static func notes(origins: UInt64) -> RecordPage {
    var page = RecordPage()
    for n in 1...origins {
      let dot = Dot(origin: Origin(value: n << 32), n: 1)
      let body = [UInt8](#"{"n":\#(n)}"#.utf8)
      let (ulid, hlc) = (
        ULID(at: Instant(milliseconds: 1_700_000_000_000), low80: UInt128(n)), HLC(Instant(milliseconds: 1_700_000_000_000))
      )
      let commitment = Record.commitment(salt: 7, body: .sha256(body.raw))
      let chain = Chain.next(
        after: Chain.start(database: "notes", origin: dot.origin), dot, hlc: hlc, ulid: ulid, kind: .event, commitment: commitment)
      var record: [UInt8] = []
      Record.write(Record.Header(kind: .event, hlc: hlc, ulid: ulid, salt: 7, chain: chain), body: body.raw, at: dot, to: &record)
      page.add(dot, record.raw)
    }
    return page
  }
}

@Suite struct `What a sync costs on the wire` {
  private static let (pull, log, clock) = ("POST /db/notes/pull", "POST /db/notes/log", "GET /db/notes/clock")

  private static func append(_ count: Int, to node: LaterbaseNode) async throws {
    try await node[notes].append((0..<count).map { Note(number: "N\($0)", boxes: $0) })
  }

  private static func peerClock(_ node: LaterbaseNode) async throws -> PeerClock {
    try #require(try await LocalPeer(node).clock(of: "notes"))
  }

  @Test func `is one request, whatever is missing, as long as an exchange takes it`() async throws {
    let (full, copy) = (try LaterbaseNode([notes], storage: .memory), try LaterbaseNode([notes], storage: .memory))
    try await Self.append(200, to: full)
    try await serving(.socket, full) { client in
      try await CountingWire.to(client.port) { wire in
        let peer = HTTPPeer(wire.url)
        for (more, expected) in [(0, 200), (100, 100), (0, 0)] {
          if more > 0 { try await Self.append(more, to: full) }
          wire.clear()
          #expect(try await copy.sync("notes", with: peer) == (expected, 0))
          #expect(wire.all.keys.sorted() == [Self.pull] && wire[Self.pull].requests == 1, "\(expected): \(wire.all)")
        }
        #expect(try await Self.peerClock(full) == Self.peerClock(copy))
        // What is pushed goes in one more.
        try await Self.append(3, to: copy)
        wire.clear()
        #expect(try await copy.sync("notes", with: peer) == (0, 3))
        #expect(wire[Self.pull].requests == 1 && wire[Self.log].requests == 1 && wire.all.count == 2, "\(wire.all)")
        #expect(try await Self.peerClock(full) == Self.peerClock(copy))
      }
    }
  }

  @Test func `is one request for a follower, that says what it holds by the difference`() async throws {
    let (full, copy) = (try LaterbaseNode([notes], storage: .memory), try LaterbaseNode([notes], storage: .memory))
    for node in [full, copy] { _ = try await LocalPeer(node).push("notes", [.notesOf5000]) }
    try await serving(.socket, full) { client in
      try await CountingWire.to(client.port) { wire in
        let relay = Relay("notes", from: HTTPPeer(wire.url), to: LocalPeer(copy), node: copy.id, sender: full.id)
        var base = try #require(try await relay.run().source).clock
        for count in [0, 100, 0] {
          if count > 0 { try await Self.append(count, to: full) }
          wire.clear()
          let outcome = try await relay.run(base: base)
          #expect(outcome.records == count)
          #expect(wire.all.keys.sorted() == [Self.pull] && wire[Self.pull].requests == 1, "\(wire.all)")
          #expect(wire[Self.pull].sent < 500 && wire[Self.pull].received < 500 + count * 300, "\(wire.all)")
          base = try #require(outcome.source).clock
        }
      }
    }
  }

  /// The bytes of the last record of the log that was written to last.
  private static func lastRecordBytes(_ node: LaterbaseNode, after clock: Clock) async throws -> Int {
    try await node.catalog.open("notes").set.records(after: clock).page.bytes.count
  }

  @Test(arguments: [false, true])
  func `is less than 1 kB beside the record for a push with 5 000 origins, both ways`(compresses: Bool) async throws {
    let (server, device) = (try LaterbaseNode([notes], storage: .memory), try LaterbaseNode([notes], storage: .memory))
    for node in [server, device] { _ = try await LocalPeer(node).push("notes", [.notesOf5000]) }
    try await serving(.socket, server) { client in
      try await CountingWire.to(client.port) { wire in
        let peer = HTTPPeer(wire.url, compresses: compresses)
        let relay = Relay("notes", from: LocalPeer(device), to: peer, node: device.id, sender: device.id)
        try await Self.append(1, to: device)
        var last = try await relay.run()
        #expect(last.records == 1 && wire[Self.pull].sent > 80_000)
        // The target is asked what it holds; then it is known.
        for asks in [true, true, false, false] {
          let before = try await Self.peerClock(device).clock
          try await Self.append(1, to: device)
          let record = try await Self.lastRecordBytes(device, after: before)
          wire.clear()
          last =
            asks ? try await relay.run(told: last.toldByTarget) : try await relay.run(held: last.target, told: last.toldByTarget)
          #expect(last.records == 1)
          #expect(wire[Self.log].requests == 1 && wire[Self.pull].requests == (asks ? 1 : 0), "\(wire.all)")
          #expect(wire.all.keys.allSatisfy { [Self.log, Self.pull].contains($0) })
          let bytes = wire[Self.log].bytes + wire[Self.pull].bytes - record
          #expect(bytes < 1000, "\(bytes): \(wire.all)")
          #expect(last.target == PeerClock(try await server.catalog.open("notes").set) && last.target?.audit != nil)
          #expect(last.target?.node == server.id && last.alarm == nil)
        }
        // A base that isn't known there: the answer is whole.
        try await Self.append(1, to: device)
        wire.clear()
        let other = Clock(Clock.Entry(origin: Origin(value: 1), n: 1, digest: 1))
        last = try await relay.run(held: last.target, told: other)
        #expect(wire[Self.log].requests == 1 && wire[Self.log].received > 30_000, "\(wire.all)")
        #expect(last.target == PeerClock(try await server.catalog.open("notes").set))
        #expect(try await Self.peerClock(server) == Self.peerClock(device))
      }
    }
  }

  /// A node that follows a server both ways, and is written to.
  @Test func `is less than 1 kB an event for a follower that pushes, with 5 000 origins`() async throws {
    let server = try LaterbaseNode([notes], storage: .memory)
    try await serving(.socket, server) { client in
      try await CountingWire.to(client.port) { wire in
        var options = NodeOptions()
        options.pushes = true
        let device = try LaterbaseNode([notes], storage: .memory, peers: [HTTPPeer(wire.url)], options: options)
        for node in [server, device] { _ = try await LocalPeer(node).push("notes", [.notesOf5000]) }
        let run = Task { try await device.run() }
        defer { run.cancel() }
        func write(_ events: Int) async throws -> Int {
          let before = try await Self.peerClock(device).clock
          for _ in 0..<events {
            try await Self.append(1, to: device)
            let wanted = try await Self.peerClock(device).clock
            while try await !Self.peerClock(server).clock.covers(wanted) { try await Task.sleep(for: .milliseconds(5)) }
          }
          return try await Self.lastRecordBytes(device, after: before)
        }
        _ = try await write(3)
        // The push has asked, and the pull waits: each said its whole clock.
        while wire[Self.pull].requests < 2 || wire[Self.pull].sent < 170_000 { try await Task.sleep(for: .milliseconds(5)) }
        _ = try await write(3)
        wire.clear()
        let records = try await write(20)
        let bytes = wire[Self.log].bytes + wire[Self.pull].bytes - records
        #expect(bytes < 20_000, "\(wire.all)")
        #expect(wire[Self.clock].requests == 0 && wire[Self.log].requests <= 20, "\(wire.all)")
        run.cancel()
        _ = await run.result
      }
    }
  }
}

@Suite struct `A push that names its node` {
  @Test(arguments: Depth.allCases) func `is answered in frames where it asks for them, and refused what it can't mean`(depth: Depth)
    async throws
  {
    try await serving(depth) { client in
      var frames: [UInt8] = []
      Frame.write(.notes(origins: 3), to: &frames)
      func push(_ query: String, accept: String? = "application/vnd.laterbase.records") async throws -> Reply {
        var headers = ["Content-Type": "application/vnd.laterbase.records"]
        headers["Accept"] = accept
        return try await client.post("/db/notes/log\(query)", frames, headers)
      }
      let node = Origin(value: 77)
      for wrong in ["?node=x", "?node=\(Origin(value: 0))", "?base=1", "?node=\(node)&base=+\(String(repeating: "0", count: 31))", "?n=1"] {
        #expect(try await push(wrong).slug == "bad-parameter", "\(wrong)")
      }
      #expect(try await push("?node=\(node)&cluster=staging").slug == "forbidden")
      #expect(try await push("?node=\(node)", accept: "text/plain").slug == "not-acceptable")
      #expect(try client.node.catalog.names().isEmpty)
      let digits = String(repeating: "0", count: 31) + "1"
      for query in ["", "?node=\(node)", "?node=\(node)&base=\(digits)"] {
        let reply = try await push(query)
        #expect(reply.status == 200 && reply.header("content-type") == "application/vnd.laterbase.records", "\(query): \(reply.text)")
        #expect(reply.header("laterbase-base") == "none")
      }
      let json = try await push("?node=\(node)", accept: nil)
      #expect(json.status == 200 && json.json["events"] == 3)
    }
  }
}
