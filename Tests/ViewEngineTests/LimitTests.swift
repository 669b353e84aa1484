import EventModel
import EventStore
import StoreConformance
import Testing
import ViewKit

@testable import ViewEngine

/// Rows of as many bytes as the event's value says: a join may be too long, and never gets shorter.
private struct Concatenation: ReduceView {
  let name = "concatenation"
  func map(_ event: Sample, _ when: Happened, emit: inout Emit<String?, Trail>) {
    emit(event.key, Trail(steps: String(repeating: "x", count: Int(event.value) * 3)))
  }
}

/// A state that is too long for a while.
private struct Text: FoldView {
  struct State: Codable, Equatable { var text = "" }
  let name = "text"
  func map(_ event: Sample, _ when: Happened, emit: inout Emit<String?, Int>) { emit(event.key, Int(event.value)) }
  func start(_ key: String?) -> State { State() }
  func apply(_ value: Int, _ when: Happened, to state: inout State) {
    state.text = value % 4 == 0 ? "" : state.text + String(repeating: "y", count: value * 20)
  }
  func finish(_ state: State, _ key: String?) -> Int? { state.text.utf8.count }
}

@Suite struct `The limits of what a view stores` {
  private static let declaration = Database("samples", of: Sample.self) {
    Concatenation(); Text()
  }

  @Test func `skip an event whose row is too long, and make a total that is too long null, however the events came`() async throws {
    let seed = testSeed()
    var random = SeededRandom(seed: seed)
    var options = ViewEngineOptions()
    (options.rowsMax, options.borderLevel) = (7, 1)
    let node = try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: seed), options, Self.declaration)
    for _ in 0..<30 {
      try await node.append(Int(random.next() % 9) + 1, &random)
      try await node.engine.catchUp(node.engine.names[Int(random.next() % 2)])
    }
    let scratch = try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: seed), options, Self.declaration)
    scratch.options.borderLevel = 1
    try await scratch.set.pull(from: node.set)
    for name in node.engine.names {
      #expect(try await node.answer(name).text == scratch.answer(name).text, "\(name) seed \(seed)")
    }
    #expect(try await node.answer("concatenation").text.contains(#""value":null"#), "seed \(seed)")
    let skipped = try node.engine.skipped("concatenation", limit: 1000)
    #expect(skipped.contains { $0.reason.contains("at most 4080") }, "seed \(seed)")
    #expect(try node.engine.skipped("text", limit: 1000).allSatisfy { !$0.reason.contains("at most") })
    #expect(try node.engine.verify().faults == [] && scratch.engine.verify().faults == [], "seed \(seed)")
    node.stop()
    scratch.stop()
  }
}
