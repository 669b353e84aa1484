import EventStore
import Foundation
import LMDBStore
import Synchronization
import Testing

@Suite struct `Who waits for old reads` {
  let folder = TemporaryFolder()

  /// A read on a thread of its own, until it is told to end.
  private final class HeldRead: Sendable {
    private let entered = DispatchSemaphore(value: 0)
    private let leave = DispatchSemaphore(value: 0)
    private let thread: Background

    init(_ store: LMDBEventStore) {
      thread = Background { [entered, leave] in
        try store.read { (_) throws(StoreError) in
          entered.signal()
          leave.wait()
        }
      }
      entered.wait()
    }

    func end() {
      leave.signal()
      thread.join()
    }
  }

  @Test func `goes on when the last of them has ended, and not before`() throws {
    let store = try LMDBEventStore(folder: folder.path)
    defer { store.close() }
    let gone = Atomic<Int>(0)
    let (first, second) = (HeldRead(store), HeldRead(store))
    // Each read counts as old.
    store.whenReads(areYoungerThan: .zero) { gone.add(1, ordering: .relaxed) }
    #expect(gone.load(ordering: .relaxed) == 0)
    first.end()
    try store.put([("a", "1")])
    #expect(try store.get("a") == "1")
    #expect(gone.load(ordering: .relaxed) == 0)
    second.end()
    #expect(gone.load(ordering: .relaxed) == 1)
    store.whenReads(areYoungerThan: .zero) { gone.add(1, ordering: .relaxed) }
    #expect(gone.load(ordering: .relaxed) == 2)
  }

  @Test func `goes on at once where the reads are young, and alone where others wait for younger ones`() throws {
    let store = try LMDBEventStore(folder: folder.path)
    defer { store.close() }
    let gone = Mutex<[String]>([])
    let read = HeldRead(store)
    store.whenReads(areYoungerThan: .zero) { gone.withLock { $0.append("none") } }
    store.whenReads(areYoungerThan: .seconds(3600)) { gone.withLock { $0.append("an hour") } }
    #expect(gone.withLock { $0 } == ["an hour"])
    read.end()
    #expect(gone.withLock { $0 } == ["an hour", "none"])
  }

  @Test func `is let go by the closing of a store, which waits for the reads`() throws {
    let store = try LMDBEventStore(folder: folder.path)
    let gone = Atomic<Bool>(false)
    let read = HeldRead(store)
    store.whenReads(areYoungerThan: .zero) { gone.store(true, ordering: .relaxed) }
    let closer = Background { store.close() }
    while !store.isAwaitedAlone { Thread.sleep(forTimeInterval: 0.001) }
    let wasGone = gone.load(ordering: .relaxed)
    #expect(!wasGone)
    read.end()
    closer.join()
    let isGone = gone.load(ordering: .relaxed)
    #expect(isGone)
  }
}
