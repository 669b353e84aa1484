import EventModel
import EventStore
import StoreConformance
import Testing
import ViewKit

@testable import ViewEngine

@Suite struct `A verification of views` {
  private func node(_ seed: UInt64) async throws -> TestNode {
    var random = SeededRandom(seed: seed)
    var options = ViewEngineOptions()
    options.borderLevel = 1
    let node = try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: seed), options)
    for _ in 0..<20 { try await node.append(20, &random) }
    try await node.engine.catchUpAll()
    return node
  }

  /// All rows of the views, as they are stored.
  private func rows(_ node: TestNode) throws -> [(key: [UInt8], value: [UInt8])] {
    try node.set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      var rows: [([UInt8], [UInt8])] = []
      let cursor = try reader.cursor(.view)
      while try cursor.next() { rows.append(([UInt8](copying: cursor.key), [UInt8](copying: cursor.value))) }
      return rows
    }
  }

  private func put(_ node: TestNode, _ key: [UInt8], _ value: [UInt8]?) async throws {
    try await node.set.slice(WriteSize(bytes: 512, events: 1)) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      if let value { try writer.put(.view, key.raw, value.raw) } else { try writer.delete(.view, key.raw) }
    }
  }

  @Test func `finds a row, block, state, total or list that is not what the events make, and says of which view`() async throws {
    let seed = testSeed()
    var random = SeededRandom(seed: seed)
    let node = try await node(seed)
    let sound = try node.engine.verify()
    #expect(sound.faults == [] && sound.views == 5 && sound.keys > 20, "seed \(seed)")
    let names = try node.set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      Dictionary(uniqueKeysWithValues: try ViewHeader.all(reader).map { ($0.number, $0.name) })
    }
    let all = try rows(node).filter { $0.key[4] != ViewKeys.Kind.header.rawValue }
    var kinds: Set<UInt8> = []
    for kind in Set(all.map { $0.key[4] }) {
      let some = all.filter { $0.key[4] == kind }
      for _ in 0..<6 {
        let (key, value) = some[Int(random.next() % UInt64(some.count))]
        // A byte flipped where every bit counts (of a border's and a block's counts, too), or the row gone.
        var other: [UInt8]? = value
        if random.chance(1, in: 2), !value.isEmpty { other?[Int(random.next() % UInt64(value.count))] ^= 1 } else { other = nil }
        try await put(node, key, other)
        let name = try #require(names[key.raw.bigEndian(at: 0)])
        var faults: [String] = []
        do { faults = try node.engine.verify().faults } catch { faults = ["view \(name), \(error)"] }
        #expect(!faults.isEmpty && faults.allSatisfy { $0.hasPrefix("view \(name), ") }, "seed \(seed) kind \(kind) \(key) \(value)")
        try await put(node, key, value)
        kinds.insert(kind)
      }
    }
    #expect(kinds == [1, 2, 3, 4, 6], "seed \(seed)")
    #expect(try node.engine.verify().faults == [], "seed \(seed)")
    node.stop()
  }

  @Test func `finds rows of events that aren't there, and leaves out what is not built yet`() async throws {
    let node = try await node(5)
    let (key, value) = try #require(try rows(node).first { $0.key[4] == ViewKeys.Kind.row.rawValue })
    try await put(node, key.dropLast() + [key[key.count - 1] ^ 0x40], value)
    let faults = try node.engine.verify().faults
    #expect(faults.contains { $0.contains("all keys") && $0.contains("rows are stored") }, "\(faults)")
    node.stop()
    let fresh = try TestNode(.memory(MemoryEventStoreProvider()), ManualWorld(seed: 1))
    #expect(try fresh.engine.verify().views == 0)
    fresh.stop()
  }
}
