import EventModel
import EventStore

/// One group's rows and blocks, as they are stored with what a slice puts over them. Lives as long as its cursor's transaction.
struct GroupTable {
  let number: UInt32
  let group: UInt64
  private let cursor: any StoreCursor
  private let work: ViewWork
  /// Open blocks by level, level 1 first; none: the group is one block, and has no rows of a tree.
  var open: [OpenBlock] = []
  private let storedOpen: [OpenBlock]
  private(set) var rows = Overlay<StoredRow>()
  /// Closed blocks by level; at 0 the borders of a `FoldView`.
  private var closed: [Overlay<Block>] = []
  private let isNew: Bool

  /// - Parameter known: what is stored of the key; nil: nothing.
  init(
    _ number: UInt32, _ group: UInt64, _ known: KeyRow?, isFold: Bool = false, _ cursor: any StoreCursor, _ work: ViewWork
  ) throws(StoreError) {
    (self.number, self.group, self.cursor, self.work, isNew) = (number, group, cursor, work, known == nil)
    if let known {
      for level in 0..<known.levels where !isFold {
        let key = ViewKeys.open(number, group: group, level: level + 1)
        guard try level == 0 ? cursor.seek(key.raw) : cursor.next(), cursor.key.equals(key.raw) else {
          throw StoreError(.damaged, "an open block of a view is missing")
        }
        work.rowsRead += 1
        open.append(try OpenBlock(reading: cursor.value))
      }
    }
    storedOpen = open
  }

  mutating func setRow(_ pos: Pos, _ row: StoredRow) { rows.set(pos, row) }

  mutating func setClosed(_ level: Int, _ start: Pos, _ block: Block?) {
    while closed.count <= level { closed.append(Overlay()) }
    closed[level].set(start, block)
  }

  private func overlay(_ level: Int) -> Overlay<Block> { level < closed.count ? closed[level] : Overlay() }

  /// What the keys of a level's stored blocks begin with; nil: there are none, as at the highest level.
  private func prefix(_ level: Int) -> [UInt8]? {
    if level == 0 { return isNew ? nil : ViewKeys.borders(number, group: group) }
    return level < storedOpen.count ? ViewKeys.closed(number, group: group, level: level) : nil
  }

  /// Visits the rows of `[from, to)` in order, until the visit answers false.
  func rows(from: Pos, to: Pos?, _ visit: (Pos, StoredRow) throws(StoreError) -> Bool) throws(StoreError) {
    let prefix = isNew ? nil : ViewKeys.rows(number, group: group)
    try scan(prefix, rows, from, to, { (value) throws(StoreError) in try StoredRow(reading: value) }, visit)
  }

  /// The next rows from a place on, `max` of them or all that there are.
  func rows(from: Pos, max: Int) throws(StoreError) -> [(pos: Pos, row: StoredRow)] {
    var found: [(Pos, StoredRow)] = []
    try rows(from: from, to: nil) { (pos, row) in
      found.append((pos, row))
      return found.count < max
    }
    return found
  }

  /// The block of a level that starts at a place.
  func closedBlock(_ level: Int, at start: Pos) throws(StoreError) -> Block? {
    try closedBlocks(level, from: start, to: start.next).first?.block
  }

  /// The closed blocks of a level that start in `[from, to)`, in order.
  func closedBlocks(_ level: Int, from: Pos, to: Pos?) throws(StoreError) -> [(start: Pos, block: Block)] {
    var blocks: [(Pos, Block)] = []
    try scan(prefix(level), overlay(level), from, to, { (value) throws(StoreError) in try Block(reading: value) }) { (start, block) in
      blocks.append((start, block))
      return true
    }
    return blocks
  }

  private func scan<Value>(
    _ prefix: [UInt8]?, _ overlay: Overlay<Value>, _ from: Pos, _ to: Pos?, _ read: (RawSpan) throws(StoreError) -> Value,
    _ visit: (Pos, Value) throws(StoreError) -> Bool
  ) throws(StoreError) {
    var next = overlay.lowerBound(from)
    let end = to.map(overlay.lowerBound) ?? overlay.entries.count
    if let prefix {
      var found = try cursor.seek(ViewKeys.at(prefix, from).raw)
      while found, let pos = place(prefix), to.map({ pos < $0 }) ?? true {
        work.rowsRead += 1
        while next < end, overlay.entries[next].pos < pos {
          if let value = overlay.entries[next].value, try !visit(overlay.entries[next].pos, value) { return }
          next += 1
        }
        if next < end, overlay.entries[next].pos == pos {
          if let value = overlay.entries[next].value, try !visit(pos, value) { return }
          next += 1
        } else if try !visit(pos, read(cursor.value)) {
          return
        }
        found = try cursor.next()
      }
    }
    for entry in overlay.entries[min(next, end)..<end] {
      if let value = entry.value, try !visit(entry.pos, value) { return }
    }
  }

  /// The place in the cursor's key; nil if it stands behind the keys of the prefix.
  private func place(_ prefix: [UInt8]) -> Pos? {
    guard cursor.key.byteCount == prefix.count + Pos.bytesCount, cursor.key.starts(with: prefix.raw) else { return nil }
    return Pos(reading: cursor.key, at: prefix.count)
  }

  /// The last closed block of a level that starts at or before `pos` (`strictly`: before it).
  func lastClosed(_ level: Int, upTo pos: Pos, strictly: Bool) throws(StoreError) -> Pos? {
    let overlay = overlay(level)
    var index = overlay.lowerBound(pos)
    if !strictly, index < overlay.entries.count, overlay.entries[index].pos == pos { index += 1 }
    while index > 0, overlay.entries[index - 1].value == nil { index -= 1 }
    let put = index > 0 ? overlay.entries[index - 1].pos : nil
    guard let prefix = prefix(level) else { return put }
    let key = ViewKeys.at(prefix, pos)
    var found = try cursor.seek(key.raw)
    if !found || strictly || !cursor.key.equals(key.raw) { found = try found ? cursor.previous() : cursor.last() }
    while found, let start = place(prefix) {
      work.rowsRead += 1
      if let put, start <= put { return put }
      if case .some(.none) = overlay[start] { found = try cursor.previous() } else { return start }
    }
    return put
  }

  /// The first closed block of a level that starts behind `pos` (or there, if `inclusive`).
  func firstClosed(_ level: Int, after pos: Pos, inclusive: Bool = false) throws(StoreError) -> Pos? {
    let overlay = overlay(level)
    var index = overlay.lowerBound(pos)
    if !inclusive, index < overlay.entries.count, overlay.entries[index].pos == pos { index += 1 }
    while index < overlay.entries.count, overlay.entries[index].value == nil { index += 1 }
    let put = index < overlay.entries.count ? overlay.entries[index].pos : nil
    guard let prefix = prefix(level) else { return put }
    var found = try cursor.seek(ViewKeys.at(prefix, pos).raw)
    while found, let start = place(prefix) {
      work.rowsRead += 1
      if let put, start >= put { return put }
      let isDeleted = if case .some(.none) = overlay[start] { true } else { false }
      if isDeleted || !inclusive && start == pos { found = try cursor.next() } else { return start }
    }
    return put
  }

  /// Hands over the closed blocks that would be put, and forgets them and the rows: nothing behind the last row asks for them.
  mutating func takeClosed() -> PutList {
    defer {
      rows.removeAll()
      closed.removeAll()
    }
    var puts = PutList()
    for level in closed.indices { puts.append(closed[level], ViewKeys.closed(number, group: group, level: level)) }
    return puts
  }

  /// The puts of kinds 2, 3 and 4, each sorted by key.
  var puts: GroupPuts {
    let rowPrefix = ViewKeys.rows(number, group: group)
    var puts = GroupPuts(group: group)
    puts.rows.reserve(rows.entries.count + 1, bytes: (rows.entries.count + 1) * (rowPrefix.count + Pos.bytesCount + 48))
    for entry in rows.entries {
      if let row = entry.value { puts.rows.append(rowPrefix, entry.pos, row.write) } else { puts.rows.delete(rowPrefix, entry.pos) }
    }
    for level in 0..<max(open.count, storedOpen.count) {
      let new = level < open.count ? open[level] : nil
      let old = level < storedOpen.count ? storedOpen[level] : nil
      if new != old { puts.rows.append(ViewKeys.open(number, group: group, level: level + 1), new?.bytes) }
    }
    for (level, overlay) in closed.enumerated() {
      if level == 0 {
        puts.borders.append(overlay, ViewKeys.borders(number, group: group))
      } else {
        puts.closed.append(overlay, ViewKeys.closed(number, group: group, level: level))
      }
    }
    work.rowsWritten += puts.rows.count + puts.closed.count + puts.borders.count
    return puts
  }
}

extension PutList {
  fileprivate mutating func append(_ blocks: Overlay<Block>, _ prefix: [UInt8]) {
    for entry in blocks.entries {
      if let block = entry.value { append(prefix, entry.pos, block.write) } else { delete(prefix, entry.pos) }
    }
  }
}

/// What a slice puts of one group, by kind.
struct GroupPuts {
  let group: UInt64
  var rows = PutList()
  var closed = PutList()
  var borders = PutList()
  var marks = PutList()
}
