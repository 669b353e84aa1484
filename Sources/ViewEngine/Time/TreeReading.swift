import EventModel
import EventStore

/// The value of a part of a group's rows, from its summary tree: blocks that lie in the part whole are taken as they are, others entered,
/// and the items stream into a tree in memory, so that the result is the value of the sub-sequence.
///
/// - Complexity: of rows in a time of happening O(32 log n) joins: 105 at 10⁶ rows. Of rows known by then: that and O(1 024) for each
///   row in the blocks around that was recorded later than those behind it.
struct TreeReading {
  private let table: GroupTable
  private let filter: RowFilter
  private var fold: TreeFold

  init(_ table: GroupTable, _ joiner: Joiner, _ filter: RowFilter) {
    (self.table, self.filter) = (table, filter)
    fold = TreeFold(joiner)
  }

  /// None, if no row counts.
  mutating func value() throws(StoreError) -> Partial {
    guard let last = table.open.first else {
      try rows(from: .zero, to: nil)
      return fold.value()
    }
    for level in stride(from: table.open.count - 1, to: 0, by: -1) {
      try blocks(level, from: table.open[level].start, to: nil, end: table.open[level - 1].start)
    }
    try take(1, last.start, nil, last.block)
    return fold.value()
  }

  /// The closed blocks of a level that start in `[from, to)`; the last one ends at `end`.
  private mutating func blocks(_ level: Int, from: Pos, to: Pos?, end: Pos) throws(StoreError) {
    let blocks = try table.closedBlocks(level, from: from, to: to)
    for (index, block) in blocks.enumerated() {
      try take(level, block.start, index + 1 < blocks.count ? blocks[index + 1].start : end, block.block)
    }
  }

  /// - Parameter end: where the next block of the level starts; nil: this is the open one.
  private mutating func take(_ level: Int, _ start: Pos, _ end: Pos?, _ block: Block) throws(StoreError) {
    if let end, end <= filter.from { return }
    if let to = filter.to, start >= to { return }
    if let known = filter.known, block.low > known.high { return }
    if try isWhole(start, end, block) {
      fold.add(block.partial, height: level, level: start == .zero ? level : start.level)
    } else if level > 1, let end {
      try blocks(level - 1, from: start, to: end, end: end)
    } else {
      try rows(from: start, to: end)
    }
  }

  private func isWhole(_ start: Pos, _ end: Pos?, _ block: Block) throws(StoreError) -> Bool {
    if start < filter.from { return false }
    if let to = filter.to, end.map({ $0 > to }) ?? true { return false }
    guard let known = filter.known else { return true }
    guard block.high < known.low else { return false }
    // If the row that ends the block is unknown, the block goes on behind it.
    guard let end else { return true }
    guard let next = try table.rows(from: end, max: 1).first, next.pos == end else { return false }
    return try known.knows(end, next.row)
  }

  private mutating func rows(from: Pos, to: Pos?) throws(StoreError) {
    let end = [to, filter.to].compactMap(\.self).min()
    try table.rows(from: max(from, filter.from), to: end) { (pos, row) throws(StoreError) in
      if try filter.takes(pos, row) { fold.add(.value(row.row), height: 0, level: pos.level) }
      return true
    }
  }
}

extension GroupFold {
  /// The state after a part of the rows; none, if no row counts.
  ///
  /// - Complexity: up to a time of happening O(1 024) rows; from one on, all rows of the part; of rows known by then, all rows behind the
  ///   first border before which one is unknown.
  func state(_ filter: RowFilter) throws(StoreError) -> Partial {
    if filter.from == .zero, filter.known == nil { return try state(before: filter.to) }
    var start: (start: Pos, block: Block)?
    if filter.from == .zero, let known = filter.known {
      let bound = [filter.to, mark?.from].compactMap(\.self).min()
      for border in try table.closedBlocks(0, from: .zero, to: bound) {
        guard border.block.high < known.low else { break }
        start = border
      }
    }
    var fold = StateFold(joiner, from: start?.block)
    try table.rows(from: start?.start ?? filter.from, to: filter.to) { (pos, row) throws(StoreError) in
      if try filter.takes(pos, row) { fold.add(pos, StoredRow(recorded: row.recorded, row: row.row)) }
      return true
    }
    return fold.finished()
  }
}
