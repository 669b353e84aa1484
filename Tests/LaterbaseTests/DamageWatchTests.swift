import EventModel
import Testing

@testable import Laterbase

@Suite struct `The watch over damaged records` {
  private func place(_ database: String, _ n: UInt64) -> DamageWatch.Place {
    DamageWatch.Place(database: database, dot: Dot(origin: Origin(value: 1), n: n))
  }

  @Test func `gives each its time, forgets what was mended, and begins anew with what comes again`() {
    var watch = DamageWatch(wait: .seconds(10))
    let start = ContinuousClock.now
    let (a, b) = (place("a", 3), place("b", 1))
    #expect(watch.due([b, a], at: start).isEmpty)
    #expect(watch.due([a, b], at: start + .seconds(9)).isEmpty)
    #expect(watch.due([a], at: start + .seconds(10)) == [a])
    #expect(watch.due([a, b], at: start + .seconds(11)) == [a])
    #expect(watch.due([b, a], at: start + .seconds(21)) == [a, b])
    #expect(watch.due([], at: start + .seconds(40)).isEmpty)
    #expect(watch.due([a], at: start + .seconds(41)).isEmpty)
  }

  @Test func `looks often enough, and never without rest`() {
    #expect(DamageWatch(wait: .seconds(86_400)).pause == .seconds(60))
    #expect(DamageWatch(wait: .seconds(2)).pause == .milliseconds(500))
    #expect(DamageWatch(wait: .zero).pause == .milliseconds(5))
  }
}
