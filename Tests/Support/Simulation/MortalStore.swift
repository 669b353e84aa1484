import EventStore
import Synchronization

/// A store as a process has it: it ends when the process dies, and a write may meet what a disk or a death does to it.
final class MortalStore: EventStore {
  /// What may happen to one write.
  enum Fault: Hashable, Sendable {
    case diskFull
    /// The storage is opened anew before the transaction begins.
    case reopens
    /// The commit fails in its last step: all of it is there, or nothing, and nobody knows.
    case outcomeUnknown(kept: Bool)
    /// The process dies in the commit: all of it is there, or nothing, and nobody hears of it.
    case death(kept: Bool)
  }

  private struct Process {
    var isOver = false
    var generation: UInt64 = 1
  }

  /// The store itself, which outlives the process.
  let storage: any EventStore
  private let process = Mutex(Process())
  private let next: @Sendable () -> Fault?

  /// - Parameter next: what the next write meets; a death must end the process.
  init(_ store: any EventStore, next: @escaping @Sendable () -> Fault?) { (storage, self.next) = (store, next) }

  /// The process is dead: what of it still runs reads and writes no more.
  func end() { process.withLock { $0.isOver = true } }

  func read<R>(_ body: (borrowing any StoreReader & ~Copyable) throws(StoreError) -> R) throws(StoreError) -> R {
    try checkAlive()
    return try storage.read(body)
  }

  func write<R>(_ size: WriteSize, _ body: (borrowing any StoreWriter & ~Copyable) throws(StoreError) -> R) throws(StoreError) -> R {
    try checkAlive()
    switch next() {
    case nil: return try storage.write(size, body)
    case .diskFull: throw StoreError(.diskFull, "simulated: the disk is full")
    case .reopens:
      reopen()
      return try storage.write(size, body)
    case .outcomeUnknown(let kept):
      try write(size, body, kept: kept)
      reopen()
      throw StoreError(.outcomeUnknown, "simulated: the commit failed, and is \(kept ? "there" : "gone")")
    case .death(let kept):
      try write(size, body, kept: kept)
      end()
      throw Self.died
    }
  }

  private static var died: StoreError { StoreError(.closed, "simulated: the process died") }

  private func checkAlive() throws(StoreError) { if process.withLock({ $0.isOver }) { throw Self.died } }

  private func reopen() { process.withLock { $0.generation += 1 } }

  private func write<R>(
    _ size: WriteSize, _ body: (borrowing any StoreWriter & ~Copyable) throws(StoreError) -> R, kept: Bool
  ) throws(StoreError) {
    if kept {
      _ = try storage.write(size, body)
      return
    }
    var ran = false
    do throws(StoreError) {
      try storage.write(size) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
        _ = try body(writer)
        ran = true
        throw Self.died
      }
    } catch {
      if !ran { throw error }
    }
  }

  var generation: UInt64 { storage.generation + process.withLock { $0.generation } }
  func place() throws(StoreError) -> [UInt8] { try storage.place() }
  func startMark() throws(StoreError) -> [UInt8]? { try storage.startMark() }

  func setStartMark(_ mark: [UInt8]) throws(StoreError) {
    try checkAlive()
    try storage.setStartMark(mark)
  }

  func bytesUsed() throws(StoreError) -> UInt64 { try storage.bytesUsed() }
  func close() { storage.close() }
}
