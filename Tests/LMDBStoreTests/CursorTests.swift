import EventModel
import EventStore
import LMDBStore
import StoreConformance
import Testing

@Suite struct `A cursor` {
  let folder = TemporaryFolder()

  /// Three cursors walk a table while it is changed under them; each must stand at its key and go to that key's neighbours as they are now.
  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `keeps its place by key while rows are put and deleted`(seed: UInt64) throws {
    let store = try LMDBEventStore(folder: folder.path)
    defer { store.close() }
    try store.write(WriteSize(bytes: 1 << 20, events: 1)) { (transaction) throws(StoreError) in
      var random = SeededRandom(seed: seed)
      var model: [[UInt8]: [UInt8]] = [:]
      var places: [[UInt8]?] = [nil, nil, nil]
      var cursors: [any StoreCursor] = []
      for _ in places { cursors.append(try transaction.cursor(.view)) }
      for step in 0..<1500 {
        let key = [UInt8(random.next() % 3), UInt8(random.next() % 40)]
        switch random.next() % 8 {
        case 0, 1, 2:
          let value = [UInt8](repeating: UInt8(step & 0xFF), count: Int(random.next() % 600))
          model[key] = value
          try transaction.put(.view, key.raw, value.raw)
        case 3:
          let deleted = try transaction.delete(.view, key.raw)
          try require(deleted == (model.removeValue(forKey: key) != nil), seed, step)
        default:
          let index = Int(random.next() % 3)
          places[index] = try move(cursors[index], from: places[index], key, model, &random, seed, step)
        }
        for (cursor, place) in zip(cursors, places) {
          guard let place else { continue }
          try require(cursor.key.equals(place.raw), seed, step)
          if let value = model[place] { try require(cursor.value.equals(value.raw), seed, step) }
        }
      }
    }
  }

  private func require(_ condition: Bool, _ seed: UInt64, _ step: Int) throws(StoreError) {
    if !condition { throw StoreError(.damaged, "seed \(seed), step \(step)") }
  }

  /// Moves the cursor and a place in the model alike; returns where both are.
  private func move(
    _ cursor: any StoreCursor, from place: [UInt8]?, _ key: [UInt8], _ model: [[UInt8]: [UInt8]], _ random: inout SeededRandom,
    _ seed: UInt64,
    _ step: Int
  ) throws(StoreError) -> [UInt8]? {
    let keys = model.keys.sorted { $0.lexicographicallyPrecedes($1) }
    let expected: [UInt8]?
    let found: Bool
    switch random.next() % 4 {
    case 0:
      expected = keys.first { !$0.lexicographicallyPrecedes(key) }
      found = try cursor.seek(key.raw)
    case 1:
      expected = keys.first { key in place.map { $0.lexicographicallyPrecedes(key) } ?? true }
      found = try cursor.next()
    case 2:
      expected = keys.last { key in place.map { key.lexicographicallyPrecedes($0) } ?? true }
      found = try cursor.previous()
    default:
      expected = keys.last
      found = try cursor.last()
    }
    try require(found == (expected != nil), seed, step)
    if let expected { try require(cursor.key.equals(expected.raw), seed, step) }
    return expected
  }

  @Test func `outlives its transaction harmlessly, unused`() throws {
    let store = try LMDBEventStore(folder: folder.path)
    defer { store.close() }
    try store.put([("a", "1")])
    var kept: [any StoreCursor] = []
    for _ in 0..<50 {
      kept.append(try store.read { (transaction) throws(StoreError) in try transaction.cursor(.log) })
      kept.append(
        try store.write(WriteSize(bytes: 1, events: 1)) { (transaction) throws(StoreError) in
          let closed = try transaction.cursor(.log)
          _ = try closed.next()
          return try transaction.cursor(.log)
        })
    }
    kept.removeAll()
    #expect(try store.rows() == [["a", "1"]])
  }

  @Test func `traps when it is used after its transaction`() async throws {
    for writes in [false, true] {
      let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        [path = folder.path as String, writes = writes as Bool] in
        let store = try LMDBEventStore(folder: path)
        try store.put([("a", "1")])
        let cursor: any StoreCursor
        if writes {
          cursor = try store.write(WriteSize(bytes: 1, events: 1)) { (transaction) throws(StoreError) in try transaction.cursor(.log) }
        } else {
          cursor = try store.read { (transaction) throws(StoreError) in try transaction.cursor(.log) }
        }
        // The handle is in use again, by another transaction.
        try store.read { (_) throws(StoreError) in _ = try cursor.next() }
      }
      #expect(String(decoding: result.standardErrorContent, as: UTF8.self).contains("after its transaction ended"))
    }
  }

  @Test func `traps when its row is asked for and it stands nowhere`() async throws {
    let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) { [path = folder.path as String] in
      let store = try LMDBEventStore(folder: path)
      try store.put([("a", "1")])
      try store.read { (transaction) throws(StoreError) in
        let cursor = try transaction.cursor(.log)
        while try cursor.next() {}
        _ = cursor.key.byteCount
      }
    }
    #expect(String(decoding: result.standardErrorContent, as: UTF8.self).contains("stands nowhere"))
  }

  @Test func `traps when its row is gone and its value is asked for`() async throws {
    let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) { [path = folder.path as String] in
      let store = try LMDBEventStore(folder: path)
      try store.put([("a", "1"), ("b", "2")])
      try store.write(WriteSize(bytes: 1, events: 1)) { (transaction) throws(StoreError) in
        let cursor = try transaction.cursor(.log)
        _ = try cursor.next()
        try transaction.delete(.log, cursor.key)
        _ = cursor.value.byteCount
      }
    }
    #expect(String(decoding: result.standardErrorContent, as: UTF8.self).contains("was deleted"))
  }
}
