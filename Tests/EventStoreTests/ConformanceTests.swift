import EventStore
import StoreConformance
import Testing

@Suite struct `The memory store conforms` {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `to every law of the store and the set`(seed: UInt64) async throws {
    try await StoreConformance(MemoryEventStoreProvider()).checkAll(seed: seed)
  }
}
