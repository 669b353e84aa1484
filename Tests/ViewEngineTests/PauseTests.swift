import EventModel
import EventStore
import Foundation
import LMDBStore
import StoreConformance
import Testing
import ViewKit

@testable import ViewEngine

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
