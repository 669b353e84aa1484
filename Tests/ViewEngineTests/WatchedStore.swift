import EventStore
import Synchronization

/// A store that counts its writes, and those who ask for young reads.
final class WatchedStore: EventStore {
  struct Seen: Sendable {
    var writes = 0
    /// How many writes there were when somebody asked.
    var asked: [Int] = []
  }

  private let store: any EventStore
  private let watched = Mutex(Seen())

  init(_ store: any EventStore) { self.store = store }

  var seen: Seen { watched.withLock { $0 } }

  func whenReads(areYoungerThan age: Duration, _ then: @escaping @Sendable () -> Void) {
    watched.withLock { $0.asked.append($0.writes) }
    store.whenReads(areYoungerThan: age, then)
  }

  func write<R>(_ size: WriteSize, _ body: (borrowing any StoreWriter & ~Copyable) throws(StoreError) -> R) throws(StoreError) -> R {
    watched.withLock { $0.writes += 1 }
    return try store.write(size, body)
  }

  func read<R>(_ body: (borrowing any StoreReader & ~Copyable) throws(StoreError) -> R) throws(StoreError) -> R { try store.read(body) }
  var generation: UInt64 { store.generation }
  func place() throws(StoreError) -> [UInt8] { try store.place() }
  func startMark() throws(StoreError) -> [UInt8]? { try store.startMark() }
  func setStartMark(_ mark: [UInt8]) throws(StoreError) { try store.setStartMark(mark) }
  func bytesUsed() throws(StoreError) -> UInt64 { try store.bytesUsed() }
  func close() { store.close() }
}
