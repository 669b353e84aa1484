import EventModel
import EventStore
import ViewKit

/// The state of one group's rows, of a `FoldView`.
///
/// The problem: states can't be joined, so a late row has all rows behind it applied again. The idea: the state before every row of a
/// level ≥ 2, one in 1 024, is kept as a *border*; a change is folded from the last border before it, and no further than to a border
/// behind all changed rows where the state is what was stored, byte for byte. Where that takes more rows than a slice may, a `DirtyMark`
/// says how far it got.
///
/// - Complexity: append: one row applied, two rows written. Late row: O(1 024) rows applied where the state forgets, else all behind it.
struct GroupFold {
  private(set) var table: GroupTable
  let joiner: Joiner
  private let borderLevel: Int
  private let last: Pos?
  /// The state after all rows, if there is no mark.
  private(set) var total: Partial
  /// What is left to be folded.
  private(set) var mark: DirtyMark?

  /// - Parameters:
  ///   - known: what is stored of the key; nil: nothing.
  ///   - mark: the mark that is stored with it.
  init(_ table: GroupTable, _ known: KeyRow?, _ mark: DirtyMark?, _ joiner: Joiner, borderLevel: Int) {
    (self.table, self.joiner, self.mark, self.borderLevel) = (table, joiner, mark, borderLevel)
    (last, total) = (known?.last, known?.total ?? .none)
  }

  private func isBorder(_ row: StoredRow, level: Int) -> Bool { row.isActive && level >= borderLevel }

  /// Takes in changed rows, sorted by place, each place once.
  /// - Parameter rowsLeft: how many rows the slice may still read; more are read up to the next border.
  mutating func apply(_ changes: [RowChange], rowsLeft: inout Int) throws(StoreError) {
    guard let first = changes.first else { return }
    for change in changes {
      table.setRow(change.pos, change.new)
      if let old = change.old, isBorder(old, level: change.level), !change.new.isActive { table.setClosed(0, change.pos, nil) }
    }
    let isBehind = last.map { first.pos > $0 } ?? true
    if mark == nil, isBehind, !changes.contains(where: { isBorder($0.new, level: $0.level) }) {
      let rows = changes.compactMap { $0.new.isActive ? PlacedRow(when: $0.pos.when, row: $0.new.row) : nil }
      if !rows.isEmpty { total = joiner.applied(rows, to: total) }
      return
    }
    var mark = mark ?? DirtyMark(from: first.pos, upTo: first.pos, key: joiner.key)
    mark.widen(by: changes)
    self.mark = mark
    try refold(rowsLeft: &rowsLeft)
  }

  /// Folds from the mark on, to the end or as far as the slice may.
  mutating func refold(rowsLeft: inout Int) throws(StoreError) {
    guard let mark else { return }
    let start = try table.lastClosed(0, upTo: mark.from, strictly: false)
    var fold = StateFold(joiner, from: try start.flatMap { (at) throws(StoreError) in try table.closedBlock(0, at: at) })
    var next = start ?? .zero
    while true {
      let rows = try table.rows(from: next, max: 1024)
      for (pos, row) in rows {
        if pos != start, row.isActive, isBorder(row, level: pos.level) {
          let border = fold.border()
          let stored = try table.closedBlock(0, at: pos)
          if stored != border { table.setClosed(0, pos, border) }
          if pos > mark.upTo, stored?.partial == border.partial { return self.mark = nil }
          if rowsLeft <= 0 { return self.mark = DirtyMark(from: pos, upTo: mark.upTo, key: mark.key) }
        }
        fold.add(pos, row)
        rowsLeft -= 1
      }
      guard let end = rows.last?.pos, rows.count == 1024 else { break }
      next = end.next
    }
    total = fold.finished()
    self.mark = nil
  }

  /// The state after the rows before a place (nil: all), whatever is left to be folded.
  func state(before end: Pos?) throws(StoreError) -> Partial {
    if end == nil, mark == nil { return total }
    // A border at the end itself is the state before it.
    let bound = [end, mark?.from].compactMap(\.self).min() ?? .zero
    let start = try table.lastClosed(0, upTo: bound, strictly: false)
    var fold = StateFold(joiner, from: try start.flatMap { (at) throws(StoreError) in try table.closedBlock(0, at: at) })
    try table.rows(from: start ?? .zero, to: end) { (pos, row) in
      fold.add(pos, row)
      return true
    }
    return fold.finished()
  }
}

/// A fold of rows that come one by one, taken in parts so that memory doesn't grow with their number.
struct StateFold {
  private let joiner: Joiner
  private var state: Partial
  /// The rows since the last border.
  private var segment = Block()
  private var rows: [PlacedRow] = []

  /// - Parameter border: where it begins; nil: before the first row.
  init(_ joiner: Joiner, from border: Block?) { (self.joiner, state) = (joiner, border?.partial ?? .none) }

  mutating func add(_ pos: Pos, _ row: StoredRow) {
    segment.widen(by: row)
    guard row.isActive else { return }
    rows.append(PlacedRow(when: pos.when, row: row.row))
    if rows.count == 1024 { advance() }
  }

  private mutating func advance() {
    guard !rows.isEmpty else { return }
    state = joiner.applied(rows, to: state)
    rows.removeAll(keepingCapacity: true)
  }

  /// The state after all rows; none, if there were none.
  mutating func finished() -> Partial {
    advance()
    return state
  }

  /// What is kept of a border that the next row is, and begins a new segment.
  mutating func border() -> Block {
    advance()
    var border = segment
    state = joiner.limited(state)
    border.partial = state
    segment = Block()
    return border
  }
}
