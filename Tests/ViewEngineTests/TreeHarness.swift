import EventModel
import EventStore
import StoreConformance
import Testing
import ViewKit

@testable import ViewEngine

/// Adds doubles: the bits of the sum say in which shape it was made.
struct Doubles: ReduceView {
  let name = "doubles"
  func map(_ event: JSON, _ when: Happened, emit: inout Emit<String, Sum<Double>>) {}
}

extension Double {
  var stored: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(bitPattern)
    return bytes
  }
}

extension Partial {
  var double: Double? {
    guard case .value(let bytes) = self else { return nil }
    return Double(bitPattern: bytes.raw.bigEndian(at: 0))
  }
}

/// One group over a store in memory, changed as slices change it: each change is read on a snapshot and written in a transaction.
final class TreeHarness {
  private let store: any EventStore
  let view: CompiledView
  var known: KeyRow?
  /// Every row put, as it should be there.
  private(set) var rows: [Pos: StoredRow] = [:]
  /// Of the last change.
  private(set) var work = ViewWork()

  init() throws {
    store = try #require(try MemoryEventStoreProvider().open("tree", create: true))
    view = try CompiledView(Doubles())
  }

  /// Puts rows, or voids them: what is told of one place replaces what was there.
  func apply(_ rows: [(pos: Pos, row: StoredRow)]) throws {
    let changes = rows.sorted { $0.pos < $1.pos }.map { RowChange(pos: $0.pos, new: $0.row, old: self.rows[$0.pos]) }
    for (pos, row) in rows { self.rows[pos] = row }
    work = ViewWork()
    let (work, view, known) = (work, view, known)
    let (tree, puts) = try store.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in
      let cursor = try reader.cursor(.view)
      var tree = GroupTree(try GroupTable(7, 9, known, cursor, work), known, Joiner(view: view, key: [7], work: work))
      try tree.apply(changes)
      return ((total: tree.total, levels: tree.levels, last: tree.last), tree.table.puts)
    }
    work.rowsWritten += 1  // The key's row.
    var row = known ?? KeyRow(group: 9)
    (row.total, row.levels, row.last) = (tree.total, tree.levels, tree.last ?? .zero)
    self.known = row
    try store.write(WriteSize(bytes: 0, events: 0)) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
      for put in puts.rows.all + puts.closed.all {
        if let value = put.value { try writer.put(.view, put.key.raw, value.raw) } else { try writer.delete(.view, put.key.raw) }
      }
    }
  }

  /// The value of a part of the rows, and what it took.
  /// - Parameter known: only what was recorded by then, and not voided by then.
  func value(_ filter: RowFilter, known: HLC? = nil) throws -> (Partial, ViewWork) {
    let work = ViewWork()
    let (view, row) = (view, self.known)
    let value = try store.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in
      let table = try GroupTable(7, 9, row, try reader.cursor(.view), work)
      var filter = filter
      if let known { filter.known = try Knowledge(Clock(), low: HLC(value: known.value + 1), high: known, reader) }
      var reading = TreeReading(table, Joiner(view: view, key: [7], work: work), filter)
      return try reading.value()
    }
    return (value, work)
  }

  /// All rows of kinds 2 and 3, as text.
  func stored() throws -> [String: String] {
    try store.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in
      var stored: [String: String] = [:]
      let cursor = try reader.cursor(.view)
      while try cursor.next() { stored[hex(cursor.key)] = hex(cursor.value) }
      return stored
    }
  }
}

private func hex(_ bytes: RawSpan) -> String { hex([UInt8](copying: bytes)) }

func hex(_ bytes: [UInt8]) -> String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }

/// The tree of rows, from the definition alone (DESIGN §5), all in memory: what must be stored, and the value.
struct NaiveTree {
  private(set) var stored: [String: String] = [:]
  private(set) var value: Double?
  private(set) var levels = 0

  /// Rows of a run and, if it has any, their value.
  private typealias Run = (start: Pos, level: Int, block: Block)

  init(_ rows: [Pos: StoredRow]) {
    let rows = rows.sorted { $0.key < $1.key }
    let prefix: [UInt8] = [0, 0, 0, 7, 2, 0, 0, 0, 0, 0, 0, 0, 9]
    for (pos, row) in rows {
      var bytes: [UInt8] = []
      row.write(to: &bytes)
      stored[hex(ViewKeys.at(prefix + [0], pos))] = hex(bytes)
    }
    var items = rows.map { (start: $0.key, level: $0.value.isActive ? naiveLevel($0.key) : 0, block: Block($0.value)) }
    let height = (items.map(\.level).max() ?? 0) + 1
    var all: [[Run]] = []
    while all.last?.count != 1, !items.isEmpty {
      let level = all.count + 1
      var blocks: [[Run]] = []
      for item in items {
        if blocks.isEmpty || item.level >= level { blocks.append([item]) } else { blocks[blocks.count - 1].append(item) }
      }
      items = blocks.map { run in
        (run[0].level >= level ? run[0].start : .zero, run[0].level, Self.joined(run.map(\.block)))
      }
      all.append(items)
    }
    value = items.first?.block.partial.double
    guard all.count > 1 else { return }
    levels = height
    store(all, items[0].level)
  }

  private mutating func store(_ all: [[Run]], _ topLevel: Int) {
    for level in 1...levels {
      // Above the first level of one block there is that one, and its child is open.
      let blocks = level <= all.count ? all[level - 1] : [(level <= topLevel ? all[all.count - 1][0].start : .zero, 0, Block())]
      for block in blocks.dropLast() {
        stored[hex(ViewKeys.at([0, 0, 0, 7, 3, 0, 0, 0, 0, 0, 0, 0, 9, UInt8(level)], block.start))] = hex(block.block.bytes)
      }
      var open = OpenBlock(start: blocks[blocks.count - 1].start)
      if level == 1 {
        open.block = blocks[blocks.count - 1].block
      } else if level <= all.count {
        open.block = Self.joined(all[level - 2].dropLast().filter { $0.start >= open.start }.map(\.block))
      }
      stored[hex([0, 0, 0, 7, 2, 0, 0, 0, 0, 0, 0, 0, 9, 1, UInt8(level)])] = hex(open.bytes)
    }
  }

  private static func joined(_ blocks: [Block]) -> Block {
    var joined = Block()
    for block in blocks { joined.widen(by: block) }
    if let first = blocks.compactMap(\.partial.double).first {
      joined.partial = .value(blocks.compactMap(\.partial.double).dropFirst().reduce(first, +).stored)
    }
    return joined
  }
}

/// The level of a place, group of five bits by group.
func naiveLevel(_ pos: Pos) -> Int {
  var bytes = [UInt8]("laterbase tree 1".utf8)
  bytes.appendBigEndian(pos.id)
  bytes.appendBigEndian(pos.digest)
  bytes.appendBigEndian(pos.index)
  var rest = Digest.sha256(bytes.raw).first8
  var level = 0
  while level < 12, rest & 31 == 0 { (rest, level) = (rest >> 5, level + 1) }
  return level
}
