import EventModel
import EventStore
import Synchronization

extension StoreConformance {
  /// A table is an ordered map: after random puts and deletes, committed or aborted, it equals a sorted dictionary, read by get and by
  /// cursor, from any key and both ways; and so it does after being closed and opened again.
  public func checkMaps(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let name = "maps-\(seed)"
    var store = try open(name)
    var model: [[UInt8]: [UInt8]] = [:]
    for round in 0..<12 {
      var next = model
      let aborts = random.chance(1, in: 4)
      do {
        try store.write(WriteSize(bytes: 1 << 16, events: 64)) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
          var draft = model
          var dice = SeededRandom(seed: seed &+ UInt64(round))
          for _ in 0..<40 { try Self.change(&draft, &dice, writer) }
          next = draft
          if aborts { throw StoreError(.closed, "abort") }
        }
        model = next
      } catch {
        if error.message != "abort" { throw error }
      }
      if round % 4 == 3 {
        store.close()
        store = try open(name)
      }
      try compare(store, model, &random, "seed \(seed), round \(round)")
    }
    store.close()
    try provider.remove(name)
    try require(try provider.open(name, create: false) == nil, "a removed database is still there")
  }

  private static func change(
    _ model: inout [[UInt8]: [UInt8]], _ random: inout SeededRandom, _ writer: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) {
    let key = Self.key(&random)
    if random.chance(1, in: 4) {
      let there = model.removeValue(forKey: key) != nil
      guard try writer.delete(.view, key.raw) == there else { throw StoreError(.damaged, "delete answered wrongly") }
    } else {
      let value = [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: Int(random.next() % 3000))
      let half = value.count / 2
      model[key] = value
      let rising = random.chance(1, in: 2)
      if random.chance(1, in: 2) {
        try writer.put(.view, key.raw, value.raw, rising: rising)
      } else {
        try writer.put(.view, key.raw, value.raw.extracting(first: half), value.raw.extracting(droppingFirst: half), rising: rising)
      }
    }
    let other = Self.key(&random)
    let held = try writer.get(.view, other.raw)
    if let held {
      guard let expected = model[other], held.equals(expected.raw) else { throw StoreError(.damaged, "get of an own write is wrong") }
    } else if model[other] != nil {
      throw StoreError(.damaged, "a get does not see an own write")
    }
  }

  private static func key(_ random: inout SeededRandom) -> [UInt8] {
    (0...random.next() % 6).map { _ in [0, 1, 0x7F, 0x80, 0xFF][Int(random.next() % 5)] }
  }

  private func compare(_ store: any EventStore, _ model: [[UInt8]: [UInt8]], _ random: inout SeededRandom, _ context: String) throws {
    let sorted = model.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    let (forward, backward) = try store.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in
      var forward: [[UInt8]] = []
      var backward: [[UInt8]] = []
      let cursor = try reader.cursor(.view)
      while try cursor.next() { forward.append([UInt8](copying: cursor.key) + [UInt8](copying: cursor.value)) }
      let back = try reader.cursor(.view)
      while try back.previous() { backward.append([UInt8](copying: back.key) + [UInt8](copying: back.value)) }
      return (forward, backward)
    }
    try require(forward == sorted.map { $0.key + $0.value }, "\(context): a cursor forwards differs from the sorted map")
    try require(backward == forward.reversed(), "\(context): a cursor backwards differs from one forwards")
    for _ in 0..<20 {
      let key = Self.key(&random)
      let expected = sorted.first { !$0.key.lexicographicallyPrecedes(key) }?.key
      let found = try store.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) -> [UInt8]? in
        let cursor = try reader.cursor(.view)
        return try cursor.seek(key.raw) ? [UInt8](copying: cursor.key) : nil
      }
      try require(found == expected, "\(context): a seek to \(key) found \(found ?? []), not \(expected ?? [])")
    }
  }

  /// A read sees the state of its beginning while a write commits beside it, and that write does not wait for it; the next read sees both.
  public func checkSnapshots(seed: UInt64) throws {
    let world = ManualWorld(seed: seed)
    let set = try openSet("snapshots-\(seed)", world)
    for round in 0..<4 {
      let ulid = ULID(at: Instant(milliseconds: Int64(round)), low80: UInt128(seed))
      let (before, after) = try set.store.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in
        let before = try Self.rows(.log, reader)
        let answered = Mutex(false)
        set.append(Draft([(ulid, "{}", [])], world: world.world)) { _ in answered.withLock { $0 = true } }
        // The writer has a thread of its own, so it goes on while this one waits.
        while !answered.withLock({ $0 }) {}
        return (before, try Self.rows(.log, reader))
      }
      try require(before == round && after == before, "seed \(seed), round \(round): a read of \(before) records saw \(after) later")
    }
    set.close()
  }

  private static func rows(_ table: Table, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) -> Int {
    let cursor = try reader.cursor(table)
    var count = 0
    while try cursor.next() { count += 1 }
    return count
  }

  /// The start mark is what was set last, also after being opened again; the place stays the same.
  public func checkMarks(seed: UInt64) throws {
    let name = "marks-\(seed)"
    var store = try open(name)
    try require(try store.startMark() == nil, "a new database has a start mark")
    for round in 0..<3 {
      let mark = [UInt8](repeating: UInt8(round), count: 16)
      let place = try store.place()
      try store.setStartMark(mark)
      store.close()
      store = try open(name)
      try require(try store.startMark() == mark, "the start mark did not survive")
      try require(try store.place() == place, "the place changed without being moved")
    }
    store.close()
  }
}
