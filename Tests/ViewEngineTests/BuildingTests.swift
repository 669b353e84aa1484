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

  @Test func `doesn't answer before all is in that a part was of which a crash ended`() async throws {
    var random = SeededRandom(seed: testSeed())
    var options = ViewEngineOptions()
    (options.rowsMax, options.rowsMin) = (3, 1)
    let life = MortalStore.Life()
    let node = try TestNode(.mortal(MemoryEventStoreProvider(), life), ManualWorld(seed: random.next()), options)
    defer { node.stop() }
    try await node.append(60, &random)
    let name = try #require(node.engine.names.first)
    // The view's beginning, and slices of a part that is all there is.
    life.end(after: 5, .afterCommit)
    _ = try? await node.engine.catchUp(name)
    #expect(life.isOver)
    node.stop()
    life.go()
    // From now on a part is an event.
    node.options.buildBytesMax = 1
    try node.restart()
    var (steps, isLevel) = (0, false)
    while !isLevel {
      isLevel = try await node.engine.step(name)
      try await `A view is a function of the event set`().checkStored(node, "after \(steps) steps")
      steps += 1
      try #require(steps < 200)
    }
  }
}
