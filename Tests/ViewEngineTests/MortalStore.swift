import EventStore
import Synchronization

/// A store whose process dies in a write transaction: before it is committed, or before anybody is told that it is. No write is done after
/// that, and reads go on, as of threads that don't know yet.
final class MortalStore: EventStore {
  enum Death: Sendable { case beforeCommit, afterCommit }

  /// Outlives the stores of one test.
  final class Life: Sendable {
    private let left = Mutex<(writes: Int, death: Death)?>(nil)

    /// - Parameter writes: how many are done before the one that is the last.
    func end(after writes: Int, _ death: Death) { left.withLock { $0 = (writes, death) } }
    /// Nobody dies any more.
    func go() { left.withLock { $0 = nil } }

    fileprivate func next() -> Death?? {
      left.withLock { left in
        guard let now = left else { return .none }
        left?.writes -= 1
        return now.writes > 0 ? .none : now.writes == 0 ? .some(now.death) : .some(nil)
      }
    }

    /// Whether the death has come.
    var isOver: Bool { left.withLock { $0.map { $0.writes < 0 } ?? false } }
  }

  private let store: any EventStore
  private let life: Life

  init(_ store: any EventStore, _ life: Life) { (self.store, self.life) = (store, life) }

  func write<R>(_ size: WriteSize, _ body: (borrowing any StoreWriter & ~Copyable) throws(StoreError) -> R) throws(StoreError) -> R {
    let died = StoreError(.closed, "the process died")
    switch life.next() {
    case .none: return try store.write(size, body)
    case .some(.none): throw died
    case .some(.some(.beforeCommit)):
      return try store.write(size) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
        _ = try body(writer)
        throw died
      }
    case .some(.some(.afterCommit)):
      _ = try store.write(size, body)
      throw died
    }
  }

  func read<R>(_ body: (borrowing any StoreReader & ~Copyable) throws(StoreError) -> R) throws(StoreError) -> R { try store.read(body) }
  var generation: UInt64 { store.generation }
  func place() throws(StoreError) -> [UInt8] { try store.place() }
  func startMark() throws(StoreError) -> [UInt8]? { try store.startMark() }
  func setStartMark(_ mark: [UInt8]) throws(StoreError) { try store.setStartMark(mark) }
  func bytesUsed() throws(StoreError) -> UInt64 { try store.bytesUsed() }
  func close() { store.close() }
}
