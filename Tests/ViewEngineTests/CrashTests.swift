import EventModel
import EventStore
import StoreConformance
import Testing
import ViewKit

@testable import ViewEngine

@Suite struct `A process that dies in a catch-up` {
  /// Dies in every write of a catch-up in turn, before its commit and behind it, and goes on from what is stored.
  func run(seed: UInt64, _ change: (inout ViewEngineOptions) -> Void) async throws {
    var random = SeededRandom(seed: seed)
    var options = CrashOptions.small
    change(&options)
    let life = MortalStore.Life()
    let node = try TestNode(.mortal(MemoryEventStoreProvider(), life), ManualWorld(seed: seed), options)
    let laws = `A view is a function of the event set`()
    var deaths = 0
    for round in 0..<24 {
      try await node.append(Int(random.next() % 20) + 1, &random)
      let name = node.engine.names[round % node.engine.names.count]
      life.end(after: round / 2 % 6, round % 2 == 0 ? .beforeCommit : .afterCommit)
      _ = try? await node.engine.rows(name, ViewQuery(key: KeyBytes.bytes(of: "a")))
      _ = try? await node.engine.catchUp(name)
      if life.isOver { deaths += 1 }
      node.stop()
      life.go()
      try node.restart()
      try await laws.checkStored(node, "seed \(seed) round \(round)")
      #expect(try node.engine.verify().faults == [], "seed \(seed) round \(round)")
    }
    #expect(deaths > 6, "seed \(seed)")
    try await laws.check(node, "seed \(seed) at the end")
    node.stop()
  }

  @Test func `leaves a view that is kept up right at its stored clock`() async throws {
    try await run(seed: testSeed()) { _ in }
  }

  @Test func `leaves a view that is built anew beside the one that answers`() async throws {
    try await run(seed: testSeed()) { $0.rebuildRecordsMin = 1 }
  }

  @Test func `leaves a fold with rows that are not folded yet`() async throws {
    try await run(seed: testSeed()) { ($0.refoldRowsMax, $0.borderLevel) = (2, 0) }
  }
}

private enum CrashOptions {
  /// Slices of a few rows, parts of a few slices.
  static var small: ViewEngineOptions {
    var options = ViewEngineOptions()
    (options.rowsMax, options.rowsMin, options.recordsMax, options.buildBytesMax) = (3, 1, 7, 3000)
    return options
  }
}
