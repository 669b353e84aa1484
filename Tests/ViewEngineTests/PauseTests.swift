import EventModel
import EventStore
import Foundation
import LMDBStore
import StoreConformance
import Synchronization
import Testing
import ViewKit

@testable import ViewEngine

/// A store that counts its writes, and those who ask for young reads.
private final class WatchedStore: EventStore {
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

@Suite struct `A catch-up, while an old read lasts` {
  @Test func `puts nothing, lets appends go on, and ends when the read has ended`() async throws {
    var random = SeededRandom(seed: testSeed())
    let world = ManualWorld(seed: random.next())
    let folder = try TemporaryFolder()
    let store = WatchedStore(try LMDBEventStore(folder: folder.path))
    let set = try EventSet("samples", store: store, world: world.world)
    var options = ViewEngineOptions()
    // Each read that anybody begins counts as old while it lasts.
    (options.rowsMax, options.rowsMin, options.readAgeMax) = (8, 8, .zero)
    let engine = ViewEngine(set, try CompiledDatabase(samples), options: options)
    let name = try #require(engine.names.first)
    func append(_ count: Int) async {
      let events = (0..<count).map { _ in
        (ulid: ULID(at: world.world.now(), low80: UInt128(random.next())), body: Sample.body(&random, voids: []), voids: [ULID]())
      }
      _ = await set.append(Draft(events, onTaken: .skip, world: world.world))
    }
    await append(200)

    let (entered, leave) = (Wake(), Wake())
    let held = Task.detached {
      try set.read { (_: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
        entered.signal()
        _ = leave.wait(seconds: 120)
      }
    }
    #expect(entered.wait(seconds: 60))
    let catchUp = Task { try await engine.catchUp(name) }
    let deadline = ContinuousClock.now + .seconds(60)
    while store.seen.asked.isEmpty, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(2)) }
    // The append goes through the queue in which slices wait.
    await append(1)
    let paused = store.seen
    #expect(paused.asked.count == 1)
    #expect(paused.writes == paused.asked.first.map { $0 + 1 })
    #expect(try engine.status(name).pending > 0)

    leave.signal()
    try await held.value
    try await catchUp.value
    try await engine.catchUp(name)
    #expect(store.seen.asked.count > 1)
    #expect(try engine.status(name).pending == 0)
    #expect(try engine.verify().faults == [])
    engine.close()
    set.close()
  }
}
