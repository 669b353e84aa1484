import EventModel
import EventStore
import StoreConformance
import Testing

@testable import ViewEngine

@Suite struct `A view that is built` {
  @Test func `answers though events never stop coming`() async throws {
    var random = SeededRandom(seed: testSeed())
    let node = try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: random.next()))
    defer { node.stop() }
    try await node.append(200, &random)
    let name = try #require(node.engine.names.first)
    let runner = try node.engine.runner(name)
    var steps = 0
    while try node.set.read({ (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in try runner.headers(reader).live })
      == nil
    {
      // Between any two steps there is something new.
      try await node.append(5, &random)
      _ = try await node.engine.step(name)
      steps += 1
      try #require(steps < 20)
    }
    try await `A view is a function of the event set`().check(node, "after \(steps) steps")
  }
}
