import Testing

@testable import Laterbase

@Suite struct `The watch over databases in doubt` {
  let start = ContinuousClock.now

  private func add(_ name: String, to watch: inout DoubtWatch) -> Bool { watch.add(name) }

  private func next(_ watch: inout DoubtWatch, _ now: ContinuousClock.Instant) -> String? { watch.next(at: now) }

  private func at(_ minutes: Int) -> ContinuousClock.Instant { start + .seconds(60 * minutes) }

  @Test func `has one checked after the other, each once`() {
    var watch = DoubtWatch()
    #expect(next(&watch, at(0)) == nil)
    #expect(watch.due == nil)
    #expect(add("b", to: &watch))
    #expect(add("a", to: &watch))
    #expect(!add("a", to: &watch))
    #expect(next(&watch, at(0)) == "a")
    #expect(next(&watch, at(0)) == "b")
    #expect(next(&watch, at(0)) == nil)
  }

  @Test func `waits longer after each check that came to nothing, and leaves it to a person at last`() {
    var watch = DoubtWatch()
    var now = 0
    for check in 0..<DoubtWatch.checksMax {
      _ = watch.add("a")
      if check > 0 {
        let pause = 1 << (check - 1)
        #expect(watch.due == at(now + pause))
        #expect(next(&watch, at(now + pause) - .seconds(1)) == nil)
        now += pause
      }
      #expect(next(&watch, at(now)) == "a")
      // Doubted again while it was checked.
      #expect(add("a", to: &watch))
      watch.checked("a", isReplaced: false, at: at(now))
    }
    _ = watch.add("a")
    #expect(next(&watch, at(now * 100)) == nil)
    #expect(watch.due == nil)
    _ = watch.add("b")
    #expect(next(&watch, at(now)) == "b")
  }

  @Test func `knows nothing of the database that is in another's place`() {
    var watch = DoubtWatch()
    for _ in 0..<3 * DoubtWatch.checksMax {
      #expect(add("a", to: &watch))
      #expect(next(&watch, at(0)) == "a")
      watch.checked("a", isReplaced: true, at: at(0))
    }
  }
}
