import EventStore
import Synchronization

/// A store in memory whose next writes fail, or find that it was opened anew, as often as a test says.
final class FaultyStore: EventStore {
  enum Fault: Sendable {
    /// Nothing is written, the error is thrown.
    case refuses(StoreError)
    /// All is written, but the error says that nobody knows; the storage is opened anew.
    case loses
    /// The storage is opened anew before the transaction begins.
    case reopens
  }

  private struct Script: Sendable {
    var faults: [Fault] = []
    var generation: UInt64 = 1
    var isOpen = true

    mutating func open() {
      if !isOpen { generation += 1 }
      isOpen = true
    }
  }

  private let store: any EventStore
  private let script = Mutex(Script())

  init(_ store: any EventStore) { self.store = store }

  /// Closes the storage as a provider does when others are needed more: the next transaction opens it anew.
  func evict() { script.withLock { $0.isOpen = false } }

  func next(_ faults: Fault...) { script.withLock { $0.faults = faults } }

  func write<R>(_ size: WriteSize, _ body: (borrowing any StoreWriter & ~Copyable) throws(StoreError) -> R) throws(StoreError) -> R {
    script.withLock { $0.open() }
    switch script.withLock({ $0.faults.isEmpty ? nil : $0.faults.removeFirst() }) {
    case .refuses(let error): throw error
    case .reopens: script.withLock { $0.generation += 1 }
    case .loses:
      _ = try store.write(size, body)
      script.withLock { $0.generation += 1 }
      throw StoreError(.outcomeUnknown, "unknown")
    case nil: break
    }
    return try store.write(size, body)
  }

  func read<R>(_ body: (borrowing any StoreReader & ~Copyable) throws(StoreError) -> R) throws(StoreError) -> R {
    script.withLock { $0.open() }
    return try store.read(body)
  }

  var generation: UInt64 { script.withLock { $0.generation } }
  func place() throws(StoreError) -> [UInt8] { try store.place() }
  func startMark() throws(StoreError) -> [UInt8]? { try store.startMark() }
  func setStartMark(_ mark: [UInt8]) throws(StoreError) { try store.setStartMark(mark) }
  func bytesUsed() throws(StoreError) -> UInt64 { try store.bytesUsed() }
  func close() { store.close() }
}
