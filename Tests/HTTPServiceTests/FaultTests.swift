import EventModel
import EventStore
import HTTPTypes
import Laterbase
import Synchronization
import Testing

@testable import HTTPService

/// Databases in memory whose writes fail while a fault is set.
final class FaultyProvider: EventStoreProvider {
  let memory = MemoryEventStoreProvider()
  let fault = Fault()

  final class Fault: Sendable {
    private let code = Mutex<StoreError.Code?>(nil)
    var value: StoreError.Code? {
      get { code.withLock { $0 } }
      set { code.withLock { $0 = newValue } }
    }
  }

  func names() throws(StoreError) -> [String] { try memory.names() }
  func remove(_ name: String) throws(StoreError) { try memory.remove(name) }

  func open(_ name: String, create: Bool) throws(StoreError) -> (any EventStore)? {
    guard let store = try memory.open(name, create: create) else { return nil }
    return FaultyStore(store, fault)
  }
}

final class FaultyStore: EventStore {
  private let store: any EventStore
  private let fault: FaultyProvider.Fault

  init(_ store: any EventStore, _ fault: FaultyProvider.Fault) { (self.store, self.fault) = (store, fault) }

  func read<R>(_ body: (borrowing any StoreReader & ~Copyable) throws(StoreError) -> R) throws(StoreError) -> R { try store.read(body) }

  func write<R>(_ size: WriteSize, _ body: (borrowing any StoreWriter & ~Copyable) throws(StoreError) -> R) throws(StoreError) -> R {
    if let code = fault.value { throw StoreError(code, "as the test wants it") }
    return try store.write(size, body)
  }

  var generation: UInt64 { store.generation }
  func place() throws(StoreError) -> [UInt8] { try store.place() }
  func startMark() throws(StoreError) -> [UInt8]? { try store.startMark() }
  func setStartMark(_ mark: [UInt8]) throws(StoreError) { try store.setStartMark(mark) }
  func bytesUsed() throws(StoreError) -> UInt64 { try store.bytesUsed() }
  func close() { store.close() }
}

@Suite struct `A failing store` {
  static let cases: [(StoreError.Code, Int, String)] = [
    (.diskFull, 507, "disk-full"), (.storage, 503, "storage"), (.outcomeUnknown, 503, "outcome-unknown"), (.busy, 429, "busy"),
  ]

  @Test(arguments: Depth.allCases, cases) func `is told apart, with when to come again, and reads go on`(
    depth: Depth, fault: (StoreError.Code, Int, String)
  ) async throws {
    let provider = FaultyProvider()
    let node = try LaterbaseNode([], storage: .custom(provider))
    try await serving(depth, node) { client in
      _ = try await client.post("/db/plain/e", #"{"n":1}"#)
      provider.fault.value = fault.0
      for (body, type) in [("{\"n\":2}", "application/json"), ("{\"n\":2}\n", "application/x-ndjson")] {
        let failed = try await client.post("/db/plain/e", body, type: type)
        #expect(failed.status == fault.1)
        #expect(failed.slug == fault.2)
        #expect(failed.header("retry-after").flatMap { Int($0) } ?? 0 > 0)
      }
      #expect(try await client.get("/db/plain/e").numbers == [1])
      provider.fault.value = nil
      #expect(try await client.post("/db/plain/e", #"{"n":3}"#).status == 201)
      #expect(try await client.get("/db/plain/e").numbers == [1, 3])
    }
  }
}
