import EventModel
import StoreConformance
import Testing

@Suite struct `Clocks are a join semilattice` {
  /// Every clock of two origins with n up to 2, digests a function of (origin, n), as they are where logs don't fork.
  static let all: [Clock] = (0...2).flatMap { a in
    (0...2).map { b in Clock([entry(1, a), entry(2, b)]) }
  }

  static func entry(_ origin: UInt64, _ n: UInt64) -> Clock.Entry {
    Clock.Entry(origin: Origin(value: origin), n: n, digest: origin << 32 | n)
  }

  @Test func `merge is commutative, associative and idempotent, and covers both`() {
    for a in Self.all {
      #expect(a.merged(a) == a)
      for b in Self.all {
        let join = a.merged(b)
        #expect(join == b.merged(a))
        #expect(join.covers(a) && join.covers(b))
        #expect(a.covers(b) == (a.merged(b) == a))
        for c in Self.all { #expect(a.merged(b.merged(c)) == join.merged(c)) }
      }
    }
  }

  @Test func `what two clocks have in common is what both cover, and no more`() {
    for a in Self.all {
      for b in Self.all {
        let common = a.common(with: b)
        #expect(common == b.common(with: a) && a.covers(common) && b.covers(common))
        for c in Self.all where a.covers(c) && b.covers(c) { #expect(common.covers(c)) }
      }
    }
  }

  @Test func `a delta is exactly the dots that the other clock lacks`() {
    let dots = [UInt64(1), 2].flatMap { origin in [UInt64(1), 2].map { Dot(origin: Origin(value: origin), n: $0) } }
    for a in Self.all {
      for b in Self.all {
        let ranges = a.delta(beyond: b)
        let inDelta = dots.filter { dot in ranges.contains { $0.origin == dot.origin && $0.numbers.contains(dot.n) } }
        #expect(inDelta == dots.filter { a.covers($0) && !b.covers($0) })
      }
    }
  }

  @Test func `a token is the only text of its clock`() throws {
    var random = SeededRandom(seed: testSeed())
    for count in [0, 1, 2, 17, 300] {
      let clock = Clock(
        (0..<count).map { _ in
          Clock.Entry(origin: Origin(value: random.next()), n: random.next() >> (random.next() % 64) | 1, digest: random.next())
        })
      let token = clock.token
      #expect(Clock(token: token) == clock)
      let text = [UInt8](token.utf8)
      for _ in 0..<200 {
        var other = text
        let at = Int(random.next() % UInt64(text.count))
        other[at] = UInt8(truncatingIfNeeded: random.next())
        if other != text { #expect(Clock(token: String(decoding: other, as: UTF8.self)) == nil) }
      }
      #expect(Clock(token: token + "A") == nil)
      #expect(Clock(token: String(token.dropLast())) == nil)
    }
  }

  @Test func `a token with entries out of order, a zero or a long number is refused`() {
    func token(_ body: [UInt8]) -> String {
      var bytes = body
      bytes.appendBigEndian(CRC32C.checksum(bytes.raw))
      return Base64URL.encode(bytes.raw)
    }
    let one: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1, 5, 1, 2, 3, 4, 5, 6, 7, 8]
    let two: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 2, 5, 1, 2, 3, 4, 5, 6, 7, 8]
    #expect(Clock(token: token([1, 2] + one + two)) != nil)
    #expect(Clock(token: token([1, 2] + two + one)) == nil)
    #expect(Clock(token: token([1, 2] + one + one)) == nil)
    #expect(Clock(token: token([2, 1] + one)) == nil)
    #expect(Clock(token: token([1, 1] + one + [0])) == nil)
    #expect(Clock(token: token([1, 2] + one)) == nil)
    var zero = one
    zero[8] = 0
    #expect(Clock(token: token([1, 1] + zero)) == nil)
    #expect(Clock(token: token([1, 0x81, 0] + one)) == nil)
  }
}

@Suite struct `Hybrid clocks` {
  let wall = Instant(milliseconds: 1_780_000_000_000)

  @Test func `each tick rises, and follows the wall`() {
    let ahead = HLC(wall.adding(milliseconds: 5))
    #expect(HLC.zero.ticked(wall: wall) == HLC(wall))
    #expect(ahead.ticked(wall: wall) == HLC(wall.adding(milliseconds: 5), counter: 1))
  }

  @Test func `a full counter moves the millisecond on`() {
    let full = HLC(wall, counter: .max)
    #expect(full.ticked(wall: wall) == HLC(wall.adding(milliseconds: 1), counter: 0))
  }

  @Test func `a clock that ran away moves nothing`() {
    let here = HLC(wall)
    let near = HLC(wall.adding(milliseconds: 60_000))
    let far = HLC(wall.adding(milliseconds: 60_001))
    #expect(here.observing(near, wall: wall, driftMaxMilliseconds: 60_000) == near)
    #expect(here.observing(far, wall: wall, driftMaxMilliseconds: 60_000) == here)
    #expect(near.observing(here, wall: wall, driftMaxMilliseconds: 60_000) == near)
  }

  @Test func `it is written as time and counter`() {
    #expect(HLC(Instant(rfc3339: "2026-03-01T12:00:00.123Z") ?? wall, counter: 7).description == "2026-03-01T12:00:00.123Z/7")
  }
}
