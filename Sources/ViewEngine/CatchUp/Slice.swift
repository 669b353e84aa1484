import EventModel
import EventStore
import ViewKit

/// The puts of one slice, and the header that they were computed from: rows, blocks, totals and clock go into one transaction, or nothing
/// does.
struct Slice: Sendable {
  let before: ViewHeader
  private(set) var after: ViewHeader
  private(set) var keyRows = PutList()
  private var groups: [GroupPuts] = []
  private var skipped = PutList()
  /// Events whose rows were put anew: nothing is to be done for them any more.
  private var moved = PutList()
  /// The set's before anything was read for it: a slice made before a cut isn't put behind it.
  let cuts: UInt64
  /// Of a view that keeps restatements.
  private var figures: ServedFigures?
  /// How many rows folds may still read, and from which level a row is a border.
  private var refoldRowsLeft: Int
  private let borderLevel: Int

  /// How many places on disk the puts are in, at most about: a key's rows lie side by side, but for its own row and its blocks.
  func places(_ puts: PutList) -> Int { min(puts.count, 4 * groups.count + puts.count / 8 + 1) }

  /// Sorted by key, as its parts are in themselves; the header is not among them.
  var puts: PutList {
    let groups = groups.sorted { $0.group < $1.group }
    var puts = keyRows
    let parts = [\GroupPuts.rows, \.closed, \.borders, \.marks].flatMap { kind in groups.map { $0[keyPath: kind] } }
    puts.reserve(parts.reduce(puts.count) { $0 + $1.count }, bytes: parts.reduce(puts.byteCount) { $0 + $1.byteCount })
    for part in parts { puts.append(contentsOf: part) }
    puts.append(contentsOf: skipped)
    if let figures { puts.append(contentsOf: PutList(figures.puts)) }
    puts.append(contentsOf: moved)
    return puts
  }

  /// Computes new totals outside of the writer: nobody else writes this view's rows, and the header tells if somebody did.
  ///
  /// - Parameters:
  ///   - delta: sorted.
  ///   - range: which of its rows; with the last one the view is right at the delta's clock.
  ///   - ahead: what it is computed over. Not of a view that keeps restatements.
  init(
    _ delta: MappedDelta, _ range: Range<Int>, _ header: ViewHeader, _ view: CompiledView, _ options: ViewEngineOptions,
    figures: ServedFigures? = nil, over ahead: Ahead? = nil, _ reader: borrowing any StoreReader & ~Copyable, _ work: ViewWork
  ) throws(StoreError) {
    (before, after, cuts) = (header, header, delta.cuts ?? 0)
    self.figures = figures
    (refoldRowsLeft, borderLevel) = (options.refoldRowsMax, options.borderLevel)
    let source = try SliceSource(ahead, reader)
    var start = range.lowerBound
    while start < range.upperBound {
      let key = delta.rows[start].key
      var next = start + 1
      while next < range.upperBound, delta.rows[next].key == key { next += 1 }
      try put(delta, start..<next, Joiner(view: view, key: delta.keys[Int(key)], work: work), reader, source)
      start = next
    }
    guard range.upperBound == delta.rows.count else { return }
    after.clock = delta.clock
    for (element, reason) in delta.skipped.sorted(by: { $0.key < $1.key }) {
      let key = ViewKeys.prefix(header.number, .skipped) + ViewKeys.element(element)
      let isThere = try source.has(key)
      guard isThere != (reason != nil) else { continue }
      after.skipped = isThere ? after.skipped - 1 : after.skipped + 1
      skipped.append(key, reason.map { [UInt8]($0.utf8) })
    }
    let (after, leavesMarks) = (after, leavesMarks)
    try self.figures?.close(after, leavesMarks: leavesMarks, reader)
  }

  /// Goes on with the figures that are to be compared, at the end of a catch-up.
  init(
    closing figures: ServedFigures, _ header: ViewHeader, _ options: ViewEngineOptions, _ reader: borrowing any StoreReader & ~Copyable,
    cuts: UInt64
  ) throws(StoreError) {
    (before, after, self.cuts) = (header, header, cuts)
    (refoldRowsLeft, borderLevel) = (options.refoldRowsMax, options.borderLevel)
    var figures = figures
    try figures.closeRest(header, reader)
    self.figures = figures
  }

  /// Whether keys of a view have folds that were left unfinished.
  static func hasMarks(_ header: ViewHeader, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) -> Bool {
    let prefix = ViewKeys.prefix(header.number, .dirty)
    let cursor = try reader.cursor(.view)
    return try cursor.seek(prefix.raw) && cursor.key.starts(with: prefix.raw)
  }

  /// Whether more is to be done before the view may be read at the slice's clock.
  var leavesWork: Bool { leavesMarks || figures?.leavesWork ?? false }

  /// Whether folds are left unfinished.
  private var leavesMarks: Bool { groups.contains { $0.marks.puts } }

  /// Goes on with keys whose folds were left unfinished; nil: there are none.
  init?(
    mending header: ViewHeader, _ view: CompiledView, _ options: ViewEngineOptions, _ reader: borrowing any StoreReader & ~Copyable,
    _ work: ViewWork, cuts: UInt64
  ) throws(StoreError) {
    (before, after, self.cuts) = (header, header, cuts)
    (refoldRowsLeft, borderLevel) = (options.refoldRowsMax, options.borderLevel)
    let marks = try reader.cursor(.view)
    let source = try SliceSource(nil, reader)
    let prefix = ViewKeys.prefix(header.number, .dirty)
    var found = try marks.seek(prefix.raw)
    while found, marks.key.starts(with: prefix.raw), refoldRowsLeft > 0 {
      let mark = try DirtyMark(reading: marks.value)
      let joiner = Joiner(view: view, key: mark.key, work: work)
      guard let row = try keyRow(joiner, source) else { throw StoreError(.damaged, "a key of a view is missing") }
      try put([], row, row, joiner, reader, source)
      found = try marks.next()
    }
    if groups.isEmpty { return nil }
    keyRows = PutList(keyRows.all.sorted { $0.key.raw.compare($1.key.raw) < 0 })
  }

  /// Puts the rows of events anew whose records were cut; nil: there are none.
  init?(
    correcting header: ViewHeader, _ feed: DecodedFeed, _ view: CompiledView, _ options: ViewEngineOptions,
    _ reader: borrowing any StoreReader & ~Copyable, _ state: SetState, _ work: ViewWork
  ) throws(StoreError) {
    let prefix = ViewKeys.prefix(header.number, .moved)
    var ulids: [ULID] = []
    let cursor = try reader.cursor(.view)
    var found = try cursor.seek(prefix.raw)
    while found, cursor.key.starts(with: prefix.raw), cursor.key.byteCount == prefix.count + 16, ulids.count < options.rowsMin {
      ulids.append(ULID(value: cursor.key.bigEndian(at: prefix.count)))
      found = try cursor.next()
    }
    if ulids.isEmpty { return nil }
    let delta = try MappedDelta(replacing: ulids, at: header.clock, feed, view, reader, state)
    try self.init(delta, 0..<delta.rows.count, header, view, options, reader, work)
    for ulid in ulids { moved.append(ViewKeys.moved(header.number, ulid), nil) }
  }

  /// Whether a cut left rows of a view with HLCs that are another's now.
  static func hasMoved(_ header: ViewHeader, _ reader: borrowing any StoreReader & ~Copyable, _ state: SetState) throws(StoreError) -> Bool
  {
    if state.cuts == 0 { return false }
    let prefix = ViewKeys.prefix(header.number, .moved)
    let cursor = try reader.cursor(.view)
    return try cursor.seek(prefix.raw) && cursor.key.starts(with: prefix.raw)
  }

  private func keyRow(_ joiner: Joiner, _ source: SliceSource) throws(StoreError) -> KeyRow? {
    try source.get(ViewKeys.prefix(before.number, .key) + joiner.key) { (row) throws(StoreError) in try KeyRow(reading: row) }
  }

  /// One key's rows, in order of happening.
  private mutating func put(
    _ delta: MappedDelta, _ range: Range<Int>, _ joiner: Joiner, _ reader: borrowing any StoreReader & ~Copyable, _ source: SliceSource
  ) throws(StoreError) {
    let known = try keyRow(joiner, source)
    var row = known ?? KeyRow(group: after.nextGroup)
    let changes = try changes(delta, range, known, joiner.work, source)
    if changes.isEmpty { return }
    if known == nil { after.nextGroup += 1 }
    for change in changes {
      let more = (change.new.isActive ? 1 : 0) - (change.old?.isActive == true ? 1 : 0)
      row.rows &+= UInt64(bitPattern: Int64(more))
      after.rows &+= UInt64(bitPattern: Int64(more))
    }
    try put(changes, row, known, joiner, reader, source)
  }

  /// - Parameter changes: none, to go on where a mark says.
  private mutating func put(
    _ changes: [RowChange], _ row: KeyRow, _ known: KeyRow?, _ joiner: Joiner, _ reader: borrowing any StoreReader & ~Copyable,
    _ source: SliceSource
  ) throws(StoreError) {
    var row = row
    let isFold = joiner.view.isFold
    let table = try GroupTable(before.number, row.group, known, isFold: isFold, source.rows, joiner.work)
    if isFold {
      let markKey = ViewKeys.dirty(before.number, group: row.group)
      let mark: DirtyMark? =
        known?.isDirty == true ? try source.get(markKey) { (mark) throws(StoreError) in try DirtyMark(reading: mark) } : nil
      var fold = GroupFold(table, known, mark, joiner, borderLevel: borderLevel)
      if changes.isEmpty {
        try fold.refold(rowsLeft: &refoldRowsLeft)
      } else {
        try fold.apply(changes, rowsLeft: &refoldRowsLeft)
      }
      var puts = fold.table.puts
      if fold.mark != mark { puts.marks.append(markKey, fold.mark?.bytes) }
      try figures?.note(changes, known, joiner, reader) { (end) throws(StoreError) in
        fold.mark == nil ? try fold.state(before: end) : .none
      }
      groups.append(puts)
      (row.total, row.isDirty) = (fold.total, fold.mark != nil)
    } else {
      var tree = GroupTree(table, known, joiner)
      try tree.apply(changes)
      groups.append(tree.table.puts)
      try figures?.note(changes, known, joiner, reader) { (end) throws(StoreError) in
        try tree.last.map { $0 < end } ?? true ? tree.total : tree.table.total(before: end, joiner)
      }
      (row.total, row.levels) = (tree.total, tree.levels)
    }
    if let last = changes.last { row.last = max(row.last, last.pos) }
    if !row.isDirty || !isFold { row.value = joiner.value(row.total) }
    keyRows.append(ViewKeys.prefix(before.number, .key) + joiner.key, row.bytes)
    joiner.work.rowsWritten += 1
  }

  /// What rows change of what is stored: putting a row that is there changes nothing.
  private func changes(
    _ delta: MappedDelta, _ range: Range<Int>, _ known: KeyRow?, _ work: ViewWork, _ source: SliceSource
  ) throws(StoreError) -> [RowChange] {
    var changes: [RowChange] = []
    changes.reserveCapacity(range.count)
    for row in delta.rows[range] {
      let seen = changes.last?.pos == row.pos ? changes.removeLast() : nil
      var old = seen?.old
      if seen == nil, let known, row.pos <= known.last {
        work.rowsRead += 1
        let key = ViewKeys.at(ViewKeys.rows(before.number, group: known.group), row.pos)
        old = try source.get(key) { (row) throws(StoreError) in try StoredRow(reading: row) }
      }
      var stored = delta.stored(row)
      if let voids = delta.replacedVoids {
        // What the view hasn't read, it has no row of.
        guard let old else { continue }
        // A void that was read before the cut stays, with the HLC that it has now.
        if old.voided != nil, stored.voided == nil { stored.voided = voids[row.pos.when.id] }
        if stored != old { changes.append(RowChange(pos: row.pos, new: stored, old: old)) }
        continue
      }
      let new = (seen?.new ?? old)?.merged(stored) ?? stored
      if new != old { changes.append(RowChange(pos: row.pos, new: new, old: old)) }
    }
    return changes
  }

  /// Puts everything, unless the view has moved since. In the writer's transaction.
  func apply(_ puts: PutList, _ writer: borrowing any StoreWriter & ~Copyable, _ state: SetState) throws(StoreError) -> Bool {
    guard state.cuts == cuts else { return false }
    return try before.replace(by: after, with: puts, writer)
  }
}

extension StoredRow {
  /// This row and what else is told of it: the earliest counts.
  fileprivate func merged(_ other: StoredRow) -> StoredRow {
    let voided = if let mine = voided, let theirs = other.voided { min(mine, theirs) } else { voided ?? other.voided }
    return StoredRow(recorded: min(recorded, other.recorded), voided: voided, row: row)
  }
}
