import EventModel
import EventStore
import Replication
import StoreConformance
import Synchronization
import Testing
import ViewKit

@testable import Laterbase

@Suite struct Levels {
  static let steps = Database("steps", of: Step.self) { ByName() }

  private let cluster = Cluster()

  /// Three members, two of them in one region.
  private func three(follow: Bool = false) throws -> [LaterbaseNode] {
    let names = ["a", "b", "c"]
    return try names.enumerated().map { (place, name) in
      try cluster.node(
        name, region: place < 2 ? "near" : "far", follows: follow ? names.filter { $0 != name } : [], seed: UInt64(place + 1), [Self.steps])
    }
  }

  private func append(
    _ name: String, to node: LaterbaseNode, _ level: Consistency, _ timeout: Duration = .seconds(60), request: ULID? = nil
  ) async throws -> Receipt {
    try await node[Self.steps].append([Step(name: name)], at: .noon, request: request, consistency: level, timeout: timeout)
  }

  private func holders(of receipt: Receipt, _ nodes: [LaterbaseNode]) async -> Int {
    var count = 0
    for node in nodes where (try? await node.catalog.open("steps").set.state.clock.covers(receipt.clock ?? Clock())) == true { count += 1 }
    return count
  }

  @Test func `are reached by members that pull, and none is acknowledged that was not so`() async throws {
    let nodes = try three(follow: true)
    let runs = nodes.map { node in Task { try await node.run() } }
    for round in 0..<6 {
      for level in [Consistency.one, .two, .three, .quorum, .localQuorum, .eachQuorum, .all] {
        let receipt = try await append("\(level) \(round)", to: nodes[round % 3], level)
        let held = await holders(of: receipt, nodes)
        #expect(receipt.status == .success && receipt.achieved >= receipt.required && held >= receipt.required, "\(level)")
        if level == .all { #expect(held == 3) }
      }
    }
    for run in runs {
      run.cancel()
      _ = await run.result
    }
    for node in nodes { node.close() }
  }

  @Test(arguments: [Consistency.two, .three, .quorum, .localQuorum, .eachQuorum, .all])
  func `are reached by asking members that do not pull`(level: Consistency) async throws {
    let nodes = try three()
    for node in nodes { _ = try await node.catalog.create("steps") }
    let receipt = try await append("asked", to: nodes[0], level)
    #expect(receipt.status == .success && receipt.recorded == 1)
    #expect(await holders(of: receipt, nodes) >= receipt.required)
  }

  @Test func `say how many there are when the time is over, and take nothing back`() async throws {
    let nodes = try three()
    for node in nodes { _ = try await node.catalog.create("steps") }
    cluster.cut("b")
    cluster.cut("c")
    let request = ULID(at: .noon, low80: 5)
    let partial = try await append("alone", to: nodes[0], .quorum, .milliseconds(1), request: request)
    #expect((partial.status, partial.required, partial.achieved, partial.recorded) == (.partial, 2, 1, 1))
    #expect(try await nodes[0][Self.steps].value(of: ByName(), key: "alone")?.count == 1)
    cluster.cut("b", false)
    // The same once more, now that somebody is there: nothing is new, and its own dot counts.
    let again = try await append("alone", to: nodes[0], .quorum, request: request)
    #expect((again.status, again.required, again.achieved, again.recorded, again.known) == (.success, 2, 2, 0, 1))
    #expect(try await nodes[1][Self.steps].value(of: ByName(), key: "alone")?.count == 1)
    // Who left counts no more.
    cluster.remove("c")
    let all = try await append("two of two", to: nodes[0], .all)
    #expect((all.status, all.required, all.achieved) == (.success, 2, 2))
  }

  @Test func `count an event that was known by any of its dots`() async throws {
    let (a, b) = (try cluster.node("a", seed: 1, [Self.steps]), try cluster.node("b", seed: 2, [Self.steps]))
    let request = ULID(at: .noon, low80: 5)
    for node in [a, b] { _ = try await append("same", to: node, .one, request: request) }
    let outcome = try await Relay("steps", from: LocalPeer(b), to: LocalPeer(a), node: a.id).run()
    await a.hear(try #require(outcome.source), in: "steps")
    // B never got A's record, and can't be asked: it holds the event by its own.
    cluster.cut("b")
    let receipt = try await append("same", to: a, .two, .milliseconds(1), request: request)
    #expect((receipt.status, receipt.achieved, receipt.known) == (.success, 2, 1))
    let both = try await a[Self.steps].append(
      [Step(name: "same"), Step(name: "new")], at: .noon, request: request, consistency: .two, timeout: .milliseconds(1))
    #expect((both.status, both.achieved, both.known) == (.partial, 1, 1))
  }

  /// Worlds of one seed draw one origin: this is the node, and what it was before it was restored from a backup.
  @Test func `count nobody who holds another log under the same origin, however long`() async throws {
    let (node, other) = (try cluster.node("a", seed: 1, [Self.steps]), try cluster.node("b", seed: 2, [Self.steps]))
    let before = try LaterbaseNode([Self.steps], storage: .memory, options: NodeOptions(), world: .still(seed: 1))
    for node in [node, before] { _ = try await append("same", to: node, .one, request: ULID(at: .noon, low80: 1)) }
    for n in 0..<4 { _ = try await append("lost \(n)", to: before, .one) }
    let request = ULID(at: .noon, low80: 2)
    _ = try await append("after", to: node, .one, request: request)
    let held = try #require(try await LocalPeer(before).clock(of: "steps"))
    let mine = try await node.catalog.open("steps").set.state
    #expect(held.clock[try #require(mine.own)] > mine.records)
    cluster.cut("b")
    for _ in 0..<2 {
      try await pull(held, by: other, from: node)
      let receipt = try await append("after", to: node, .two, .milliseconds(1), request: request)
      #expect((receipt.status, receipt.achieved, receipt.known) == (.partial, 1, 1))
      // A new origin is minted here, and then its old one is not the own any more.
      _ = try await append("next", to: node, .one)
    }
    #expect(try await node.catalog.open("steps").set.state.own != mine.own)
  }

  /// What a node lost of its own log is recorded anew under another origin, and the winner's records have the numbers that it had.
  @Test func `count nobody by the numbers of a log that was cut meanwhile`() async throws {
    let (node, other) = (try cluster.node("a", seed: 1, [Self.steps]), try cluster.node("b", seed: 2, [Self.steps]))
    let before = try LaterbaseNode([Self.steps], storage: .memory, options: NodeOptions(), world: .still(seed: 1))
    for node in [node, before] { _ = try await append("same", to: node, .one, request: ULID(at: .noon, low80: 1)) }
    for n in 0..<4 { _ = try await append("lost \(n)", to: before, .one) }
    _ = try await append("after", to: node, .one)
    _ = try await Relay("steps", from: LocalPeer(before), to: LocalPeer(other), node: other.id).run()
    let a = try await node.catalog.open("steps")
    let all = try a.set.feedAll().events.map { ElementID(ulid: $0.ulid, digest: Digest.sha256([UInt8]($0.body.utf8).raw).first16) }
    let dots = try a.dots(of: all)
    let outcome = try await Relay("steps", from: LocalPeer(other), to: LocalPeer(node), node: node.id).run()
    #expect(outcome.forked.count == 1 && outcome.parked.isEmpty)
    await node.hear(try #require(outcome.source), in: "steps")
    #expect(a.set.state.clock.covers(try await other.catalog.open("steps").set.state.clock))
    cluster.cut("b")
    #expect(await node.copies(of: dots, in: a, at: .two, timeout: .milliseconds(1)).achieved == 1)
  }

  @Test func `of reads bring what a quorum wrote, and say when too few are there`() async throws {
    let nodes = try three()
    for node in nodes { _ = try await node.catalog.create("steps") }
    _ = try await append("at b", to: nodes[1], .two)
    _ = try await append("at c", to: nodes[2], .one)
    cluster.cut("b")
    let a = try await nodes[0].catalog.open("steps")
    try await nodes[0].reach(.quorum, in: a, timeout: .seconds(60))
    #expect(a.set.state.clock.covers(try await nodes[2].catalog.open("steps").set.state.clock))
    let few = await #expect(throws: LaterbaseError.self) { try await nodes[0].reach(.all, in: a, timeout: .milliseconds(1)) }
    #expect(few?.slug == .behind)
    cluster.cut("b", false)
    try await nodes[0].reach(.all, in: a, timeout: .seconds(60))
    #expect(a.set.state.elements == 2)
    try await nodes[0].reach(.one, in: a, timeout: .zero)
  }

  @Test func `of reads that only a node which can't be reached could give, are behind`() async throws {
    let nodes = try three()
    let receipt = try await append("at b", to: nodes[1], .one)
    let a = try await nodes[0].catalog.create("steps").database
    cluster.cut("b")
    let clock = try #require(receipt.clock)
    let behind = await #expect(throws: LaterbaseError.self) { try await nodes[0].wait(atLeast: clock, in: a, timeout: .milliseconds(1)) }
    #expect(behind?.slug == .behind)
    cluster.cut("b", false)
    // Many that wait pull once, not each for itself; all of them are answered.
    try await withThrowingTaskGroup { group in
      for _ in 0..<20 { group.addTask { try await nodes[0].wait(atLeast: clock, in: a, timeout: .seconds(60)) } }
      try await group.waitForAll()
    }
    #expect(a.set.state.records == 1)
  }

  // MARK: receipts

  private func pull(_ held: PeerClock, by node: LaterbaseNode, from other: LaterbaseNode) async throws {
    _ = try await LocalPeer(other).pull("steps", PullRequest(node: node.id, held: held.clock, audit: held.audit)) { (_) throws(SyncError) in
    }
  }

  @Test func `tell who holds what, of every log, by what each said last`() async throws {
    let nodes = try three()
    let clocks = try await (0..<3).asyncMap { n in
      _ = try await append("event \(n)", to: nodes[0], .one)
      return try #require(try await LocalPeer(nodes[0]).clock(of: "steps"))
    }
    let a = try await nodes[0].catalog.open("steps")
    let stranger = Origin(value: 99)
    _ = try await LocalPeer(nodes[0]).pull("steps", PullRequest(node: stranger, held: clocks[2].clock)) { (_) throws(SyncError) in }
    let alone = try nodes[0].receipts(of: a)
    #expect((alone.unsynced, alone.oldest, alone.holders.count, alone.isSafeToWipe) == (3, .noon, 0, false))
    try await pull(clocks[1], by: nodes[1], from: nodes[0])
    #expect(try nodes[0].receipts(of: a).unsynced == 1)
    try await pull(clocks[2], by: nodes[2], from: nodes[0])
    let whole = try nodes[0].receipts(of: a)
    #expect((whole.unsynced, whole.oldest, whole.isSafeToWipe) == (0, nil, true))
    #expect(Set(whole.holders.map { "\($0.member.name) \($0.lacks)" }) == ["b 1", "c 0"])
    // Restored from a backup it holds less, and says so.
    try await pull(clocks[0], by: nodes[2], from: nodes[0])
    #expect(try nodes[0].receipts(of: a).unsynced == 1)
    try await pull(clocks[2], by: nodes[2], from: nodes[0])
    cluster.remove("c")
    #expect(try nodes[0].receipts(of: a).unsynced == 1)
  }

  @Test func `raise an alarm at whoever is pulled from, where equal clocks mean different sets`() async throws {
    let news = Mutex<[PeerNews]>([])
    let node = try cluster.node("a", seed: 1, [Self.steps]) { told in news.withLock { $0.append(told) } }
    let other = try cluster.node("b", seed: 2, [Self.steps])
    _ = try await append("event", to: node, .one)
    var held = try #require(try await LocalPeer(node).clock(of: "steps"))
    try await pull(held, by: other, from: node)
    #expect(try await node.receipts(of: node.catalog.open("steps")).alarms == 0)
    held.audit?.elements += 1
    for _ in 0..<2 { try await pull(held, by: other, from: node) }
    #expect(try await node.receipts(of: node.catalog.open("steps")).alarms == 2)
    // A person is told once.
    #expect(news.withLock { $0.map(\.kind) } == [.alarm])
  }
}

extension Sequence {
  fileprivate func asyncMap<R>(_ change: (Element) async throws -> R) async rethrows -> [R] {
    var results: [R] = []
    for element in self { results.append(try await change(element)) }
    return results
  }
}
