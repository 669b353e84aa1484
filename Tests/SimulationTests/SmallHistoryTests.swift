import EventStore
import Simulation
import Testing

@Suite struct `Three nodes and three events` {
  /// Each way in one order of happening, views in the first; `laterbase-simulate --small` takes all, and all pulls at the end.
  @Test func `end with one set, one answer and no event missed, in every history there is`() async throws {
    let found = try await withCheckedThrowingContinuation { continuation in
      Thread.detach { continuation.resume(with: Result { try Self.run() }) }
    }
    #expect(found.failure == nil)
    #expect(found.histories == 3037)
  }

  private static func run() throws -> SmallHistories.Outcome {
    var all = SmallHistories.Outcome()
    for (way, order) in zip(SmallHistories.allWays, SmallHistories.allOrders) {
      let outcome = try SmallHistories(ending: .round, ways: [way], orders: [order], views: way == SmallHistories.allWays[0]).run()
      all.add(outcome)
    }
    return all
  }
}
