import EventModel
import StoreConformance
import Testing
import ViewKit
import ViewLaws

@testable import Replication

@Suite struct `The membership` {
  static let ids = (1...3).map { Origin(value: $0) }

  static func event(_ random: inout some RandomNumberGenerator) -> NodeEvent {
    let id = ids.randomElement(using: &random) ?? ids[0]
    let revision = UInt64.random(in: 1...6, using: &random)
    switch Int.random(in: 0..<10, using: &random) {
    case 0..<4:
      let name = "n\(Int.random(in: 0..<3, using: &random))"
      let address = Bool.random(using: &random) ? "http://\(name)" : nil
      return .profile(
        Member(id: id, name: name, address: address, region: "eu", role: address == nil ? .device : .server), revision: revision)
    case 4..<8:
      let database = ["a", "b"].randomElement(using: &random) ?? "a"
      return .holding(id, revision: revision, database: database, holds: .random(using: &random))
    case 8: return .left(id, revision: revision)
    default: return .removed(id)
    }
  }

  /// What the views say of events that happened in this order.
  static func membership(_ events: [NodeEvent]) throws -> Membership {
    var members: [String: MemberRow] = [:]
    var holdings: [Key<String, String>: HoldingRow] = [:]
    for (place, event) in events.enumerated() {
      let when = Happened(id: ULID(at: Instant(milliseconds: Int64(place)), low80: 0), digest: 0)
      var member = Emit<String, MemberRow>()
      MembersView().map(event, when, emit: &member)
      for (key, row) in member.rows { members[key] = members[key]?.joined(row) ?? row }
      var holding = Emit<Key<String, String>, HoldingRow>()
      HoldingsView().map(event, when, emit: &holding)
      for (key, row) in holding.rows { holdings[key] = holdings[key]?.joined(row) ?? row }
    }
    return Membership(members: members.map { ($0.key, $0.value) }, holdings: holdings.map { ($0.key, $0.value) })
  }

  @Test func `is the same for every order of arrival`() throws {
    try ViewLaws.check(MembersView()) { Self.event(&$0) }
    try ViewLaws.check(HoldingsView()) { Self.event(&$0) }
  }

  /// A node never writes two things under one revision; then not even the order of happening counts.
  @Test(arguments: 1...200 as ClosedRange<UInt64>)
  func `is decided by revisions, not by wall clocks`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var revisions: [Origin: UInt64] = [:]
    let events = (0..<30).map { _ -> NodeEvent in
      let event = Self.event(&random)
      func next(_ id: Origin) -> UInt64 {
        revisions[id, default: 0] += 1
        return revisions[id] ?? 0
      }
      switch event {
      case .profile(let member, _): return .profile(member, revision: next(member.id))
      case .holding(let id, _, let database, let holds): return .holding(id, revision: next(id), database: database, holds: holds)
      case .left(let id, _): return .left(id, revision: next(id))
      case .removed: return event
      }
    }
    let expected = try Self.membership(events)
    for _ in 0..<5 { #expect(try Self.membership(events.shuffled(using: &random)) == expected, "seed \(seed)") }
    for id in Self.ids where events.contains(NodeEvent.removed(id)) { #expect(expected.standing(of: id) == .removed, "seed \(seed)") }
  }

  @Test(arguments: 1...200 as ClosedRange<UInt64>)
  func `is told what is not true of a node, and no more than that`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let events = (0..<Int.random(in: 0..<20, using: &random)).map { _ in Self.event(&random) }
    let before = try Self.membership(events)
    let me = Member(id: Self.ids[0], name: "me", address: "http://me", region: "us", role: .server)
    let holding = Set(["a", "c"].filter { _ in .random(using: &random) })
    let corrections = before.corrections(by: me, holding: holding)
    let after = try Self.membership(events + corrections)
    if before.standing(of: me.id) == .removed {
      #expect(corrections.isEmpty, "seed \(seed)")
      #expect(!after.members.contains(me))
    } else {
      #expect(after.members.contains(me), "seed \(seed)")
      #expect(Set(after.databases(heldBy: me.id)) == holding, "seed \(seed)")
      // As long as nothing changes nothing is said.
      #expect(after.corrections(by: me, holding: holding).isEmpty, "seed \(seed)")
    }
    // Of others nothing is said.
    for id in Self.ids.dropFirst() { #expect(after.entries[id] == before.entries[id], "seed \(seed)") }
  }

  @Test func `names those that hold a database, and not who left or was removed`() throws {
    let members = Self.ids.map { Member(id: $0, name: "n", address: nil, region: "eu", role: .device) }
    var events = members.flatMap { [NodeEvent.profile($0, revision: 1), .holding($0.id, revision: 2, database: "a", holds: true)] }
    #expect(try Self.membership(events).members(holding: "a") == members)
    #expect(try Self.membership(events).members(holding: "b").isEmpty)
    #expect(try Self.membership(events).members(holding: "_nodes") == members)
    events += [.left(Self.ids[0], revision: 3), .removed(Self.ids[1]), .holding(Self.ids[2], revision: 3, database: "a", holds: false)]
    let after = try Self.membership(events)
    #expect(after.members(holding: "a").isEmpty && after.members == [members[2]])
    #expect(after.standing(of: Self.ids[0]) == .left && after.standing(of: Self.ids[1]) == .removed)
    let back = try Self.membership(events + [.profile(members[0], revision: 4), .profile(members[1], revision: 9)])
    #expect(back.members == [members[0], members[2]])
  }

  @Test func `is behind a node that came back until that is read, and not behind one that left since`() throws {
    let member = Member(id: Self.ids[0], name: "n", address: nil, region: "eu", role: .device)
    let said: [NodeEvent] = [
      .profile(member, revision: 1), .left(member.id, revision: 2), .profile(member, revision: 3), .left(member.id, revision: 4),
    ]
    // By how much of that it had said when it introduced itself: how much may be read while the introduction still counts.
    for (revision, last) in [(0, 0), (2, 2), (4, 4)] {
      let introduction = Introduction(cluster: "c", member, revision: UInt64(revision))
      for read in 0...4 {
        #expect(try Self.membership(Array(said[..<read])).isBehind(introduction) == (read <= last), "\(revision), \(read) read")
      }
      #expect(try !Self.membership([.removed(member.id)]).isBehind(introduction))
    }
    var moved = member
    moved.address = "http://elsewhere"
    for revision in 0...2 {
      #expect(try Self.membership([said[0]]).isBehind(Introduction(cluster: "c", moved, revision: UInt64(revision))))
    }
    #expect(try !Self.membership([.profile(moved, revision: 5)]).isBehind(Introduction(cluster: "c", member, revision: 4)))
    // What it holds says nothing of who it is.
    let holding = NodeEvent.holding(member.id, revision: 2, database: "x", holds: true)
    #expect(try Self.membership([holding]).isBehind(Introduction(cluster: "c", member)))
  }

  @Test func `is written as JSON that a person can read, and read back`() throws {
    let id = Origin(value: 7)
    let texts: [(NodeEvent, String)] = [
      (
        .profile(Member(id: id, name: "a", address: "http://a", region: "eu", role: .server), revision: 1),
        #"{"address":"http://a","name":"a","node":"\#(id)","region":"eu","revision":1,"role":"server"}"#
      ),
      (.holding(id, revision: 2, database: "x", holds: true), #"{"database":"x","holds":true,"node":"\#(id)","revision":2}"#),
      (.left(id, revision: 3), #"{"left":true,"node":"\#(id)","revision":3}"#), (.removed(id), #"{"node":"\#(id)","removed":true}"#),
    ]
    for (event, text) in texts {
      let json = try EventEncoder().encode(event)
      #expect(json.description == text)
      #expect(try EventDecoder().decode(NodeEvent.self, from: json) == event)
    }
    for text in [#"{"node":"x","removed":true}"#, #"{"node":"\#(id)"}"#, #"{"node":"\#(id)","revision":-1,"left":true}"#] {
      #expect(throws: (any Error).self) { try EventDecoder().decode(NodeEvent.self, from: JSON(parsing: Array(text.utf8))) }
    }
  }

  @Test func `takes no introduction with texts without bounds, or an address that is no URL`() {
    func fault(_ cluster: String, _ name: String, _ address: String?, _ region: String) -> String? {
      Introduction(cluster: cluster, Member(id: Self.ids[0], name: name, address: address, region: region, role: .server)).fault
    }
    let long = String(repeating: "x", count: 256)
    #expect(fault("c", "n", "https://a", "r") == nil && fault("c", "", nil, "r") == nil)
    for (cluster, name, address, region) in [
      ("", "n", nil, "r"), (long, "n", nil, "r"), ("c", long, nil, "r"), ("c", "n", nil, ""), ("c", "n", nil, long),
      ("c", "n", "http+unix://%2Ftmp%2Fx", "r"), ("c", "n", "http://" + String(repeating: "x", count: 2048), "r"),
    ] { #expect(fault(cluster, name, address, region) != nil) }
  }
}
