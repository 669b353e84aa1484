import EventModel
import EventStore
import ViewKit

/// Whether what a view keeps of each key is the reduction of the key's rows.
struct GroupCheck {
  private let runner: ViewRunner
  private let header: ViewHeader
  /// Blocks and borders that the keys' rows make.
  private var blocks = 0
  private var hasMarks = false

  init(_ runner: ViewRunner, _ header: ViewHeader) { (self.runner, self.header) = (runner, header) }

  mutating func run(
    _ reader: borrowing any StoreReader & ~Copyable, _ report: inout ViewReport, _ progress: (ViewReport) -> Void
  ) throws(StoreError) {
    let prefix = ViewKeys.prefix(header.number, .key)
    let keys = try reader.cursor(.view)
    let cursor = try reader.cursor(.view)
    var found = try keys.seek(prefix.raw)
    while found, keys.key.starts(with: prefix.raw) {
      let key = [UInt8](copying: keys.key.extracting(droppingFirst: prefix.count))
      if let fault = try fault(key, KeyRow(reading: keys.value), reader, cursor) {
        report.fault(header.name, "key \(keyText(key)): \(fault)")
      }
      report.keys += 1
      if report.keys % 10_000 == 0 { progress(report) }
      found = try keys.next()
    }
    let stored = try count(.closed, cursor) + count(.border, cursor)
    if stored != blocks, !hasMarks { report.fault(header.name, "all keys: \(stored) blocks are stored, the rows make \(blocks)") }
  }

  private func count(_ kind: ViewKeys.Kind, _ cursor: any StoreCursor) throws(StoreError) -> Int {
    let prefix = ViewKeys.prefix(header.number, kind)
    var count = 0
    var found = try cursor.seek(prefix.raw)
    while found, cursor.key.starts(with: prefix.raw) {
      count += 1
      found = try cursor.next()
    }
    return count
  }

  /// What is wrong with a key; nil: nothing.
  private mutating func fault(
    _ key: [UInt8], _ row: KeyRow, _ reader: borrowing any StoreReader & ~Copyable, _ cursor: any StoreCursor
  ) throws(StoreError) -> String? {
    let joiner = Joiner(view: runner.view, key: key, work: ViewWork())
    let stored = try GroupTable(header.number, row.group, row, isFold: runner.view.isFold, cursor, joiner.work)
    var (rows, last): (UInt64, Pos) = (0, .zero)
    var chunk: [(pos: Pos, row: StoredRow)] = []
    repeat {
      chunk = try stored.rows(from: chunk.isEmpty ? .zero : last.next, max: 1024)
      rows += UInt64(chunk.count { $0.row.isActive })
      last = chunk.last?.pos ?? last
    } while !chunk.isEmpty
    if rows != row.rows || last != row.last { return "it counts \(row.rows) rows up to \(row.last.when.id), there are \(rows)" }
    return try runner.view.isFold ? foldFault(row, stored, joiner, reader) : treeFault(row, stored, joiner, reader, cursor)
  }

  /// Grows the tree from nothing, row by row in their order.
  private mutating func treeFault(
    _ row: KeyRow, _ stored: GroupTable, _ joiner: Joiner, _ reader: borrowing any StoreReader & ~Copyable, _ cursor: any StoreCursor
  ) throws(StoreError) -> String? {
    var tree = GroupTree(try GroupTable(header.number, row.group, nil, cursor, joiner.work), nil, joiner)
    var next = Pos.zero
    while true {
      let chunk = try stored.rows(from: next, max: 1024)
      guard let end = chunk.last?.pos else { break }
      try tree.apply(chunk.map { RowChange(pos: $0.pos, new: $0.row, old: nil) })
      next = end.next
      guard tree.levels > 0 else { continue }
      let closed = tree.takeClosed()
      for index in 0..<closed.count {
        blocks += 1
        let found = try reader.get(.view, closed.key(index))
        guard let found, let value = closed.value(index), found.equals(value) else {
          return "a block of its tree is not what its rows make"
        }
      }
    }
    if tree.table.open != stored.open || tree.levels != row.levels { return "the open blocks of its tree are not what its rows make" }
    return totalFault(row, tree.total, joiner)
  }

  private mutating func foldFault(
    _ row: KeyRow, _ stored: GroupTable, _ joiner: Joiner, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) -> String? {
    var mark: DirtyMark?
    if row.isDirty {
      hasMarks = true
      let bytes = try reader.get(.view, ViewKeys.dirty(header.number, group: row.group).raw)
      guard let bytes else { return "the mark of its rows that are not folded yet is missing" }
      mark = try DirtyMark(reading: bytes)
    }
    var fold = StateFold(joiner, from: nil)
    var next = Pos.zero
    while true {
      let chunk = try stored.rows(from: next, max: 1024)
      guard let end = chunk.last?.pos else { break }
      for (pos, row) in chunk {
        if let mark, pos > mark.from { return nil }
        if row.isActive, pos.level >= runner.options.borderLevel {
          blocks += 1
          let border = fold.border()
          guard try stored.closedBlock(0, at: pos) == border else {
            return "the state stored at \(pos.when.id) is not that of the rows before"
          }
        }
        fold.add(pos, row)
      }
      next = end.next
    }
    return mark == nil ? totalFault(row, fold.finished(), joiner) : nil
  }

  private func totalFault(_ row: KeyRow, _ total: Partial, _ joiner: Joiner) -> String? {
    if row.total != total { return "its total is not that of its rows" }
    return row.value == joiner.value(total) ? nil : "its value is not that of its total"
  }
}
