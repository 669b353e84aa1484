import EventModel
import EventStore
import ViewKit

/// What becomes of one row: new, or known and told otherwise (voided, or recorded earlier than was known).
struct RowChange {
  let pos: Pos
  let new: StoredRow
  let old: StoredRow?
  /// The place's: a hash, so it is asked for once.
  let level: Int

  init(pos: Pos, new: StoredRow, old: StoredRow?) { (self.pos, self.new, self.old, level) = (pos, new, old, pos.level) }
}

/// The ordered summary tree of one group's rows (DESIGN §5): it keeps the value of the sequence of rows under appends, late inserts and
/// voids, so that the value is a function of the rows and of nothing else, also where a join of doubles is not associative to the bit.
///
/// At level k a block starts at every row whose `Pos.level` is ≥ k; the rows before the first such row are the block that starts at
/// `Pos.zero`. A block's value is the left fold of the blocks of the level below (at level 1 of the rows). The last block of each level is
/// *open*: of its children only the closed ones are in it, so an append touches the open blocks alone, and
/// `total = open[H] ⊕ (open[H−1] ⊕ (… ⊕ open[1]))`. Closed blocks are rows of their own.
///
/// A group of one block has no rows of a tree. A voided row stays, has no part in a value and starts no block; its HLCs count in the least
/// and greatest of the blocks it lies in.
///
/// - Complexity: for n rows, block lengths geometric with mean 32. Append: 3.9 joins and 3.0 rows written at n = 10⁶ (the row, the open
///   block, the key). Late insert or void: each block that holds the place is refolded once a slice, at n = 10⁶ 217 joins and 6 rows
///   written. Both grow like log₃₂ n.
struct GroupTree {
  private(set) var table: GroupTable
  private let joiner: Joiner
  /// The last row's place; nil: there is none.
  private(set) var last: Pos?
  /// The value of the sequence of rows.
  private(set) var total: Partial

  /// - Parameter known: what is stored of the key; nil: nothing.
  init(_ table: GroupTable, _ known: KeyRow?, _ joiner: Joiner) {
    (self.table, self.joiner) = (table, joiner)
    (last, total) = (known?.last, known?.total ?? .none)
  }

  var levels: Int { table.open.count }

  /// See `GroupTable`: of a tree that only grows behind its last row.
  mutating func takeClosed() -> PutList { table.takeClosed() }

  /// Takes in changed rows, sorted by place, each place once.
  mutating func apply(_ changes: [RowChange]) throws(StoreError) {
    guard let end = changes.last?.pos else { return }
    let split = last.map { last in changes.firstIndex { $0.pos > last } ?? changes.count } ?? 0
    let (late, later) = (changes[..<split], changes[split...])
    for change in late { table.setRow(change.pos, change.new) }
    if table.open.isEmpty {
      for change in later { table.setRow(change.pos, change.new) }
      let starts = later.contains { $0.new.isActive && $0.level > 0 }
      if late.isEmpty && !starts {
        total = joiner.joined(later.compactMap { $0.new.isActive ? PlacedRow(when: $0.pos.when, row: $0.new.row) : nil }, to: total)
      } else if last == nil {
        table.open = [OpenBlock()]
        append(later)
        try dropIfOneBlock()
      } else {
        try build()
      }
    } else {
      if !late.isEmpty { try refold(late) }
      for change in later { table.setRow(change.pos, change.new) }
      append(later)
      if !late.isEmpty { try dropIfOneBlock() }
    }
    last = max(last ?? end, end)
  }

  // MARK: Append

  /// Rows behind the last border, not yet joined to the open block of level 1; and what else that is to hold of them.
  private var run: [PlacedRow] = []
  private var runBlock = Block()

  private mutating func append(_ changes: ArraySlice<RowChange>) {
    for change in changes { append(change.pos, change.new, level: change.level) }
    close()
  }

  private mutating func append(_ pos: Pos, _ row: StoredRow, level: Int) {
    if row.isActive, level > 0 { startBlocks(level, at: pos) }
    runBlock.widen(by: row)
    if row.isActive { run.append(PlacedRow(when: pos.when, row: row.row)) }
  }

  private mutating func joinRun() {
    guard !runBlock.isEmpty else { return }
    table.open[0].block.widen(by: runBlock)
    table.open[0].block.partial = joiner.joined(run, to: table.open[0].block.partial)
    run.removeAll(keepingCapacity: true)
    runBlock = Block()
  }

  /// Closes the open blocks of the levels up to `level`, and opens empty ones at `pos`.
  private mutating func startBlocks(_ level: Int, at pos: Pos) {
    joinRun()
    grow(level + 1)
    var child = Block()
    for k in 1...level {
      child = joiner.limited(joiner.join([table.open[k - 1].block, child]))
      if !child.isEmpty { table.setClosed(k, table.open[k - 1].start, child) }
      table.open[k - 1] = OpenBlock(start: pos)
    }
    table.open[level].block = joiner.join([table.open[level].block, child])
  }

  private mutating func grow(_ levels: Int) {
    while table.open.count < levels { table.open.append(OpenBlock()) }
  }

  /// Joins what is open to the total.
  private mutating func close() {
    joinRun()
    total = .none
    for open in table.open { total = joiner.join([open.block.partial, total]) }
  }

  /// Reads a group of one block, and makes a tree of it if it is more than that now.
  private mutating func build() throws(StoreError) {
    table.open = [OpenBlock()]
    var rows: [(Pos, StoredRow)] = []
    try table.rows(from: .zero, to: nil) { (pos, row) in
      rows.append((pos, row))
      return true
    }
    for (pos, row) in rows { append(pos, row, level: row.isActive ? pos.level : 0) }
    close()
    try dropIfOneBlock()
  }

  // MARK: Late rows

  /// How many levels a row starts blocks at, before and after.
  private struct Shift {
    let pos: Pos
    let before: Int
    let after: Int

    init(_ change: RowChange) {
      pos = change.pos
      before = change.old?.isActive == true ? change.level : 0
      after = change.new.isActive ? change.level : 0
    }
  }

  /// Splits and merges blocks where starts came and went, and refolds each block that holds a changed row once, bottom-up.
  private mutating func refold(_ changes: ArraySlice<RowChange>) throws(StoreError) {
    let shifts = changes.map(Shift.init)
    grow((shifts.map(\.after).max() ?? 0) + 1)
    for level in 1...table.open.count {
      for shift in shifts {
        if shift.before < level, shift.after >= level { addStart(level, shift.pos) }
        if shift.before >= level, shift.after < level { try removeStart(level, shift.pos) }
      }
      var dirty: [Pos] = []
      for shift in shifts {
        if shift.before < level, shift.after >= level { dirty.append(try start(level, of: shift.pos, strictly: true)) }
        dirty.append(try start(level, of: shift.pos))
      }
      dirty.sort()
      for (index, start) in dirty.enumerated() where index == 0 || start != dirty[index - 1] { try refold(level, start) }
    }
    try trim()
  }

  private mutating func addStart(_ level: Int, _ pos: Pos) {
    let open = table.open[level - 1].start
    if pos > open {
      table.setClosed(level, open, Block())
      table.open[level - 1].start = pos
    } else {
      table.setClosed(level, pos, Block())
    }
  }

  private mutating func removeStart(_ level: Int, _ pos: Pos) throws(StoreError) {
    if table.open[level - 1].start == pos {
      let before = try table.lastClosed(level, upTo: pos, strictly: true)
      if let before { table.setClosed(level, before, nil) }
      table.open[level - 1].start = before ?? .zero
    } else {
      table.setClosed(level, pos, nil)
    }
  }

  /// The start of the block that holds a place (`strictly`: the place before it).
  private func start(_ level: Int, of pos: Pos, strictly: Bool = false) throws(StoreError) -> Pos {
    let open = table.open[level - 1].start
    if strictly ? open < pos : open <= pos { return open }
    return try table.lastClosed(level, upTo: pos, strictly: strictly) ?? .zero
  }

  private mutating func refold(_ level: Int, _ start: Pos) throws(StoreError) {
    let open = table.open[level - 1].start
    let end = start == open ? nil : try table.firstClosed(level, after: start) ?? open
    var items: [Block] = []
    if level == 1 {
      try table.rows(from: start, to: end) { (_, row) in
        items.append(Block(row))
        return true
      }
    } else {
      items = try table.closedBlocks(level - 1, from: start, to: end).map(\.block)
    }
    let block = joiner.join(items)
    if end == nil {
      table.open[level - 1].block = block
    } else {
      table.setClosed(level, start, block.isEmpty ? nil : joiner.limited(block))
    }
  }

  private mutating func dropIfOneBlock() throws(StoreError) {
    if try table.firstClosed(1, after: .zero, inclusive: true) == nil { table.open = [] }
  }

  /// Takes off levels above the first that has one block.
  private mutating func trim() throws(StoreError) {
    while table.open.count > 1, table.open[table.open.count - 1].start == .zero, table.open[table.open.count - 2].start == .zero,
      try table.firstClosed(table.open.count - 1, after: .zero, inclusive: true) == nil
    { table.open.removeLast() }
  }
}
