import EventStore
import Synchronization

/// The databases that were removed here while others hold them: they aren't pulled again until they are made here again. The mutex owns the
/// names, and the file that keeps them.
package final class NotHeld: Sendable {
  private let names: Mutex<Set<String>>
  private let save: @Sendable (Set<String>) throws(StoreError) -> Void

  init(_ names: Set<String> = [], save: @escaping @Sendable (Set<String>) throws(StoreError) -> Void = { _ in }) {
    self.names = Mutex(names)
    self.save = save
  }

  package func contains(_ name: String) -> Bool { names.withLock { $0.contains(name) } }

  /// Returns when it is on disk.
  func insert(_ name: String) throws(StoreError) {
    try names.withLock { (names) throws(StoreError) in
      if names.insert(name).inserted { try save(names) }
    }
  }

  /// Returns when it is on disk.
  func remove(_ name: String) throws(StoreError) {
    try names.withLock { (names) throws(StoreError) in
      if names.remove(name) != nil { try save(names) }
    }
  }
}
