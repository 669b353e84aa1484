import EventStore
import Simulation
import Testing

@Suite struct `Three nodes and three events` {
  /// In two of the six orders of happening; `laterbase-simulate --small` takes all.
  @Test func `end with one set, one answer and no event missed, in every history there is`() async throws {
    let found = try await withCheckedThrowingContinuation { continuation in
      Thread.detach { continuation.resume(with: Result { try SmallHistories(orders: Array(SmallHistories.allOrders.prefix(2))).run() }) }
    }
    #expect(found.failure == nil)
    #expect(found.histories == 2 * 32_634)
  }
}
