import EventModel
import EventStore
import StoreConformance
import Synchronization
import Testing

@testable import Replication

@Suite struct `A relay` {
  private func bodies(_ count: Int, _ name: String) -> [String] { (0..<count).map { "{\"\(name)\":\($0)}" } }

  @Test func `brings all that the target lacks, exchange by exchange, and then nothing`() async throws {
    let (source, target) = (try SetPeer("a", seed: 1), try SetPeer("b", seed: 2))
    try await source.append(bodies(100, "a"))
    try await target.append(bodies(10, "b"))
    let counted = Mutex(0)
    let outcome = try await Relay("things", from: source, to: target).run { count in counted.withLock { $0 += count } }
    #expect(outcome.records == 100 && counted.withLock { $0 } == 100)
    #expect(outcome.parked.isEmpty && outcome.alarm == nil)
    #expect(source.asked.withLock { $0.count } > 3)
    #expect(target.set.state.elements == 110)
    #expect(try await Relay("things", from: source, to: target).run().records == 0)
    let (here, there) = try await Relay.level("things", source, target)
    #expect((here.records, there.records) == (10, 0))
    #expect(here.source == here.target && here.source?.clock == source.set.state.clock)
  }

  @Test(arguments: [0, 10, 20, 60, 85])
  func `parks an origin whose records are altered, and brings the others`(at offset: Int) async throws {
    let third = try SetPeer("c", seed: 3)
    try await third.append(bodies(5, "c"))
    let bad = try #require(third.set.state.own)
    let source = try SetPeer("a", seed: 1) { page in page.changing(bad) { $0[offset] ^= 1 } }
    try await source.append(bodies(5, "a"))
    _ = try await Relay("things", from: third, to: source).run()
    let target = try SetPeer("b", seed: 2)
    let outcome = try await Relay("things", from: source, to: target).run()
    #expect(outcome.parked.map(\.origin) == [bad])
    #expect(target.set.state.clock.entries.map(\.origin) == [source.set.state.own])
    #expect(target.set.state.elements == 5)
    // From an honest peer it comes.
    #expect(try await Relay("things", from: third, to: target).run().records == 5)
    #expect(target.set.state.clock == source.set.state.clock)
    try target.set.proveSound("after an altered record")
  }

  @Test func `says which log a source claims and does not send, and ends`() async throws {
    let source = try SetPeer("a", seed: 1) { _ in RecordPage() }
    try await source.append(bodies(5, "a"))
    let outcome = try await Relay("things", from: source, to: try SetPeer("b", seed: 2)).run()
    #expect(outcome.parked.map(\.origin) == [source.set.state.own])
    #expect(outcome.records == 0)
  }

  /// Worlds of one seed draw one origin, so these two are a file and its clone that both went on.
  @Test(arguments: [(3, 5), (5, 3), (4, 4)])
  func `repairs a fork from either side: the longer log wins, and all events stay`(first: Int, second: Int) async throws {
    let (a, b) = (try SetPeer("a", seed: 1), try SetPeer("b", seed: 1))
    for peer in [a, b] { try await peer.append(["{}"]) }
    try await a.append(bodies(first, "a"))
    try await b.append(bodies(second, "b"))
    let origin = try #require(a.set.state.own)
    #expect(b.set.state.own == origin)
    let heads = try [a, b].map { try #require($0.set.state.clock.entry(origin)) }
    let winner = heads[0].wins(over: heads[1]) ? heads[0] : heads[1]
    let other = try SetPeer("c", seed: 3)
    try await other.append(bodies(2, "c"))
    _ = try await Relay("things", from: other, to: a).run()
    let (toA, toB) = try await Relay.level("things", a, b)
    #expect(toA.parked.isEmpty && toB.parked.isEmpty)
    #expect(toA.forked.union(toB.forked) == [origin])
    #expect(a.set.state.clock == b.set.state.clock && a.set.state.sum == b.set.state.sum)
    #expect(a.set.state.clock.entry(origin) == winner)
    #expect(a.set.state.elements == UInt64(first + second) + 3)
    for peer in [a, b] {
      try peer.set.proveSound("repaired")
      #expect(peer.set.state.forked.keys.contains(origin))
      // Whoever wrote under it, the one that won too, doesn't go on.
      try await peer.append(["{}"])
      #expect(peer.set.state.own != origin)
    }
    #expect(try await Relay.level("things", a, b).toFirst.parked.isEmpty)
  }

  @Test(arguments: [(0, 0), (0, 2), (2, 0)])
  func `repairs a fork that begins with the first record`(first: Int, second: Int) async throws {
    let (a, b) = (try SetPeer("a", seed: 1), try SetPeer("b", seed: 1))
    for (peer, more) in [(a, first), (b, second)] {
      try await peer.append(bodies(1, peer.name))
      if more > 0 { try await peer.append(bodies(more, peer.name)) }
    }
    #expect(a.set.state.own == b.set.state.own)
    let (toA, toB) = try await Relay.level("things", a, b)
    #expect(toA.parked.isEmpty && toB.parked.isEmpty)
    #expect(a.set.state.clock == b.set.state.clock && a.set.state.elements == UInt64(first + second) + 2)
    for peer in [a, b] { try peer.set.proveSound("repaired") }
  }

  @Test func `leaves a fork alone whose source loses: that is for the source to repair`() async throws {
    let (a, b) = (try SetPeer("a", seed: 1), try SetPeer("b", seed: 1))
    for peer in [a, b] { try await peer.append(["{}"]) }
    try await a.append(bodies(5, "a"))
    try await b.append(bodies(2, "b"))
    #expect(a.set.state.own == b.set.state.own)
    let before = a.set.state.clock
    _ = try await Relay("things", from: b, to: a).run()
    #expect(a.set.state.clock == before)
    #expect(b.set.state.elements == 3 && b.set.state.cuts == 0)
  }

  /// Longer than an exchange and its pages: what is equal is sent too, in several.
  @Test func `repairs a long fork, exchange by exchange`() async throws {
    let (a, b) = (try SetPeer("a", seed: 1), try SetPeer("b", seed: 1))
    for peer in [a, b] { for part in 0..<4 { try await peer.append(bodies(20, "common \(part)")) } }
    try await a.append(bodies(90, "a"))
    try await b.append(bodies(70, "b"))
    let outcome = try await Relay("things", from: a, to: b).run()
    #expect(outcome.parked.isEmpty && outcome.alarm == nil)
    #expect(b.set.state.elements == 240)
    #expect(b.set.state.clock.covers(a.set.state.clock))
    // Of the log that forked not much more than twice what differs went over.
    #expect(outcome.records <= 90 + 80)
    try b.set.proveSound("repaired")
  }

  @Test func `serves a damaged log up to the damage, raises no alarm for it, and has it mended by whoever holds it`() async throws {
    let (a, b, c) = (try SetPeer("a", seed: 1), try SetPeer("b", seed: 2), try SetPeer("c", seed: 3))
    try await a.append(bodies(5, "a"))
    _ = try await Relay("things", from: a, to: b).run()
    let origin = try #require(a.set.state.own)
    try a.set.damage(Dot(origin: origin, n: 3))
    let found = try await Relay("things", from: a, to: c).run()
    #expect(found.records == 2 && found.parked.isEmpty && found.alarm == nil)
    #expect(found.source?.audit == nil && found.source?.clock == c.set.state.clock)
    let (toA, toB) = try await Relay.level("things", a, b)
    #expect((toA.records, toB.records) == (3, 0))
    #expect(toA.parked.isEmpty && toA.alarm == nil)
    #expect(toA.target == PeerClock(b.set) && toA.target?.audit != nil)
    try a.set.proveSound("mended")
  }

  @Test func `raises the alarm where equal clocks have other sets`() {
    let clock = Clock(Clock.Entry(origin: Origin(value: 1), n: 2, digest: 3))
    let audits = [1, 2].map { PeerClock.Audit(elements: $0, sum: AuditSum(high: 0, low: 9)) }
    var state = RelayState(held: PeerClock(clock, audit: audits[0]))
    #expect(state.ended(PullEnd(PeerClock(clock, audit: audits[1]))) == .level)
    #expect(state.alarm?.contains("equal clocks") == true)
    #expect(state.ended(PullEnd(PeerClock(clock, audit: audits[0]))) == .level)
    #expect(state.alarm == nil)
    // A damaged log counts nothing; other clocks say nothing.
    #expect(PeerClock(clock, audit: nil).alarm(beside: PeerClock(clock, audit: audits[0])) == nil)
    #expect(PeerClock(audit: audits[1]).alarm(beside: PeerClock(clock, audit: audits[0])) == nil)
  }

  @Test func `levels with what a source held at first, though it is written to all the time`() {
    let origin = Origin(value: 1)
    let held = { (n: UInt64) in PeerClock(Clock(Clock.Entry(origin: origin, n: n, digest: n)), audit: nil) }
    var state = RelayState(held: PeerClock(audit: nil))
    state.pushed(5, held: held(5))
    #expect(state.ended(PullEnd(held(9))) == .exchange)
    state.pushed(4, held: held(9))
    #expect(state.ended(PullEnd(held(20))) == .level)
    #expect(state.parked.isEmpty)
  }

  /// A source leaves out what it heard that the target holds.
  @Test func `asks the target what it holds before it parks a log, and the source once more if that is news`() {
    let held = { (n: UInt64) in PeerClock(Clock(Clock.Entry(origin: Origin(value: 1), n: n, digest: n)), audit: nil) }
    func state() -> RelayState {
      var state = RelayState(held: held(5))
      #expect(state.ended(PullEnd(held(9))) == .look)
      return state
    }
    var gotElsewhere = state()
    #expect(gotElsewhere.looked(held(9)) == .level)
    #expect(gotElsewhere.parked.isEmpty && gotElsewhere.held == held(9))
    var same = state()
    #expect(same.looked(held(5)) == .level)
    #expect(same.parked.count == 1)
    var restored = state()
    #expect(restored.looked(held(3)) == .exchange)
    #expect(restored.asked.clock == held(3).clock && restored.parked.isEmpty)
    restored.pushed(6, held: held(9))
    #expect(restored.ended(PullEnd(held(9))) == .level)
    #expect(restored.parked.isEmpty)
    // A source that sends nothing is asked no third time.
    var claimed = state()
    #expect(claimed.looked(held(6)) == .exchange)
    #expect(claimed.ended(PullEnd(held(9))) == .level)
    #expect(claimed.parked.count == 1)
  }

  @Test func `asks a second node once for both ways`() async throws {
    let (a, b) = (try SetPeer("a", seed: 1), try SetPeer("b", seed: 2))
    try await b.append(bodies(3, "b"))
    _ = try await Relay.level("things", a, b, node: Origin(value: 5))
    #expect(b.asked.withLock { $0.count } == 1)
    #expect(a.set.state.clock == b.set.state.clock)
  }

  @Test func `writes and reads the audit's sum`() {
    for sum in [AuditSum(), AuditSum(high: .max, low: .max), AuditSum(high: 1 << 127, low: 5)] { #expect(AuditSum(hex: sum.hex) == sum) }
    for wrong in ["", "0", String(repeating: "0", count: 63), String(repeating: "g", count: 64), "+" + String(repeating: "0", count: 63)] {
      #expect(AuditSum(hex: wrong) == nil)
    }
  }
}
