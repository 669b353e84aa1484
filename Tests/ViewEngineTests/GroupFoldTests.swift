import EventModel
import EventStore
import StoreConformance
import Testing
import ViewKit

@testable import ViewEngine

/// Remembers every row and its order.
struct Chained: FoldView {
  let name = "chained"
  func map(_ event: JSON, _ when: Happened, emit: inout Emit<String, Int>) {}
  func start(_ key: String) -> Int { 7 }
  func apply(_ row: Int, _ when: Happened, to state: inout Int) { state = (state &* 31 &+ row) & 0xFFFF_FFFF }
}

/// Forgets all rows but the last.
struct Forgetful: FoldView {
  let name = "forgetful"
  func map(_ event: JSON, _ when: Happened, emit: inout Emit<String, Int>) {}
  func start(_ key: String) -> Int { 7 }
  func apply(_ row: Int, _ when: Happened, to state: inout Int) { state = row }
}

/// Remembers little: many late rows change nothing behind them.
struct Wheel: FoldView {
  let name = "wheel"
  func map(_ event: JSON, _ when: Happened, emit: inout Emit<String, Int>) {}
  func start(_ key: String) -> Int { 0 }
  func apply(_ row: Int, _ when: Happened, to state: inout Int) { state = (state + row) % 3 }
}

/// One group of a `FoldView` over a store in memory, changed as slices change it.
final class FoldHarness {
  private let store: any EventStore
  private let view: CompiledView
  private let next: (Int, Int) -> Int
  private let start: Int
  private let borderLevel: Int
  private(set) var known: KeyRow?
  private(set) var mark: DirtyMark?
  private(set) var rows: [Pos: StoredRow] = [:]
  private(set) var work = ViewWork()

  init<V: FoldView>(_ view: V, borderLevel: Int) throws where V.RowKey == String, V.Row == Int, V.State == Int {
    store = try #require(try MemoryEventStoreProvider().open("fold", create: true))
    self.view = try CompiledView(view)
    self.borderLevel = borderLevel
    start = view.start("a")
    next = { state, row in
      var state = state
      view.apply(row, Pos.zero.when, to: &state)
      return state
    }
  }

  static func row(_ value: Int, _ hlc: UInt64, voided: UInt64? = nil) -> StoredRow {
    var bytes: [UInt8] = []
    value.write(to: &bytes)
    return StoredRow(recorded: HLC(value: hlc), voided: voided.map { HLC(value: $0) }, row: bytes)
  }

  private func fold<R>(_ body: (inout GroupFold) throws(StoreError) -> R) throws -> (R, GroupFold) {
    work = ViewWork()
    return try store.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in
      let table = try GroupTable(7, 9, known, isFold: true, try reader.cursor(.view), work)
      let joiner = Joiner(view: view, key: [7, 0x61, 0], work: work)
      var fold = GroupFold(table, known, mark, joiner, borderLevel: borderLevel)
      let result = try body(&fold)
      return (result, fold)
    }
  }

  /// Takes in rows, or goes on where the mark says; at most about `rowsMax` rows are folded.
  func apply(_ rows: [Pos: StoredRow], rowsMax: Int) throws {
    let changes = rows.sorted { $0.key < $1.key }.map { RowChange(pos: $0.key, new: $0.value, old: self.rows[$0.key]) }
    self.rows.merge(rows) { $1 }
    var left = rowsMax
    let (_, fold) = try fold { (fold) throws(StoreError) in
      if changes.isEmpty { try fold.refold(rowsLeft: &left) } else { try fold.apply(changes, rowsLeft: &left) }
    }
    mark = fold.mark
    var row = known ?? KeyRow(group: 9)
    (row.total, row.isDirty) = (fold.total, fold.mark != nil)
    if let last = changes.last { row.last = max(row.last, last.pos) }
    known = row
    let puts = fold.table.puts
    try store.write(WriteSize(bytes: 0, events: 0)) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
      for put in puts.rows.all + puts.borders.all {
        if let value = put.value { try writer.put(.view, put.key.raw, value.raw) } else { try writer.delete(.view, put.key.raw) }
      }
    }
  }

  func state(before end: Pos? = nil) throws -> Int? { try fold { (fold) throws(StoreError) in try fold.state(before: end) }.0.int }

  /// The state by its definition; nil: no row.
  func expected(before end: Pos? = nil) -> Int? {
    var state: Int?
    for (pos, row) in rows.sorted(by: { $0.key < $1.key }) where row.isActive && end.map({ pos < $0 }) ?? true {
      state = next(state ?? start, Partial.value(row.row).int ?? 0)
    }
    return state
  }

  /// Whether the borders stored are those of the rows, with their states and HLCs.
  func bordersAreRight() throws -> Bool {
    var expected: [Pos: Block] = [:]
    var segment = Block()
    for (pos, row) in rows.sorted(by: { $0.key < $1.key }) {
      if row.isActive, naiveLevel(pos) >= borderLevel {
        segment.partial = self.expected(before: pos).map(Partial.init) ?? .none
        expected[pos] = segment
        segment = Block()
      }
      segment.widen(by: Block(row))
    }
    let stored = try fold { (fold) throws(StoreError) in try fold.table.closedBlocks(0, from: .zero, to: nil) }.0
    // The first row's segment has no border before it: nothing is folded from there.
    return Dictionary(uniqueKeysWithValues: stored.map { ($0.start, $0.block) }) == expected
  }
}

extension Partial {
  var int: Int? {
    guard case .value(let bytes) = self else { return nil }
    var rest = bytes[...]
    return try? Int(from: &rest)
  }

  init(_ state: Int) {
    var bytes: [UInt8] = []
    state.write(to: &bytes)
    self = .value(bytes)
  }
}

@Suite struct `The states of a group` {
  typealias Tree = `The summary tree of a group`

  @Test(arguments: [0, 1, 2]) func `are those of its rows, whatever came late, at every border and at every moment`(borderLevel: Int) throws
  {
    for round in 0..<40 {
      let seed = testSeed(round: round)
      var random = SeededRandom(seed: seed)
      let harness =
        switch round % 3 {
        case 0: try FoldHarness(Chained(), borderLevel: borderLevel)
        case 1: try FoldHarness(Forgetful(), borderLevel: borderLevel)
        default: try FoldHarness(Wheel(), borderLevel: borderLevel)
        }
      let rising = random.chance(1, in: 2)
      var all = (0..<Int(random.next() % 120) + 1).map { _ in Tree.place(&random, borders: 3) }
      if rising { all.sort() }
      var next = 0
      while next < all.count {
        var slice: [Pos: StoredRow] = [:]
        for _ in 0..<random.next() % 6 where next < all.count {
          if random.chance(1, in: 5), let old = harness.rows.keys.sorted().first(where: { _ in random.chance(1, in: 20) }) {
            slice[old] = FoldHarness.row(harness.rows[old].flatMap { Partial.value($0.row).int } ?? 0, 3, voided: random.next() % 100)
          } else {
            if harness.rows[all[next]] == nil { slice[all[next]] = FoldHarness.row(Int(random.next() % 3), random.next() % 100) }
            next += 1
          }
        }
        // With few rows a slice, a mark stays behind, and is widened by the next slice, or worked off.
        try harness.apply(slice, rowsMax: [0, 4, 1000][Int(random.next() % 3)])
        #expect(try harness.state() == harness.expected(), "seed \(seed)")
        let end = all[Int(random.next() % UInt64(all.count))]
        #expect(try harness.state(before: end) == harness.expected(before: end), "seed \(seed)")
      }
      var steps = 0
      while harness.mark != nil, steps < 1000 {
        try harness.apply([:], rowsMax: 3)
        steps += 1
      }
      #expect(harness.mark == nil && harness.known?.total.int == harness.expected(), "seed \(seed)")
      #expect(try harness.bordersAreRight(), "seed \(seed)")
    }
  }

  @Test func `cost one row an append, and of a late row as much as the state remembers`() throws {
    for forgets in [true, false] {
      var random = SeededRandom(seed: 4)
      let harness = forgets ? try FoldHarness(Forgetful(), borderLevel: 1) : try FoldHarness(Chained(), borderLevel: 1)
      var top: UInt128 = 0
      func rising() -> [Pos: StoredRow] {
        top += 1000
        return [Pos(id: top << 64 | UInt128(random.next()), digest: 0, index: 0): FoldHarness.row(Int(random.next() % 1000), 1)]
      }
      for _ in 0..<20 { try harness.apply((0..<200).reduce(into: [:]) { rows, _ in rows.merge(rising()) { $1 } }, rowsMax: .max) }
      var applied = 0
      for _ in 0..<200 {
        try harness.apply(rising(), rowsMax: .max)
        applied += harness.work.combines
      }
      // A row that is a border has those since the last border read again.
      #expect(applied < 200 * 3)
      let late = Pos(id: (top / 2) << 64 | 5, digest: 0, index: 0)
      try harness.apply([late: FoldHarness.row(5000, 1)], rowsMax: .max)
      #expect(forgets ? harness.work.combines < 400 : harness.work.combines > 2000)
      #expect(try harness.state() == harness.expected())
      #expect(harness.work.rowsWritten < (forgets ? 10 : 200))
    }
  }
}
