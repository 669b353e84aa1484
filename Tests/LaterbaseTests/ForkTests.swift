import EventModel
import EventStore
import Replication
import StoreConformance
import Testing
import ViewEngine
import ViewKit

@testable import Laterbase

private let steps = Database("steps", of: Step.self) {
  ByName()
  LastName()
}

/// A node on a disk that can be copied. Nothing tells a copy from the original.
private final class Holder {
  let node: LaterbaseNode
  let disks: MemoryEventStoreProvider

  init(_ disks: MemoryEventStoreProvider, seed: UInt64) throws {
    self.disks = disks
    node = try LaterbaseNode([steps], storage: .custom(disks), options: NodeOptions(), world: .still(seed: seed))
  }

  deinit { node.close() }

  var isEmpty: Bool { get throws { try node.catalog.names().isEmpty } }

  func set() async throws -> EventSet { try await node.catalog.open("steps").set }

  /// What a follower does, once. Both see the other's clock.
  func pull(from other: Holder) async throws {
    do throws(SyncError) {
      let outcome = try await Relay("steps", from: LocalPeer(other.node), to: LocalPeer(node), node: node.id).run()
      #expect(outcome.alarm == nil)
      if let source = outcome.source { await node.hear(source, in: "steps") }
    } catch {
      // Before the first append.
      guard error.code == .notHeld else { throw error }
    }
  }

  func elements() async throws -> Set<String> {
    var elements: Set<String> = []
    _ = try await set().range { (event, body) throws(StoreError) in
      elements.insert("\(event.ulid) \([UInt8](copying: body).text)")
      return true
    }
    return elements
  }

  func views() async throws -> [String] {
    let counts = try await node[steps].rows(of: ByName()).map { "\($0.key): \($0.value.count)" }
    return counts + (try await node[steps].rows(of: LastName()).map { "\($0.key): \($0.value.name)" })
  }
}

/// Reads the feed wherever it comes by, with one clock.
private struct Consumer {
  var clock = Clock()
  var got: Set<String> = []

  mutating func read(at holder: Holder, limit: Int) async throws {
    guard let token = Clock(token: clock.token), try !holder.isEmpty else { return }
    var (count, read) = (0, Set<String>())
    let page = try await holder.set().feed(after: token) { (event, body) throws(StoreError) in
      read.insert("\(event.ulid) \([UInt8](copying: body).text)")
      count += 1
      return count < limit
    }
    (clock, got) = (page.clock, got.union(read))
  }
}

/// Disks that are cloned, rolled back and destroyed, so that logs fork; nothing notices before nodes meet.
@Suite struct `Nodes whose logs fork` {
  /// Random histories of up to six nodes: appends (some repeated at another node), one-way pulls, reads of views, a wandering consumer,
  /// backups, disks rolled back to one, disks cloned, nodes gone for ever.
  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func `end with one log an origin, every event, right views, and a consumer that missed nothing`(seed: UInt64) async throws {
    var random = SeededRandom(seed: seed)
    var (made, consumer) = (seed * 1000, Consumer())
    func holder(_ disks: MemoryEventStoreProvider) throws -> Holder {
      made += 1
      return try Holder(disks, seed: made)
    }
    var holders: [Holder] = []
    for _ in 0..<2 + random.next() % 3 { holders.append(try holder(MemoryEventStoreProvider())) }
    var backups: [MemoryEventStoreProvider] = []
    for _ in 0..<10 + random.next() % 50 {
      let at = Int(random.next() % UInt64(holders.count))
      let here = holders[at]
      switch random.next() % 100 {
      case 0..<42:
        let number = random.next() % 40
        let request = ULID(at: .noon, low80: UInt128(number))
        try await here.node[steps].append([Step(name: "n\(number % 7)")], at: .noon, request: request)
      case 42..<70:
        let other = holders[Int(random.next() % UInt64(holders.count))]
        if other !== here { try await here.pull(from: other) }
      case 70..<76: if try !here.isEmpty { _ = try await here.views() }
      case 76..<83: try await consumer.read(at: here, limit: [1, 3, 100][Int(random.next() % 3)])
      case 83..<87: backups.append(here.disks.copy())
      case 87..<92: if !backups.isEmpty { holders[at] = try holder(backups[Int(random.next() % UInt64(backups.count))].copy()) }
      case 92..<97: if holders.count < 6 { holders.append(try holder(here.disks.copy())) }
      default: if holders.count > 2 { holders.remove(at: at) }
      }
    }
    var wanted: Set<String> = []
    for holder in holders where try !holder.isEmpty { wanted.formUnion(try await holder.elements()) }
    if wanted.isEmpty { return }
    try await level(holders, &random, seed)
    try await consumer.read(at: holders[0], limit: .max)
    #expect(consumer.got.isSuperset(of: wanted), "seed \(seed): the consumer missed \(wanted.subtracting(consumer.got).count)")
    let fresh = try holder(MemoryEventStoreProvider())
    try await fresh.pull(from: holders[0])
    for holder in holders {
      #expect(try await holder.elements() == wanted, "seed \(seed)")
      #expect(try await holder.set().verify().faults == [], "seed \(seed)")
      #expect(try await holder.views() == fresh.views(), "seed \(seed)")
      #expect(try await holder.node.catalog.open("steps").views.verify().faults == [], "seed \(seed)")
    }
  }

  private func level(_ holders: [Holder], _ random: inout SeededRandom, _ seed: UInt64) async throws {
    for _ in 0..<60 {
      for _ in 0..<holders.count * holders.count {
        let (a, b) = (Int(random.next() % UInt64(holders.count)), Int(random.next() % UInt64(holders.count)))
        if a != b { try await holders[a].pull(from: holders[b]) }
      }
      var clocks: Set<PeerClock?> = []
      for holder in holders { clocks.insert(try await LocalPeer(holder.node).clock(of: "steps")) }
      if clocks.count == 1 { return }
    }
    Issue.record("seed \(seed): the nodes don't become level")
  }

  /// Nobody tells the one that loses of the other: it has no address to call, and isn't pushed to.
  @Test(arguments: [(1, 3), (3, 1), (2, 2)]) func `are healed when one only pulls, and the other is only pulled from`(
    here: Int, there: Int
  ) async throws {
    let a = try Holder(MemoryEventStoreProvider(), seed: 1)
    for name in ["x", "y"] { try await a.node[steps].append([Step(name: name)]) }
    let disks = a.disks.copy()
    let b = try LaterbaseNode(
      [steps], storage: .custom(disks), peers: [LocalPeer(a.node, name: "a")], options: NodeOptions(), world: .still(seed: 2))
    for n in 0..<here { try await a.node[steps].append([Step(name: "a\(n)")]) }
    for n in 0..<there { try await b[steps].append([Step(name: "b\(n)")]) }
    let origin = try #require(try await a.set().state.own)
    #expect(try await b.catalog.open("steps").set.state.own == origin)
    let run = Task { try await b.run() }
    let (setA, setB) = (try await a.set(), try await b.catalog.open("steps").set)
    let deadline = ContinuousClock.now + .seconds(100)
    while setA.state.clock.entry(origin) != setB.state.clock.entry(origin) || setB.state.elements != UInt64(2 + here + there) {
      guard ContinuousClock.now < deadline else {
        Issue.record("the one that loses is not healed")
        break
      }
      try await Task.sleep(for: .milliseconds(5))
    }
    #expect([setA, setB].compactMap { $0.state.forked[origin] }.reduce(0, +) == 1)
    for set in [setA, setB] { #expect(try set.verify().faults == []) }
    run.cancel()
    _ = await run.result
    b.close()
  }

  /// One past, two files that both went on: whichever loses.
  @Test(arguments: [(1, 3), (3, 1), (2, 2)]) func `are level after one sync`(here: Int, there: Int) async throws {
    let a = try Holder(MemoryEventStoreProvider(), seed: 1)
    for name in ["x", "y"] { try await a.node[steps].append([Step(name: name)]) }
    let b = try Holder(a.disks.copy(), seed: 2)
    for n in 0..<here { try await a.node[steps].append([Step(name: "a\(n)")]) }
    for n in 0..<there { try await b.node[steps].append([Step(name: "b\(n)")]) }
    let origin = try #require(try await a.set().state.own)
    #expect(try await b.set().state.own == origin)
    _ = try await (a.views(), b.views())
    _ = try await a.node.sync(with: LocalPeer(b.node))
    #expect(try await LocalPeer(a.node).clock(of: "steps") == LocalPeer(b.node).clock(of: "steps"))
    #expect(try await a.set().state.elements == UInt64(2 + here + there))
    #expect(try await a.views() == b.views())
    let repairs = try await [a.set().state.forked[origin], b.set().state.forked[origin]]
    #expect(repairs.compactMap(\.self).sorted() == [0, 1])
    for holder in [a, b] {
      try await holder.node[steps].append([Step(name: "after")])
      #expect(try await holder.set().state.own != origin)
    }
    #expect(try await a.node.sync(with: LocalPeer(b.node)) == (1, 1))
  }
}
