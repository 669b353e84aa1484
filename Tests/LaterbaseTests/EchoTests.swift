import EventModel
import EventStore
import Replication
import Synchronization
import Testing
import ViewKit

@testable import Laterbase

@Suite struct `A node that follows whom it is followed by` {
  private static let things = Database("things")

  private static func clock(_ node: LaterbaseNode) async throws -> Clock {
    try await LocalPeer(node).clock(of: "things")?.clock ?? Clock()
  }

  private static func wait(until node: LaterbaseNode, covers other: LaterbaseNode) async throws {
    let wanted = try await clock(other)
    while try await !clock(node).covers(wanted) { try await Task.sleep(for: .milliseconds(2)) }
  }

  /// Records so many events one by one, and lets the other node come level ten times meanwhile, and at the end.
  private static func append(_ count: Int, at writer: LaterbaseNode, heardBy other: LaterbaseNode) async throws {
    for number in 0..<count {
      try await writer[things].append([["n": JSON(number), "of": JSON(count), "by": JSON("\(writer.id)")]])
      if number % max(1, count / 10) == 0 { try await wait(until: other, covers: writer) }
    }
    try await wait(until: other, covers: writer)
  }

  /// None of them comes back but those that are recorded while a new poll is on its way: one poll in 30 s. How many that are is the
  /// machine's matter; that they are few of all isn't.
  @Test func `isn't sent its own newest records once more`() async throws {
    try await Net.run { net in
      let a = try net.node("a", peers: ["b"])
      let b = try net.node("b", peers: ["a"])
      try await Self.append(1, at: a, heardBy: b)
      try await Self.append(1, at: b, heardBy: a)
      let fromB = [Net.address("b"), "things"]
      let before = net.pulled.withLock { $0[fromB] ?? 0 }
      try await Self.append(1000, at: a, heardBy: b)
      // What is recorded there comes, and nothing else.
      try await Self.append(1, at: b, heardBy: a)
      let back = net.pulled.withLock { $0[fromB] ?? 0 } - before
      #expect(back >= 1 && back < 200, "\(back) records came back")
      #expect(net.news.withLock { $0.filter { $0.contains("left out") } }.isEmpty)
      #expect(try await LocalPeer(a).clock(of: "things") == LocalPeer(b).clock(of: "things"))
    }
  }

  @Test func `doesn't push back what it pulled`() async throws {
    try await Net.run { net in
      let server = try net.node("server")
      let device = try net.node("device", peers: ["server"], pushes: true)
      try await Self.append(1, at: server, heardBy: device)
      try await Self.append(1, at: device, heardBy: server)
      let toServer = [Net.address("server"), "things"]
      let before = net.pushed.withLock { $0[toServer] ?? 0 }
      try await Self.append(200, at: server, heardBy: device)
      try await Self.append(1, at: device, heardBy: server)
      let back = net.pushed.withLock { $0[toServer] ?? 0 } - before
      #expect(back >= 1 && back < 100, "\(back) records went back")
      #expect(try await LocalPeer(server).clock(of: "things") == LocalPeer(device).clock(of: "things"))
    }
  }

  @Test func `pushes all of it to whoever holds less than was told`() async throws {
    try await Net.run { net in
      let server = try net.node("server")
      let device = try net.node("device", peers: ["server"], pushes: true)
      for number in 0..<5 {
        try await device[Self.things].append([["n": JSON(number)]])
        try await Self.wait(until: server, covers: device)
      }
      let restored = try await net.replace("server")
      try await device[Self.things].append([["n": 5]])
      try await Self.wait(until: restored, covers: device)
      #expect(try await LocalPeer(restored).clock(of: "things")?.audit?.elements == 6)
      #expect(net.news.withLock { $0.filter { $0.contains("left out") } }.isEmpty)
    }
  }

  // MARK: what is heard while a poll waits

  /// A node with ten events, and another's poll of it that waits.
  private static func polled(
    _ body: (_ node: LaterbaseNode, _ database: OpenedDatabase, _ other: Origin, _ poll: Task<[UInt64], any Error>) async throws -> Void
  ) async throws {
    let node = try LaterbaseNode([things], storage: .memory)
    for number in 0..<10 { try await node[things].append([["n": JSON(number)]]) }
    let database = try await node.catalog.open("things")
    let other = Origin(value: 77)
    let request = PullRequest(node: other, held: try await clock(node), wait: .seconds(250))
    let poll = Task {
      let numbers = Mutex<[UInt64]>([])
      _ = try await LocalPeer(node).pull("things", request) { (page) throws(SyncError) in
        numbers.withLock { $0 += page.entries.map(\.dot.n) }
      }
      return numbers.withLock { $0 }
    }
    while !database.holders.isPulling(other) { try await Task.sleep(for: .milliseconds(2)) }
    try await body(node, database, other, poll)
  }

  @Test func `is sent again what it was heard to have lost while its poll waits`() async throws {
    try await Self.polled { node, database, other, poll in
      let whole = try await Self.clock(node)
      let own = try #require(whole.entries.first).origin
      let entry = try #require(try database.set.forks(against: Clock(Clock.Entry(origin: own, n: 4, digest: 0))).first)
      node.hear(PeerClock(Clock(entry), audit: nil, node: other), in: database)
      #expect(try await poll.value == [5, 6, 7, 8, 9, 10])
    }
  }

  @Test func `isn't sent what it was heard to hold while its poll waits`() async throws {
    try await Self.polled { node, database, other, poll in
      // Records of a third come, from the one that polls.
      let third = try LaterbaseNode([Self.things], storage: .memory)
      for number in 0..<3 { try await third[Self.things].append([["m": JSON(number)]]) }
      let (page, _) = try await third.catalog.open("things").set.records(after: Clock())
      _ = try await LocalPeer(node).push("things", [page], from: Sender(node: other))
      #expect(database.set.state.elements == 13)
      #expect(database.holders.word(of: other)?.clock.covers(database.set.state.clock) == true)
      try await node[Self.things].append([["last": true]])
      #expect(try await poll.value == [11])
    }
  }

  @Test func `is believed no log that is another one here`() async throws {
    try await Self.polled { node, database, other, poll in
      let whole = try await Self.clock(node)
      var fork = try #require(whole.entries.first)
      fork.n = 12
      node.prove(other, holds: Clock(fork), in: database)
      #expect(database.holders.word(of: other)?.clock[fork.origin] == 12)
      fork.n = 4
      node.prove(Origin(value: 78), holds: Clock(fork), in: database)
      // Who told nothing is known to hold nothing, and the node itself is nobody else.
      #expect(database.holders.word(of: Origin(value: 78)) == nil)
      node.prove(node.id, holds: whole, in: database)
      #expect(database.holders.word(of: node.id) == nil)
      poll.cancel()
      #expect(try await poll.value == [])
    }
  }
}
