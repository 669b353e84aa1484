import EventModel
import EventStore
import Synchronization

extension StoreConformance {
  /// After a crash between any two stages of the writer, what was acknowledged is there, nothing else of a request is there in part, the
  /// log has no hole, and appending goes on.
  public func checkCrashes(seed: UInt64) async throws {
    for stage in WriterStage.allCases {
      let world = ManualWorld(seed: seed)
      let name = "crash-\(seed)-\(stage)"
      var acknowledged: [SeenEvent] = []
      for life in 0..<3 {
        let dies = Mutex(false)
        var options = EventSetOptions()
        options.atStage = { dies.withLock { $0 } && $0 == stage ? .die : .goOn }
        let set = try openSet(name, world, options)
        let held = Set(try set.rangeAll())
        try require(held.isSuperset(of: acknowledged), "seed \(seed), \(stage), life \(life): acknowledged events are gone")
        try set.proveSound("seed \(seed), \(stage), life \(life)")
        var maker = EventMaker(seed: seed &+ UInt64(life) &* 977, bodies: 1 << 40)
        for _ in 0..<3 {
          let events = (0..<4).map { _ in maker.event() }
          world.advance(milliseconds: 3)
          if case .recorded = await set.append(Draft(events, world: world.world)) {
            acknowledged += events.map { SeenEvent(ulid: $0.ulid, body: $0.body) }
          }
        }
        dies.withLock { $0 = true }
        let last = (0..<4).map { _ in maker.event() }
        set.append(Draft(last, world: world.world)) { _ in }
        // The writer's thread ends by its death; close waits for that.
        set.close()
        let reopened = try openSet(name, world)
        let now = Set(try reopened.rangeAll())
        let lost = Set(acknowledged).subtracting(now)
        try require(lost.isEmpty, "seed \(seed), died \(stage): \(lost.count) acknowledged events are gone")
        let part = last.filter {
          now.contains(SeenEvent(ulid: $0.ulid, body: $0.body)) && !held.contains(SeenEvent(ulid: $0.ulid, body: $0.body))
        }
        let mayBeThere = stage == .persisted || stage == .published
        try require(part.isEmpty || mayBeThere, "seed \(seed), died \(stage): a request that was not committed is there")
        acknowledged = Array(now)
        reopened.close()
      }
    }
  }
}
