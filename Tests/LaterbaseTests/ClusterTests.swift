import EventModel
import EventStore
import Foundation
import LMDBStore
import Replication
import Synchronization
import Testing
import ViewKit

@testable import Laterbase

extension Laterbase.Cluster {
  fileprivate var standing: Membership.Standing? { membership.standing(of: id) }
}

@Suite struct `A cluster` {
  private static let things = Database("things")

  /// Waits for a condition; the suite's time limit ends what never comes.
  private static func until(_ condition: @Sendable () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(5)) }
  }

  private static func covers(_ node: LaterbaseNode, _ clock: Clock?, _ database: String = "things") async throws -> Bool {
    try await LocalPeer(node).clock(of: database)?.clock.covers(clock ?? Clock()) == true
  }

  private static func names(_ node: LaterbaseNode) -> [String] { node.cluster.membership.members.map(\.name).sorted() }

  /// Who isn't asked always is asked each minute; here a minute is soon over.
  @Test func `is joined by any member, and then all know all and hold the same`() async throws {
    try await Net.run { net in
      let a = try net.node("a", region: "eu", minute: .milliseconds(20))
      let b = try net.node("b", region: "eu", peers: ["a"], minute: .milliseconds(20))
      let c = try net.node("c", region: "us", peers: ["b"], minute: .milliseconds(20))
      let written = try await [a, b, c].asyncMap { try await $0[Self.things].append([["at": JSON($0.name ?? "")]]).clock }
      for node in [a, b, c] {
        try await Self.until { Self.names(node) == ["a", "b", "c"] && node.cluster.holders(of: "things").count == 2 }
        for clock in written { try await Self.until { try await Self.covers(node, clock) } }
        #expect(node.members(holding: "things").map(\.name).sorted() == ["a", "b", "c"])
        #expect(node.members(holding: "other").map(\.name) == [node.name])
        try await Self.until { try node.nodes().map(\.state) == ["live", "live", "live"] }
        try await Self.until { try node.nodes().allSatisfy { $0.databases == ["things"] && $0.lastHeard != nil && !$0.sharesName } }
        try await Self.until { try node.nodes().allSatisfy { $0.lag == 0 } }
      }
      // What is made later is found by what its holder says, at who never was told its name.
      let other = try await c[Database("other")].append([["n": 1]]).clock
      try await Self.until { try await Self.covers(a, other, "other") }
    }
  }

  @Test func `goes on when the node that all joined by is gone, also after a restart`() async throws {
    let folder = TemporaryFolder()
    try await Net.run { net in
      _ = try net.node("a")
      let b = try net.node("b", peers: ["a"])
      let c = try net.node("c", peers: ["a"], storage: .lmdb(folder: folder.path))
      try await Self.until { Self.names(b) == ["a", "b", "c"] && Self.names(c) == ["a", "b", "c"] }
      await net.stop("a")
      await net.stop("c")
      // Nobody is named to it any more: it knows the others from before.
      let again = try net.node("c", storage: .lmdb(folder: folder.path))
      #expect(again.id == c.id)
      let clock = try await b[Self.things].append([["n": 1]]).clock
      try await Self.until { try await Self.covers(again, clock) }
    }
  }

  @Test func `keeps strangers apart by its name`() async throws {
    try await Net.run { net in
      let ours = try net.node("ours", cluster: "live")
      try await ours[Self.things].append([["n": 1]])
      let staging = try net.node("staging", cluster: "staging", peers: ["ours"])
      try await Self.until { net.news.withLock { $0.contains { $0.contains("live") } } }
      let pull = await #expect(throws: SyncError.self) {
        try await LocalPeer(ours).pull("things", PullRequest(cluster: "staging", held: Clock())) { (_) throws(SyncError) in }
      }
      #expect(pull?.code == .forbidden)
      let sync = await #expect(throws: LaterbaseError.self) { try await staging.sync(with: LocalPeer(ours)) }
      #expect(sync?.slug == .forbidden)
      #expect(try staging.catalog.names().isEmpty && ours.cluster.membership == Membership())
    }
  }

  @Test func `never again talks with a node that was removed, at whichever member`() async throws {
    try await Net.run { net in
      let a = try net.node("a")
      let b = try net.node("b", peers: ["a"])
      let c = try net.node("c", peers: ["a"])
      for node in [a, b, c] { try await Self.until { Self.names(node) == ["a", "b", "c"] } }
      try await b.remove(member: c.id)
      for node in [a, b] { try await Self.until { Self.names(node) == ["a", "b"] } }
      #expect(try a.nodes().first { $0.id == c.id }?.state == "removed")
      let refused = await #expect(throws: SyncError.self) { try await LocalPeer(a).join(c.cluster.introduction) }
      #expect(refused?.code == .forbidden)
      let pull = await #expect(throws: SyncError.self) {
        try await LocalPeer(a).pull("_nodes", PullRequest(node: c.id, held: Clock())) { (_) throws(SyncError) in }
      }
      #expect(pull?.code == .forbidden)
      #expect(!b.cluster.followed().contains { $0.name == Net.address("c") })
      let unknown = await #expect(throws: LaterbaseError.self) { try await a.remove(member: Origin(value: 1)) }
      #expect(unknown?.slug == .notFound)
    }
  }

  @Test func `counts no more on a node that left, until it joins again`() async throws {
    let folder = TemporaryFolder()
    try await Net.run { net in
      let a = try net.node("a")
      let b = try net.node("b", peers: ["a"], storage: .lmdb(folder: folder.path))
      try await a[Self.things].append([["n": 1]])
      try await Self.until { a.members(holding: "things").count == 2 }
      #expect(try await b.leave() == 1)
      try await Self.until { a.members(holding: "things").count == 1 }
      #expect(try a.nodes().first { $0.id == b.id }?.state == "left")
      #expect(b.cluster.followed().isEmpty && b.members(holding: "things").map(\.id) == [b.id])
      await #expect(throws: LaterbaseError.self) { try await b.leave() }
      await net.stop("b")
      _ = try net.node("b", peers: ["a"], storage: .lmdb(folder: folder.path))
      try await Self.until { a.members(holding: "things").count == 2 }
    }
  }

  @Test func `is joined by a node that runs already, which keeps that in mind until it leaves`() async throws {
    let folder = TemporaryFolder()
    try await Net.run { net in
      let a = try net.node("a")
      let b = try net.node("b", storage: .lmdb(folder: folder.path + "/b"))
      try await b[Self.things].append([["n": 1]])
      #expect(try await b.join("http://a/").member == a.cluster.me)
      for node in [a, b] { try await Self.until { Self.names(node) == ["a", "b"] } }
      let clock = try await a[Self.things].append([["n": 2]]).clock
      try await Self.until { try await Self.covers(b, clock) }
      #expect(try await b.join("http://a").member.id == a.id)
      #expect(b.peers.map(\.name) == [Net.address("a")])
      await net.stop("b")
      // Whom a node joined a copy of its folder doesn't talk with.
      try FileManager.default.copyItem(atPath: folder.path + "/b", toPath: folder.path + "/copy")
      #expect(try net.node("copy", storage: .lmdb(folder: folder.path + "/copy")).peers.isEmpty)
      let again = try net.node("b", storage: .lmdb(folder: folder.path + "/b"))
      #expect(again.id == b.id && again.peers.map(\.name) == [Net.address("a")])
      try await Self.until { again.cluster.standing == .member }
      #expect(try await again.leave() == 1)
      #expect(again.peers.isEmpty && again.cluster.followed().isEmpty)
      try await Self.until { Self.names(a) == ["a"] }
      // Told so it comes back at once.
      _ = try await again.join("http://a")
      try await Self.until { again.cluster.standing == .member }
      try await Self.until { Self.names(a) == ["a", "b"] && a.members(holding: "things").count == 2 }
      _ = try await again.leave()
      await net.stop("b")
      let left = try net.node("b", storage: .lmdb(folder: folder.path + "/b"))
      #expect(left.peers.isEmpty)
      try await Self.until { left.cluster.standing == .left }
    }
  }

  /// The node by which it comes back takes it for a member still, and reads only then that it had left.
  @Test func `is joined again by a node whose leaving comes late`() async throws {
    try await Net.run { net in
      let a = try net.node("a")
      let b = try net.node("b")
      _ = try await b.join("http://a")
      for node in [a, b] { try await Self.until { Self.names(node) == ["a", "b"] } }
      net.cut("a")
      net.cut("b")
      let read = try #require(try await LocalPeer(a).clock(of: "_nodes")).clock
      #expect(try await b.leave() == 0)
      let left = try await b.catalog.open("_nodes").set.records(after: read).page
      net.cut("a", false)
      _ = try await b.join("http://a")
      #expect(a.cluster.membership.standing(of: b.id) == .member)
      _ = try await LocalPeer(a).push("_nodes", [left])
      try await Self.until { a.cluster.membership.standing(of: b.id) == .left }
      net.cut("b", false)
      try await Self.until { Self.names(a) == ["a", "b"] && a.members(holding: "_nodes").count == 2 }
      #expect(try await b.leave() == 1)
      try await Self.until { a.cluster.followed().isEmpty }
    }
  }

  @Test func `finds a node that is at another address after a restart, and is named to nobody`() async throws {
    let folder = TemporaryFolder()
    try await Net.run { net in
      let a = try net.node("a")
      let b = try net.node("b", peers: ["a"], storage: .lmdb(folder: folder.path))
      for node in [a, b] { try await Self.until { Self.names(node) == ["a", "b"] } }
      await net.stop("b")
      let again = try net.node("elsewhere", name: "b", storage: .lmdb(folder: folder.path))
      let clock = try await again[Self.things].append([["n": 1]]).clock
      try await Self.until { try await Self.covers(a, clock) }
      #expect(again.id == b.id)
      try await Self.until { a.cluster.membership.members.contains { $0.address == Net.address("elsewhere") } }
      try await Self.until { a.cluster.followed().map(\.name) == [Net.address("elsewhere")] }
    }
  }

  @Test func `leaves a configured node alone that was removed, but for looking whether another one is there`() async throws {
    try await Net.run { net in
      let hour = Duration.seconds(3600)
      let b = try net.node("b", minute: hour)
      let c = try net.node("c", minute: hour)
      let a = try net.node("a", peers: ["b", "c"], minute: hour)
      for node in [a, b, c] { try await Self.until { Self.names(node) == ["a", "b", "c"] } }
      try await a.remove(member: c.id)
      for node in [a, b] { try await Self.until { Self.names(node) == ["a", "b"] } }
      try await Self.until { net.pulls(by: "c") == 0 }
      #expect(a.cluster.asked().map(\.name) == [Net.address("b")])
      @Sendable func asked(_ place: String) -> Int { net.asked.withLock { $0[Net.address(place)] ?? 0 } }
      let (askedB, askedC) = (asked("b"), asked("c"))
      // One that is away is asked for ever.
      await net.stop("b")
      try await Self.until { asked("b") >= askedB + 4 }
      #expect(asked("c") <= askedC + 1)
      // Told to look there again, it finds who is there now.
      let new = try await net.replace("c")
      #expect(try await a.join("http://c").member.id == new.id)
      try await Self.until { Self.names(a) == ["a", "b", "c"] && net.pulls(by: "c") > 0 }
    }
  }

  @Test func `finds by itself who is there now where a node was removed`() async throws {
    try await Net.run { net in
      let c = try net.node("c")
      let a = try net.node("a", peers: ["c"], minute: .milliseconds(20))
      for node in [a, c] { try await Self.until { Self.names(node) == ["a", "c"] } }
      try await a.remove(member: c.id)
      try await Self.until { net.news.withLock { $0.contains { $0.contains("was removed") } } }
      _ = try await net.replace("c")
      try await Self.until { Self.names(a) == ["a", "c"] }
    }
  }

  @Test func `is joined by nobody who names what is no node of it`() async throws {
    try await Net.run { net in
      let a = try net.node("a")
      let b = try net.node("b")
      _ = try net.node("staging", cluster: "staging")
      func slug(_ url: String) async throws -> LaterbaseError.Slug? {
        await #expect(throws: LaterbaseError.self) { try await b.join(url) }?.slug
      }
      let long = "http://" + String(repeating: "a", count: 2048)
      let odd = ["http://u@a", "http://a?x", "http://a#x", "http://a b", "http://ä"]
      for url in ["", "a", "ftp://a", "http://", "http:///x", "http://:80", long] + odd {
        #expect(try await slug(url) == .badParameter, "\(url)")
      }
      #expect(try await slug("http://nobody") == .notReady)
      #expect(try await slug("http://b") == .badParameter)
      #expect(try await slug("http://staging") == .forbidden)
      #expect(b.peers.isEmpty && Self.names(b).isEmpty && Self.names(a).isEmpty)
      _ = try await b.join("http://a")
      for node in [a, b] { try await Self.until { Self.names(node) == ["a", "b"] } }
      try await a.remove(member: b.id)
      try await Self.until { b.cluster.standing == .removed }
      #expect(try await slug("http://a") == .forbidden)
    }
  }

  @Test func `follows a node that is configured under two URLs by the first that answers`() async throws {
    try await Net.run { net in
      let a = try net.node("a")
      net.add("a2", of: "a")
      try await a[Self.things].append([["n": 1]])
      let b = try net.node("b", peers: ["a", "a2", "a"])
      @Sendable func follows(by place: String, not other: String) -> Bool { net.pulls(by: place) > 0 && net.pulls(by: other) == 0 }
      func brings(_ n: Int) async throws {
        let clock = try await a[Self.things].append([["n": JSON(n)]]).clock
        try await Self.until { try await Self.covers(b, clock) }
      }
      try await brings(2)
      try await Self.until { follows(by: "a", not: "a2") && Self.names(b) == ["a", "b"] }
      // Who is at the second URL is heard later, maybe.
      try await Self.until { try b.nodes().map { $0.member?.name } == [a, b].sorted { $0.id < $1.id }.map(\.name) }
      try await Self.until { b.cluster.asked().map(\.name) == [Net.address("a")] }
      net.cut("a")
      try await brings(3)
      try await Self.until { follows(by: "a2", not: "a") }
      #expect(try b.nodes().count == 2)
      net.cut("a", false)
      try await Self.until { follows(by: "a", not: "a2") }
      net.cut("a2")
      try await brings(4)
      try await Self.until { follows(by: "a", not: "a2") }
      #expect(try await b.leave() == 1)
    }
  }

  @Test func `does not bring back a database that was removed here, until it is made here again`() async throws {
    try await Net.run { net in
      let a = try net.node("a")
      let b = try net.node("b", peers: ["a"])
      let clock = try await a[Self.things].append([["n": 1]]).clock
      try await Self.until { try await Self.covers(b, clock) }
      try await Self.until { a.cluster.holders(of: "things").map(\.id) == [b.id] }
      try await b.removeDatabase("things", losing: 0)
      try await Self.until { a.cluster.holders(of: "things").isEmpty }
      // It follows what a makes later, and that alone.
      let other = try await a[Database("other")].append([["n": 1]]).clock
      try await Self.until { try await Self.covers(b, other, "other") }
      #expect(try b.catalog.names() == ["other"])
      #expect(b.cluster.holders(of: "things").map(\.id) == [a.id])
      let set = try await a.catalog.open("things").set
      let page = try set.records(after: Clock()).page
      let refused = await #expect(throws: SyncError.self) { try await LocalPeer(b).push("things", [page]) }
      #expect(refused?.code == .refused)
      _ = try await b.catalog.create("things")
      try await Self.until { try await Self.covers(b, clock) }
    }
  }

  @Test func `loses nothing that only one node holds, unless that is confirmed`() async throws {
    try await Net.run { net in
      let a = try net.node("a")
      let b = try net.node("b", peers: ["a"])
      let clock = try await a[Self.things].append([["n": 1]]).clock
      try await Self.until { try await Self.covers(b, clock) }
      let database = try await b.catalog.open("things")
      try await Self.until { try b.receipts(of: database).unsynced == 0 }
      await net.stop("a")
      try await b[Self.things].append([["n": 2], ["n": 3]])
      for lose in [0, 1, 4] as [UInt64] {
        let error = await #expect(throws: LaterbaseError.self) { try await b.removeDatabase("things", losing: lose) }
        // The other one is away; what it said before counts.
        #expect(error?.slug == .unsynced && error?.detail.contains("lose=2") == true)
      }
      try await b.removeDatabase("things", losing: 2)
      #expect(try b.catalog.names().isEmpty)
    }
  }

  @Test func `gives a node those databases that it is to hold, and no others`() async throws {
    try await Net.run { net in
      let a = try net.node("a")
      let b = try net.node("b", peers: ["a"], databases: ["things"])
      try await a[Database("other")].append([["n": 1]])
      let clock = try await a[Self.things].append([["n": 1]]).clock
      try await Self.until { try await Self.covers(b, clock) }
      #expect(try b.catalog.names() == ["things"])
      // What is written here is held, and shared.
      try await b[Database("other")].append([["n": 2]])
      try await Self.until { try await LocalPeer(b).clock(of: "other")?.clock.entries.count == 2 }
    }
  }

  @Test func `is forgotten by a copied folder, which is another node`() async throws {
    let folder = TemporaryFolder()
    let (original, copy) = (folder.path + "/original", folder.path + "/copy")
    let id = try await Net.run { net in
      let a = try net.node("a")
      let b = try net.node("b", peers: ["a"], storage: .lmdb(folder: original))
      try await a[Self.things].append([["n": 1]])
      try await Self.until { Self.names(b) == ["a", "b"] && b.members(holding: "things").count == 2 }
      return b.id
    }
    let empty = try LaterbaseNode([], storage: .lmdb(folder: copy))
    _ = (try await empty.catalog.createSystem("_nodes"), try await empty.catalog.create("things"))
    empty.close()
    for file in ["node.json", "db/_nodes/data.mdb", "db/_nodes/start", "db/things/data.mdb", "db/things/start"] {
      // A database that was only merged into has no start mark yet.
      guard let bytes = try DataFolder.contents(original + "/" + file) else { continue }
      try DataFolder.replace(copy + "/" + file, with: bytes)
    }
    try await Net.run { net in
      let node = try net.node("b", storage: .lmdb(folder: copy))
      #expect(node.id != id)
      try await node.readMembershipIfThere()
      #expect(node.cluster.membership == Membership() && node.cluster.followed().isEmpty)
      #expect(try node.catalog.names() == ["things"])
    }
  }

  @Test func `marks a name that two live nodes have`() async throws {
    try await Net.run { net in
      let a = try net.node("a", name: "scanner")
      _ = try net.node("b", name: "scanner", peers: ["a"])
      try await Self.until { try a.nodes().filter(\.sharesName).count == 2 }
    }
  }

  @Test func `has a membership that clients can't write to`() async throws {
    let node = try LaterbaseNode([], storage: .memory)
    for round in 0..<2 {
      let error = await #expect(throws: LaterbaseError.self) { try await node[Database("_nodes")].append([["node": "x"]]) }
      #expect(error?.slug == .forbidden, "round \(round)")
      _ = try await node.catalog.createSystem("_nodes")
    }
    #expect(try node.catalog.names().isEmpty)
  }

  /// With a minute that is over at once the other holders ask, too: what is cut for one node alone isolates no region.
  @Test func `brings news through whoever of a region has a way`() async throws {
    try await Net.run { net in
      let first = try net.node("a", region: "eu", minute: .milliseconds(20))
      let second = try net.node("b", region: "eu", peers: ["a"], minute: .milliseconds(20))
      let far = try net.node("c", region: "us", peers: ["a"], minute: .milliseconds(20))
      for node in [first, second, far] { try await Self.until { Self.names(node) == ["a", "b", "c"] } }
      for _ in 0..<5 {
        let clock = try await far[Self.things].append([["n": 1]]).clock
        for node in [first, second] { try await Self.until { try await Self.covers(node, clock) } }
      }
    }
  }
}

extension LaterbaseNode {
  fileprivate func readMembershipIfThere() async throws {
    if (try? await catalog.open("_nodes")) != nil { try await readMembership() }
  }
}

extension Sequence {
  fileprivate func asyncMap<R>(_ change: (Element) async throws -> R) async rethrows -> [R] {
    var results: [R] = []
    for element in self { results.append(try await change(element)) }
    return results
  }
}
