import EventModel
import EventStore
import LMDBStore
import Replication
import StoreConformance
import Synchronization
import Testing
import ViewKit

@testable import Laterbase

@Suite struct `Nodes that sync` {
  static let counted = Database("steps", of: Step.self) {
    ByName()
    LastName()
  }

  private func node(_ seed: UInt64) throws -> LaterbaseNode {
    try LaterbaseNode([Self.counted], storage: .memory, options: NodeOptions(), world: .still(seed: seed))
  }

  private func clock(_ node: LaterbaseNode) async throws -> PeerClock { try #require(try await LocalPeer(node).clock(of: "steps")) }

  /// All elements in order of happening, with what voids them.
  private func elements(_ node: LaterbaseNode) async throws -> [String] {
    var elements: [String] = []
    let database = try await node.catalog.open("steps")
    _ = try database.set.range { (event, body) throws(StoreError) in
      elements.append("\(event.ulid) \(event.voidedBy) \([UInt8](copying: body).text)")
      return true
    }
    return elements
  }

  private func views(_ node: LaterbaseNode) async throws -> [String] {
    let counts = try await node[Self.counted].rows(of: ByName()).map { "\($0.key): \($0.value.count)" }
    return counts + (try await node[Self.counted].rows(of: LastName()).map { "\($0.key): \($0.value.name)" })
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `hold the same after a full round, whatever was appended, voided and synced in which order`(seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    let nodes = try (0..<3).map { try node(seed * 10 + $0) }
    var ids: [ULID] = []
    for step in 0..<40 {
      let node = nodes[Int(random.next() % 3)]
      switch random.next() % 4 {
      case 0, 1:
        let events = (0..<1 + random.next() % 4).map { _ in Step(name: "n\(random.next() % 5)") }
        let receipt = try await node[Self.counted].append(events, at: Instant(milliseconds: Int64(random.next() % 1_000_000)))
        ids += receipt.ids
      case 2 where !ids.isEmpty:
        let voided = ids[Int(random.next() % UInt64(ids.count))]
        try await node[Self.counted].append([Step(name: "void \(step)")], at: .noon, voiding: [voided])
      default:
        let other = nodes[Int(random.next() % 3)]
        // Before the first append neither may have it.
        if other !== node { _ = try? await node.sync("steps", with: LocalPeer(other)) }
      }
      if random.next() % 8 == 0 { _ = try? await views(node) }
    }
    for _ in 0..<2 { for node in nodes { for other in nodes where other !== node { _ = try await node.sync(with: LocalPeer(other)) } } }
    let first = try await (clock(nodes[0]), elements(nodes[0]), views(nodes[0]))
    #expect(!first.1.isEmpty)
    for node in nodes {
      #expect(try await clock(node) == first.0, "seed \(seed)")
      #expect(try await elements(node) == first.1, "seed \(seed)")
      #expect(try await views(node) == first.2, "seed \(seed)")
      #expect(try await node.catalog.open("steps").set.verify().isSound, "seed \(seed)")
      #expect(try await node.sync(with: LocalPeer(nodes[0])) == (0, 0), "seed \(seed)")
    }
    for node in nodes { node.close() }
  }

  @Test func `say how much came and went, and make the database where it isn't`() async throws {
    let (a, b) = (try node(1), try node(2))
    try await a[Self.counted].append([Step(name: "a"), Step(name: "b")])
    #expect(try await b.sync(with: LocalPeer(a)) == (2, 0))
    try await b[Self.counted].append([Step(name: "c")])
    #expect(try await b.sync("steps", with: LocalPeer(a)) == (0, 1))
    #expect(try await a[Self.counted].value(of: ByName(), key: "c")?.count == 1)
    for name in ["other", "_nodes", "../x"] {
      let error = await #expect(throws: LaterbaseError.self) { try await a.sync(name, with: LocalPeer(b)) }
      #expect(error?.slug == .noDatabase, "\(name)")
    }
    #expect(try a.catalog.names() == ["steps"])
  }

  @Test func `take a copied folder for another node, and both go on`() async throws {
    let folder = TemporaryFolder()
    let paths = ["a", "b"].map { folder.path + "/" + $0 }
    let original = try LaterbaseNode([Self.counted], storage: .lmdb(folder: paths[0]))
    try await original[Self.counted].append([Step(name: "before")])
    original.close()
    let empty = try LaterbaseNode([Self.counted], storage: .lmdb(folder: paths[1]))
    _ = try await empty.catalog.create("steps")
    empty.close()
    for file in ["data.mdb", "start"] {
      let bytes = try #require(try DataFolder.contents("\(paths[0])/db/steps/\(file)"))
      try DataFolder.replace("\(paths[1])/db/steps/\(file)", with: bytes)
    }
    let a = try LaterbaseNode([Self.counted], storage: .lmdb(folder: paths[0]))
    let b = try LaterbaseNode([Self.counted], storage: .lmdb(folder: paths[1]))
    try await a[Self.counted].append([Step(name: "at a")])
    try await b[Self.counted].append([Step(name: "at b"), Step(name: "at b")])
    #expect(try await a.sync(with: LocalPeer(b)) == (2, 1))
    #expect(try await clock(a) == clock(b))
    #expect(try await clock(a).clock.entries.count == 2)
    #expect(try await views(a) == views(b))
    a.close()
    b.close()
  }

  /// Worlds of one seed draw one origin and one salt: two files of one past.
  @Test func `mint a new origin when a peer knows more of their own log`() async throws {
    let (ahead, restored) = (try node(1), try node(1))
    let request = ULID(at: .noon, low80: 3)
    for node in [ahead, restored] { try await node[Self.counted].append([Step(name: "same")], at: .noon, request: request) }
    #expect(try await clock(ahead) == clock(restored))
    try await ahead[Self.counted].append([Step(name: "lost")], at: .noon)
    let before = try #require(try await restored.catalog.open("steps").set.state.own)
    #expect(try await restored.sync(with: LocalPeer(ahead)) == (1, 0))
    try await restored[Self.counted].append([Step(name: "after")], at: .noon, request: ULID(at: .noon, low80: 4))
    #expect(try await restored.catalog.open("steps").set.state.own != before)
    #expect(try await restored.sync(with: LocalPeer(ahead)) == (0, 1))
    #expect(try await views(ahead) == views(restored))
  }

  @Test func `park what a peer altered, say so, and take the rest`() async throws {
    let (honest, third) = (try node(1), try node(2))
    try await honest[Self.counted].append([Step(name: "a"), Step(name: "b")])
    try await third[Self.counted].append([Step(name: "c")])
    _ = try await third.sync(with: LocalPeer(honest))
    let bad = try #require(try await honest.catalog.open("steps").set.state.own)
    let forger = Forger(LocalPeer(third), bad)
    let victim = try node(3)
    let error = await #expect(throws: LaterbaseError.self) { try await victim.sync(with: forger) }
    #expect(error?.slug == .refused && error?.detail.contains("\(bad)") == true)
    #expect(try await victim[Self.counted].rows(of: ByName()).map(\.key) == ["c"])
    #expect(try await victim.sync(with: LocalPeer(honest)) == (2, 0))
    #expect(try await clock(victim) == clock(third))
  }

  @Test func `make nothing of records that begin no database`() async throws {
    let (source, target) = (try node(1), try node(2))
    try await source[Self.counted].append([Step(name: "a"), Step(name: "b")])
    let set = try await source.catalog.open("steps").set
    let (page, _) = try set.records(after: Clock())
    var second = RecordPage()
    second.add(page.entries[1].dot, page.bytes.raw.extracting(page.entries[1].range))
    for (name, page) in [("steps", second), ("other", page)] {
      let error = await #expect(throws: SyncError.self) { try await LocalPeer(target).push(name, [page]) }
      #expect(error?.code == .refused)
    }
    await #expect(throws: SyncError.self) { try await LocalPeer(target).push("_nodes", [page]) }
    #expect(try target.catalog.names().isEmpty)
    #expect(try await LocalPeer(target).push("steps", [page, second, page]) == PeerClock(set))
  }

  @Test func `follow a peer for ever, its new databases too, and end when cancelled`() async throws {
    let source = try node(1)
    let flaky = Flaky(LocalPeer(source))
    let dead = Dead()
    var options = NodeOptions()
    let kinds = Kinds()
    options.onPeerNews = { kinds.add($0.kind) }
    let target = try LaterbaseNode([Self.counted], storage: .memory, peers: [dead, flaky], options: options, world: .still(seed: 2))
    try await source[Self.counted].append([Step(name: "first")])
    let run = Task { try await target.run() }
    for round in 0..<3 {
      let wanted = try await source[Self.counted].append([Step(name: "round \(round)")]).clock
      while try await LocalPeer(target).clock(of: "steps")?.clock.covers(wanted ?? Clock()) != true {
        try await Task.sleep(for: .milliseconds(5))
      }
    }
    let other = Database("other")
    try await source[other].append([["n": 1]])
    while try await LocalPeer(target).clock(of: "other") == nil { try await Task.sleep(for: .milliseconds(5)) }
    run.cancel()
    _ = await run.result
    #expect(kinds.all.contains(.reached) && kinds.all.contains(.failed))
    #expect(!kinds.all.contains(.alarm) && !kinds.all.contains(.parked))
  }

  @Test func `push to a peer that can't reach them`() async throws {
    let server = try node(1)
    var options = NodeOptions()
    options.pushes = true
    let device = try LaterbaseNode([Self.counted], storage: .memory, peers: [LocalPeer(server)], options: options, world: .still(seed: 2))
    try await device[Self.counted].append([Step(name: "scanned")])
    let run = Task { try await device.run() }
    while try await LocalPeer(server).clock(of: "steps") == nil { try await Task.sleep(for: .milliseconds(5)) }
    let wanted = try await device[Self.counted].append([Step(name: "again")]).clock
    while try await !clock(server).clock.covers(wanted ?? Clock()) { try await Task.sleep(for: .milliseconds(5)) }
    run.cancel()
    _ = await run.result
    #expect(try await clock(server) == clock(device))
  }
}

/// Kinds of news that came. The mutex owns them.
private final class Kinds: Sendable {
  private let kinds = Mutex<Set<PeerNews.Kind>>([])
  var all: Set<PeerNews.Kind> { kinds.withLock { $0 } }
  func add(_ kind: PeerNews.Kind) { kinds.withLock { _ = $0.insert(kind) } }
}

/// Hands out one log with a forged body: its checksum is right, its chain isn't.
private struct Forger: PeerTransport {
  let honest: LocalPeer
  let origin: Origin
  let name = "forger"

  init(_ honest: LocalPeer, _ origin: Origin) { (self.honest, self.origin) = (honest, origin) }

  func databases() async throws(SyncError) -> [String] { try await honest.databases() }
  func clock(of database: String) async throws(SyncError) -> PeerClock? { try await honest.clock(of: database) }

  func pull(
    _ database: String, _ request: PullRequest, receive: @Sendable (RecordPage) async throws(SyncError) -> Void
  ) async throws(SyncError) -> PullEnd {
    let origin = origin
    return try await honest.pull(database, request) { (page) throws(SyncError) in
      var forged = RecordPage()
      for entry in page.entries {
        let record = page.bytes.raw.extracting(entry.range)
        guard entry.dot.origin == origin, let header = Record.Header(reading: record) else {
          forged.add(entry.dot, record)
          continue
        }
        var bytes: [UInt8] = []
        Record.write(header, body: [UInt8](#"{"name":"forged","type":"step"}"#).raw, at: entry.dot, to: &bytes)
        forged.add(entry.dot, bytes.raw)
      }
      try await receive(forged)
    }
  }

  func push(_ database: String, _ pages: [RecordPage]) async throws(SyncError) -> PeerClock { try await honest.push(database, pages) }
}

/// Fails every second call.
private final class Flaky: PeerTransport {
  let peer: LocalPeer
  let name = "flaky"
  private let calls = Atomic(0)

  init(_ peer: LocalPeer) { self.peer = peer }

  private func mayFail() throws(SyncError) {
    if calls.wrappingAdd(1, ordering: .relaxed).newValue % 2 == 1 { throw SyncError(.unreachable, "cut") }
  }

  func databases() async throws(SyncError) -> [String] {
    try mayFail()
    return try await peer.databases()
  }

  func clock(of database: String) async throws(SyncError) -> PeerClock? { try await peer.clock(of: database) }

  func pull(
    _ database: String, _ request: PullRequest, receive: @Sendable (RecordPage) async throws(SyncError) -> Void
  ) async throws(SyncError) -> PullEnd {
    try mayFail()
    return try await peer.pull(database, request, receive: receive)
  }

  func push(_ database: String, _ pages: [RecordPage]) async throws(SyncError) -> PeerClock { try await peer.push(database, pages) }
}

/// Never answers, until nobody waits any more.
private struct Dead: PeerTransport {
  let name = "dead"

  private func hang() async -> SyncError {
    try? await Task.sleep(for: .seconds(3600))
    return SyncError(.unreachable, "nobody is there")
  }

  func databases() async throws(SyncError) -> [String] { throw await hang() }
  func clock(of database: String) async throws(SyncError) -> PeerClock? { throw await hang() }
  func pull(
    _ database: String, _ request: PullRequest, receive: @Sendable (RecordPage) async throws(SyncError) -> Void
  ) async throws(SyncError) -> PullEnd { throw await hang() }
  func push(_ database: String, _ pages: [RecordPage]) async throws(SyncError) -> PeerClock { throw await hang() }
}
