import EventModel
import EventStore
import Foundation
import LMDBStore
import Synchronization
import Testing

@Suite struct `The gate of a store` {
  let folder = TemporaryFolder()

  @Test func `lets a thread that reads read again while another waits to close`() throws {
    let (store, other) = (try LMDBEventStore(folder: folder.path + "/a"), try LMDBEventStore(folder: folder.path + "/b"))
    try store.put([("a", "1")])
    try other.put([("b", "2")])
    var closers: [Background] = []
    try store.read { (_) throws(StoreError) in
      closers = [store, other].map { store in Background { store.close() } }
      while !store.isAwaitedAlone { Thread.sleep(forTimeInterval: 0.001) }
      let again = try store.read { (inner) throws(StoreError) in try inner.text("a") }
      #expect(again == "1")
    }
    for closer in closers { closer.join() }
    #expect(errorCode { _ = try store.get("a") } == .closed)
    #expect(errorCode { _ = try other.get("b") } == .closed)
  }

  @Test func `ends though threads nest reads of two stores in opposite orders while both close`() throws {
    let (store, other) = (try LMDBEventStore(folder: folder.path + "/a"), try LMDBEventStore(folder: folder.path + "/b"))
    let inside = Atomic<Int>(0)
    let go = Atomic<Bool>(false)
    /// Holds `outer`, waits until both are held and being closed, then enters `inner`.
    func nest(_ outer: LMDBEventStore, _ inner: LMDBEventStore) -> Background {
      Background {
        try outer.read { (_) throws(StoreError) in
          inside.add(1, ordering: .relaxed)
          while !go.load(ordering: .acquiring) { Thread.sleep(forTimeInterval: 0.001) }
          // The other thread may have left already, and its store been closed.
          let code = errorCode { try inner.read { (_) throws(StoreError) in } }
          if let code, code != .closed { throw StoreError(code, "a nested read failed") }
        }
      }
    }
    let threads = [nest(store, other), nest(other, store)]
    while inside.load(ordering: .relaxed) < 2 { Thread.sleep(forTimeInterval: 0.001) }
    let closers = [store, other].map { store in Background { store.close() } }
    while !(store.isAwaitedAlone && other.isAwaitedAlone) { Thread.sleep(forTimeInterval: 0.001) }
    go.store(true, ordering: .releasing)
    for thread in threads + closers { thread.join() }
    #expect(!store.isOpen && !other.isOpen)
  }

  @Test func `lets a thousand reads in and refuses the next`() throws {
    let store = try LMDBEventStore(folder: folder.path)
    defer { store.close() }
    try store.put([("a", "1")])
    let deepest = Mutex(0)
    /// A read inside a read inside a read …
    @Sendable func descend(_ depth: Int) throws(StoreError) {
      try store.read { (transaction) throws(StoreError) in
        if try transaction.text("a") != "1" { throw StoreError(.damaged, "wrong value at \(depth)") }
        deepest.withLock { $0 = depth }
        try descend(depth + 1)
      }
    }
    let refusal = Mutex<StoreError.Code?>(nil)
    let thread = Background { refusal.withLock { $0 = errorCode { try descend(1) } } }
    thread.join()
    #expect(refusal.withLock { $0 } == .busy)
    #expect(deepest.withLock { $0 } == 1000)
    #expect(try store.get("a") == "1", "and reads go on")
    try store.put([("b", "2")])
  }

  @Test func `traps where a store would wait for itself`() async throws {
    for (index, words) in ["a write inside a transaction", "a write inside a transaction", "must not be closed inside"].enumerated() {
      let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        [path = folder.path as String, index = index as Int] in
        let store = try LMDBEventStore(folder: path)
        let size = WriteSize(bytes: 1, events: 1)
        switch index {
        case 0: try store.read { (_) throws(StoreError) in try store.write(size) { (_) throws(StoreError) in } }
        case 1: try store.write(size) { (_) throws(StoreError) in try store.write(size) { (_) throws(StoreError) in } }
        default: try store.read { (_) throws(StoreError) in store.close() }
        }
      }
      #expect(String(decoding: result.standardErrorContent, as: UTF8.self).contains(words))
    }
  }
}
