import LMDBStore
import StoreConformance
import Testing

@Suite struct `The LMDB store conforms` {
  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func `to every law of the store and the set`(seed: UInt64) async throws {
    let folder = TemporaryFolder()
    try await StoreConformance(LMDBEventStoreProvider(folder: folder.path)).checkAll(seed: seed)
  }

  @Test(arguments: 7...9 as ClosedRange<UInt64>)
  func `to every law while one environment may be open and maps begin small`(seed: UInt64) async throws {
    let folder = TemporaryFolder()
    try await StoreConformance(LMDBEventStoreProvider(folder: folder.path, address: "", openMax: 1, mapBytes: 1 << 20)).checkAll(seed: seed)
  }
}
