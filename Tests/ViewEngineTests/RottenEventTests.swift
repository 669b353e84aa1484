import EventModel
import EventStore
import StoreConformance
import Testing
import ViewKit

@testable import ViewEngine

@Suite struct `A view of events that rot` {
  private func node() throws -> TestNode { try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: 3)) }

  private func ulid(_ index: Int) -> ULID { ULID(at: Instant(milliseconds: 1_780_000_000_000 + Int64(index)), low80: 1) }

  private func append(_ node: TestNode, _ indices: Range<Int>, voids: [ULID] = []) async throws {
    let list = voids.isEmpty ? "" : "\"_voids\":[\(voids.map { "\"\($0)\"" }.joined(separator: ","))],"
    let events = indices.map { (ulid: ulid($0), body: "{\(list)\"key\":\"a\",\"value\":\($0)}", voids: voids) }
    try await node.set.appendAll(Draft(events, world: node.world.world))
  }

  /// Flips a bit; again, and it is as it was.
  private func flip(_ node: TestNode, _ n: UInt64) throws {
    let dot = Dot(origin: try #require(node.set.state.own), n: n)
    try node.set.store.write(WriteSize(bytes: 0, events: 0)) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
      guard let held = try writer.get(.log, StoreKey.dot(dot).raw) else { return }
      var bytes = [UInt8](copying: held)
      bytes[bytes.count - 2] ^= 1
      try writer.put(.log, StoreKey.dot(dot).raw, bytes.raw)
    }
  }

  @Test func `answers with what can be read, when it finds the damage while it is read`() async throws {
    let node = try node()
    try await append(node, 0..<4)
    _ = try await node.answer("trails")
    try await append(node, 4..<10)
    try flip(node, 8)
    #expect(try await node.answer("trails").text == #"{"key":["a",1],"value":"<0><1><2><3><4><5><6>"}"#)
    node.stop()
  }

  @Test func `refuses to answer while an event that is declared wrong can't be read, and is right when it can`() async throws {
    let node = try node()
    try await append(node, 0..<4)
    _ = try await node.answer("trails")
    try flip(node, 2)
    try await append(node, 4..<5, voids: [ulid(1)])
    await #expect(throws: ViewError.self) { try await node.answer("trails") }
    try flip(node, 2)
    try node.restart()
    #expect(try await node.answer("trails").text == #"{"key":["a",1],"value":"<0><2><3><4>"}"#)
    node.stop()
  }
}
