import EventModel
import EventStore
import StoreConformance
import Testing

@testable import Replication

@Suite struct `What others hold` {
  private static func clock(_ numbers: [UInt64]) -> Clock {
    Clock(numbers.enumerated().map { Clock.Entry(origin: Origin(value: UInt64($0.offset + 1)), n: $0.element, digest: $0.element) })
  }

  @Test func `is what each told last, also where that is less`() {
    var table = HeldTable()
    let node = Origin(value: 7)
    func note(_ numbers: [UInt64], at milliseconds: Int64) -> Bool {
      table.note(node, Self.clock(numbers), at: Instant(milliseconds: milliseconds))
    }
    #expect(note([3, 1], at: 1))
    #expect(!note([3, 1], at: 2))
    #expect(table.entries[node]?.heard == Instant(milliseconds: 2))
    #expect(note([1], at: 3))
    #expect(table.entries[node]?.clock == Self.clock([1]))
    var dots = ElementDots()
    dots.add([Dot(origin: Origin(value: 1), n: 2)])
    #expect(table.holders(of: dots).isEmpty)
    #expect(note([2], at: 4))
    #expect(table.holders(of: dots) == [node])
  }

  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func `is the last word and the records that came since, and nothing of what was before`(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var table = HeldTable()
    let node = Origin(value: 7)
    var expected: Clock?
    var turn: UInt64 = 0
    for step in 0..<60 {
      let clock = random.clock(origins: 6)
      let before = expected
      if random.chance(1, in: 3) {
        table.note(node, clock, at: Instant(milliseconds: Int64(step)))
        expected = clock
      } else {
        let isNews = table.prove(node, holds: clock)
        expected = expected.map { $0.merged(clock) }
        #expect(isNews == (expected != before), "seed \(seed)")
      }
      #expect(table.entries[node]?.clock == expected && table.entries[node]?.told == expected, "seed \(seed)")
      if expected != before { #expect(table.entries[node]?.turn ?? 0 > turn, "seed \(seed)") }
      turn = table.entries[node]?.turn ?? 0
    }
  }

  @Test func `keeps what was told of other logs apart`() {
    var table = HeldTable()
    let node = Origin(value: 7)
    table.note(node, Self.clock([3]), told: Self.clock([3, 5]), at: .init(milliseconds: 1))
    let isNews = [table.prove(node, holds: Self.clock([4])), table.prove(node, holds: Self.clock([2]))]
    #expect(isNews == [true, false])
    #expect(table.entries[node]?.clock == Self.clock([4]) && table.entries[node]?.told == Self.clock([4, 5]))
    #expect(table.entries[node]?.heard == Instant(milliseconds: 1))
  }

  @Test func `is bounded: who was not heard for longest is forgotten`() {
    var table = HeldTable()
    for id in 0..<UInt64(HeldTable.nodesMax + 5) { table.note(Origin(value: id), Clock(), at: Instant(milliseconds: Int64(id))) }
    #expect(table.entries.count == HeldTable.nodesMax)
    #expect(table.entries.keys.min() == Origin(value: 5))
    let long = Clock((1...UInt64(HeldTable.originsMax / 2)).map { Clock.Entry(origin: Origin(value: $0), n: 1, digest: 0) })
    for id in 1...4 as ClosedRange<UInt64> { table.note(Origin(value: id), long, at: Instant(milliseconds: 5000 + Int64(id))) }
    #expect(table.entries.values.reduce(0) { $0 + $1.clock.entries.count } <= HeldTable.originsMax)
    #expect(table.entries[Origin(value: 4)] != nil && table.entries[Origin(value: 1)] == nil)
  }

  @Test(arguments: 1...60 as ClosedRange<UInt64>) func `covers an element where it covers one of its dots`(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    func dot() -> Dot { Dot(origin: Origin(value: 1 + random.next() % 4), n: 1 + random.next() % 4) }
    let elements = (0..<1 + Int(random.next() % 6)).map { _ in (0..<1 + Int(random.next() % 3)).map { _ in dot() } }
    var dots = ElementDots()
    for element in elements { dots.add(element) }
    var twice = ElementDots()
    twice.add(dots)
    twice.add(dots)
    for _ in 0..<50 {
      let clock = Self.clock((0..<4).map { _ in random.next() % 6 })
      let isHeld = elements.allSatisfy { $0.contains { clock.covers($0) } }
      #expect(dots.areHeld(by: clock) == isHeld && twice.areHeld(by: clock) == isHeld, "seed \(seed)")
      if dots.least.allSatisfy({ clock.covers($0) }) { #expect(isHeld, "seed \(seed)") }
    }
    #expect(ElementDots().areHeld(by: Clock()))
  }

  @Test func `is said by the difference from one of the last two clocks that were told`() {
    var bases = ClockBases()
    let node = Origin(value: 7)
    let clocks = (1...3).map { Self.clock([$0]) }
    for clock in clocks + [clocks[2]] { bases.tell(clock, to: node) }
    #expect(bases.clock(clocks[2].baseDigest, toldTo: node) == clocks[2])
    #expect(bases.clock(clocks[1].baseDigest, toldTo: node) == clocks[1])
    #expect(bases.clock(clocks[0].baseDigest, toldTo: node) == nil)
    #expect(bases.clock(clocks[2].baseDigest, toldTo: Origin(value: 8)) == nil)
    for id in 100..<UInt64(100 + ClockBases.nodesMax) { bases.tell(clocks[0], to: Origin(value: id)) }
    #expect(bases.clock(clocks[2].baseDigest, toldTo: node) == nil)
  }

  @Test func `is kept for a pull that waits, however much is pushed meanwhile`() {
    var bases = ClockBases()
    let node = Origin(value: 7)
    bases.tell(Self.clock([1]), to: node)
    for n in 2...9 as ClosedRange<UInt64> { bases.tell(Self.clock([n]), to: node, at: .push) }
    for n in [1, 8, 9] as [UInt64] { #expect(bases.clock(Self.clock([n]).baseDigest, toldTo: node) == Self.clock([n])) }
    #expect(bases.clock(Self.clock([7]).baseDigest, toldTo: node) == nil)
  }

  @Test(arguments: 1...40 as ClosedRange<UInt64>) func `is read from a pull's bytes as it was written, and from no others`(seed: UInt64)
    throws
  {
    var random = SeededRandom(seed: seed)
    var request = PullRequest(node: Origin(value: 1 + random.next() % 3), held: random.clock(origins: 8))
    if random.chance(1, in: 2) { request.base = random.clock(origins: 8) }
    if random.chance(1, in: 2) { request.audit = PeerClock.Audit(elements: random.next(), sum: AuditSum(high: 1 << 100, low: 7)) }
    request.without = Set(random.clock(origins: 3).entries.map(\.origin))
    let bytes = request.bytes
    let read = try PullRequest(reading: bytes.raw) { (node, digest) in
      node == request.node && digest == request.base.baseDigest ? request.base : nil
    }
    #expect(read == request, "seed \(seed)")
    if !request.base.isEmpty { #expect(throws: PullRequest.Fault.unknownBase) { try PullRequest(reading: bytes.raw) } }
    for count in 0..<bytes.count {
      #expect(throws: PullRequest.Fault.self, "seed \(seed)") {
        try PullRequest(reading: Array(bytes.prefix(count)).raw) { _, _ in request.base }
      }
    }
  }

  @Test func `costs next to nothing to say where it is what the other side has`() {
    let clock = Clock((1...5000).map { Clock.Entry(origin: Origin(value: $0), n: $0, digest: $0) })
    let audit = PeerClock.Audit(elements: 5, sum: AuditSum())
    let request = PullRequest(node: Origin(value: 1), held: clock, base: clock, audit: audit, wait: .seconds(30))
    var frame: [UInt8] = []
    Frame.write(PullEnd(PeerClock(clock, audit: audit)), since: clock, to: &frame)
    #expect(request.bytes.count + frame.count < 150)
  }
}
