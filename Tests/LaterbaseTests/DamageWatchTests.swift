import EventModel
import Testing

@testable import Laterbase

@Suite struct `The watch over damaged records` {
  private func place(_ database: String, _ n: UInt64) -> DamageWatch.Place {
    DamageWatch.Place(database: database, dot: Dot(origin: Origin(value: 1), n: n))
  }

  /// Both clocks, so many seconds after a start.
  private struct Clocks {
    let start = ContinuousClock.now

    func due(_ watch: inout DamageWatch, _ damaged: [DamageWatch.Place], _ seconds: Int, wall: Int? = nil) -> [DamageWatch.Place] {
      watch.due(damaged, at: Instant.noon.adding(milliseconds: Int64(wall ?? seconds) * 1000), start + .seconds(seconds))
    }
  }

  @Test func `gives each its time, forgets what was mended, and begins anew with what comes again`() {
    var watch = DamageWatch(wait: .seconds(10))
    let clocks = Clocks()
    let (a, b) = (place("a", 3), place("b", 1))
    #expect(clocks.due(&watch, [b, a], 0).isEmpty)
    #expect(clocks.due(&watch, [a, b], 9).isEmpty)
    #expect(clocks.due(&watch, [a], 10) == [a])
    #expect(clocks.due(&watch, [a, b], 11) == [a])
    #expect(clocks.due(&watch, [b, a], 21) == [a, b])
    #expect(clocks.due(&watch, [], 40).isEmpty)
    #expect(clocks.due(&watch, [a], 41).isEmpty)
  }

  @Test func `goes on after a restart, but gives the peers a moment`() {
    let a = place("a", 3)
    let clocks = Clocks()
    var before = DamageWatch(wait: .seconds(86_400))
    #expect(clocks.due(&before, [a], 0).isEmpty)
    var after = DamageWatch(wait: .seconds(86_400), found: before.found)
    #expect(clocks.due(&after, [a], 0, wall: 90_000).isEmpty)
    #expect(clocks.due(&after, [a], 59, wall: 90_059).isEmpty)
    #expect(clocks.due(&after, [a], 60, wall: 90_060) == [a])
    var early = DamageWatch(wait: .seconds(86_400), found: before.found)
    #expect(clocks.due(&early, [a], 0, wall: 3600).isEmpty)
    #expect(clocks.due(&early, [a], 80_000, wall: 83_600).isEmpty)
    #expect(clocks.due(&early, [a], 83_000, wall: 86_600) == [a])
    // A clock that is put back lets it wait longer, not for ever.
    var back = DamageWatch(wait: .seconds(10), found: [a: Instant.noon.adding(milliseconds: 1_000_000_000)])
    #expect(clocks.due(&back, [a], 0).isEmpty)
    #expect(clocks.due(&back, [a], 10) == [a])
  }

  @Test func `looks often enough, and never without rest`() {
    #expect(DamageWatch(wait: .seconds(86_400)).pause == .seconds(60))
    #expect(DamageWatch(wait: .seconds(2)).pause == .milliseconds(500))
    #expect(DamageWatch(wait: .zero).pause == .milliseconds(5))
  }
}
