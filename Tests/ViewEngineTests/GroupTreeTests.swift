import EventModel
import EventStore
import Foundation
import StoreConformance
import Testing

@testable import ViewEngine

@Suite struct `The summary tree of a group` {
  /// Places by level, so that a test may have many borders among few rows.
  static let places: [[Pos]] = {
    var random = SeededRandom(seed: 32)
    var places: [[Pos]] = [[], [], [], []]
    for _ in 0..<40_000 {
      let pos = Pos(
        id: UInt128(random.next() % 100_000), digest: UInt128(random.next()), index: UInt16(truncatingIfNeeded: random.next() % 3))
      places[min(naiveLevel(pos), 3)].append(pos)
    }
    return places
  }()

  static func place(_ random: inout SeededRandom, borders: UInt64) -> Pos {
    var level = 0
    while level < 3, !places[level + 1].isEmpty, random.chance(1, in: borders) { level += 1 }
    return places[level][Int(random.next() % UInt64(places[level].count))]
  }

  static func row(_ random: inout SeededRandom) -> StoredRow {
    let scale = [1e-8, 0.1, 1, 1e7][Int(random.next() % 4)]
    return StoredRow(
      recorded: HLC(value: random.next() % 1000 + 1), row: ((Double(random.next() % 2_000_001) - 1_000_000) * scale).stored)
  }

  @Test func `has the shape and the value of its definition after every slice of puts, voids and further dots`() throws {
    for round in 0..<60 {
      let seed = testSeed(round: round)
      var random = SeededRandom(seed: seed)
      let harness = try TreeHarness()
      let borders = [2, 4, 32][Int(random.next() % 3)]
      let rising = random.chance(1, in: 2)
      var all = (0..<Int(random.next() % 150) + 1).map { _ in Self.place(&random, borders: UInt64(borders)) }
      if rising { all.sort() }
      var next = 0
      while next < all.count || random.chance(2, in: 3) {
        var slice: [Pos: StoredRow] = [:]
        for _ in 0..<[1, 1, 5, 40][Int(random.next() % 4)] {
          if next < all.count, random.chance(3, in: 4) {
            if harness.rows[all[next]] == nil { slice[all[next]] = Self.row(&random) }
            next += 1
          } else if let (pos, old) = harness.rows.min(by: { hash($0.key, seed, next) < hash($1.key, seed, next) }) {
            var row = old
            if random.chance(1, in: 3) {
              row.recorded = HLC(value: row.recorded.value / 2 + 1)
            } else {
              row.voided = HLC(value: random.next() % 1000)
            }
            slice[pos] = row
          }
        }
        try harness.apply(slice.map { ($0.key, $0.value) })
        let expected = NaiveTree(harness.rows)
        #expect(harness.known?.total.double?.bitPattern == expected.value?.bitPattern, "seed \(seed)")
        guard try harness.stored() == expected.stored else {
          Issue.record("seed \(seed): \(harness.rows.count) rows are stored in another shape than the definition's")
          return
        }
        #expect(harness.known?.levels ?? 0 == expected.levels, "seed \(seed)")
      }
    }
  }

  private func hash(_ pos: Pos, _ seed: UInt64, _ step: Int) -> UInt64 {
    var random = SeededRandom(seed: seed ^ UInt64(step) ^ UInt64(truncatingIfNeeded: pos.digest) ^ UInt64(pos.index))
    return random.next()
  }

  @Test func `does what the golden model did: the same shape, the same bits, the same number of joins`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
    let text = try String(contentsOf: root.appending(path: "Fixtures/views/tree.txt"), encoding: .utf8)
    let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    var random = SeededRandom(seed: 1)
    let harness = try TreeHarness()
    var live: [Pos] = []
    var top: UInt64 = 0
    var counted = 0
    for (index, line) in lines.enumerated() where line[0] == "+" || line[0] == "-" {
      let what = random.next() % 20
      let hadTree = harness.known.map { $0.levels > 0 } ?? false
      if what == 0, !live.isEmpty {
        let pos = live.remove(at: Int(random.next() % UInt64(live.count)))
        var row = try #require(harness.rows[pos])
        row.voided = HLC(value: 1)
        try harness.apply([(pos, row)])
      } else {
        if what > 2 { top += 1 + random.next() % 1000 }
        let at = what <= 2 ? random.next() % (top + 1) : top
        let words = (at, random.next(), random.next(), random.next(), random.next() % 3)
        let pos = Pos(
          id: UInt128(words.0) << 64 | UInt128(words.1), digest: UInt128(words.2) << 64 | UInt128(words.3), index: UInt16(words.4))
        let scale = Double(sign: .plus, exponent: 4 * Int(random.next() % 16) - 32, significand: 1)
        let value = (Double(random.next() % 2_000_001) - 1_000_000) * scale / 10
        try harness.apply([(pos, StoredRow(recorded: HLC(value: 5), row: value.stored))])
        live.append(pos)
      }
      let bits = harness.known?.total.double.map { hex($0.stored) } ?? "-"
      #expect(bits == line[2], "operation \(index)")
      // A group of one block has no tree here, and is read anew when it becomes one.
      if hadTree, harness.known.map({ $0.levels > 0 }) ?? false {
        #expect(harness.work.combines == Int(line[1]), "operation \(index)")
        counted += 1
      }
    }
    #expect(counted > 3900)
    let stored = try harness.stored()
    let blocks = lines.filter { $0[0] == "closed" || $0[0] == "open" }
    for line in blocks {
      let isOpen = line[0] == "open"
      let level = hex([UInt8(try #require(Int(line[1])))])
      let value = try #require(
        stored[(isOpen ? "0000000702" : "0000000703") + "0000000000000009" + (isOpen ? "01\(level)" : level + line[2])])
      #expect(value.dropFirst(isOpen ? 68 : 0).dropFirst(48) == (line[3] == "-" ? "00" : "01" + line[3]))
      #expect(!isOpen || value.hasPrefix(line[2]))
    }
    #expect(stored.count == harness.rows.count + blocks.count)
  }

  /// A million rows take half a minute to put: with the environment's LATERBASE_TEST_LONG.
  static let sizes = [[1000, 8000, 32_000]] + (ProcessInfo.processInfo.environment["LATERBASE_TEST_LONG"] == nil ? [] : [[1_000_000]])

  @Test(arguments: sizes) func `costs what it promises: an append next to nothing, a late row O(log n)`(sizes: [Int]) throws {
    var random = SeededRandom(seed: 8)
    let harness = try TreeHarness()
    var top: UInt64 = 0
    func rising() -> Pos {
      top += 1 + random.next() % 1000
      return Pos(id: UInt128(top) << 64 | UInt128(random.next()), digest: 1, index: 0)
    }
    var curve: [(rows: Int, append: Double, appendRows: Double, late: Double, lateRows: Double)] = []
    for size in sizes {
      while harness.rows.count < size {
        try harness.apply((0..<min(4000, size - harness.rows.count)).map { _ in (rising(), Self.row(&random)) })
      }
      var counts = (combines: 0, rows: 0)
      let rounds = 400
      for _ in 0..<rounds {
        try harness.apply([(rising(), Self.row(&random))])
        counts = (counts.combines + harness.work.combines, counts.rows + harness.work.rowsWritten)
      }
      let append = (Double(counts.combines) / Double(rounds), Double(counts.rows) / Double(rounds))
      counts = (0, 0)
      for _ in 0..<rounds {
        let pos = Pos(id: UInt128(random.next() % top) << 64, digest: UInt128(random.next()), index: 0)
        try harness.apply([(pos, Self.row(&random))])
        counts = (counts.combines + harness.work.combines, counts.rows + harness.work.rowsWritten)
      }
      curve.append((size, append.0, append.1, Double(counts.combines) / Double(rounds), Double(counts.rows) / Double(rounds)))
    }
    print("rows, joins and rows written an append, and a late row:", curve)
    for at in curve {
      let levels = log2(Double(at.rows)) / 5
      #expect(at.append < levels + 1.6 && at.appendRows < 3.3)
      #expect(at.late < 64 * (levels + 1) && at.lateRows < levels + 3.5)
    }
    // 32 times the rows is one level more: never twice the work.
    if curve.count > 1 { #expect(curve[2].late < 2 * curve[0].late + 32) }
  }

  @Test func `refolds a block once a slice, however many of its rows are late`() throws {
    var random = SeededRandom(seed: 5)
    let rows = (0..<4000).map { _ in (Self.place(&random, borders: 32), Self.row(&random)) }
    let harness = try TreeHarness()
    try harness.apply(Array(Dictionary(rows, uniquingKeysWith: { a, _ in a })).map { ($0.key, $0.value) })
    let voided = harness.rows.map { row in (row.key, StoredRow(recorded: row.value.recorded, voided: HLC(value: 1), row: row.value.row)) }
      .sorted { $0.0 < $1.0 }
    // All rows of one stretch change, none of them a border.
    let changed = voided.filter { $0.0.level == 0 }[1000..<1500]
    try harness.apply(changed.map { ($0.0, $0.1) })
    let blocks = Double(changed.count) / 32
    #expect(Double(harness.work.combines) < blocks * 32 + 200, "\(harness.work.combines)")
    #expect(harness.work.rowsWritten < changed.count + Int(blocks * 3) + 10)
    #expect(try harness.stored() == NaiveTree(harness.rows).stored)
  }

  @Test func `of a group smaller than one block has no rows`() throws {
    var random = SeededRandom(seed: 6)
    let harness = try TreeHarness()
    let flat = Self.places[0].prefix(200).sorted()
    for pos in flat {
      try harness.apply([(pos, Self.row(&random))])
      #expect(harness.work.rowsWritten == 2 && harness.work.rowsRead == 0 && harness.work.combines <= 1)
    }
    #expect(try harness.stored().count == flat.count)
  }
}
