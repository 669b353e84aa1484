internal import EventModel

// Cuts the end of a log. Everything that lists its records is brought in line in the same transaction: `ids`, `again`, `voids`,
// `arrivals`, the counts and the audit sum.

/// The end of a log that is about to go, or as much of it as a transaction takes: its last records.
private struct LogEnd {
  struct Item {
    let dot: Dot
    let kind: Record.Kind
    let id: ElementID
    let digest: Digest
    let body: [UInt8]
    let voids: [ULID]
  }

  let origin: Origin
  /// The last record that stays in this transaction.
  private(set) var kept: UInt64
  /// By rising n.
  private(set) var items: [Item] = []
  /// Numbers under which nothing readable is stored.
  private(set) var damaged: [UInt64] = []
  /// Whether every record of it is there and can be read.
  private(set) var isWhole = true

  init(_ cut: LogCut, _ reader: borrowing some StoreReader & ~Copyable) throws(StoreError) {
    (origin, kept) = (cut.origin, cut.n)
    var parser = EventParser()
    let cursor = try reader.cursor(.log)
    var found = try cursor.seek(StoreKey.dot(cut.origin, .max).raw) ? cursor.previous() : cursor.last()
    var (bytes, next) = (0, UInt64?.none)
    while found, cursor.key.bigEndian(at: 0, as: UInt64.self) == origin.value {
      let n: UInt64 = cursor.key.bigEndian(at: 8)
      if n <= cut.n { break }
      if items.count + damaged.count >= LogCut.recordsMax || bytes >= LogCut.bytesMax {
        kept = n
        break
      }
      if let next, next - n > 1 { isWhole = false }
      if let item = Item(cursor.value, at: Dot(origin: origin, n: n), &parser) {
        items.append(item)
      } else {
        damaged.append(n)
      }
      bytes += cursor.value.byteCount
      next = n
      found = try cursor.previous()
    }
    items.reverse()
    isWhole = isWhole && damaged.isEmpty
  }

  func takes(_ dot: Dot) -> Bool { dot.origin == origin && dot.n > kept }
}

extension LogEnd.Item {
  /// Nil if the record is damaged.
  fileprivate init?(_ record: RawSpan, at dot: Dot, _ parser: inout EventParser) {
    guard Record.isIntact(record, at: dot), let header = Record.Header(reading: record) else { return nil }
    let bytes = record.extracting(droppingFirst: Record.headerBytes)
    let digest = Digest.sha256(bytes)
    var voids: [ULID] = []
    if header.kind == .void {
      var rewritten: [UInt8] = []
      guard let event = try? parser.parseEvent(bytes, in: 0..<bytes.byteCount, into: &rewritten) else { return nil }
      voids = event.voids
    }
    self.init(
      dot: dot, kind: header.kind, id: ElementID(ulid: header.ulid, digest: digest.first16), digest: digest, body: [UInt8](copying: bytes),
      voids: voids)
  }
}

extension Recorder {
  /// Cuts as much of the end of a log as a transaction takes. The own origin is another one: it was bound before.
  /// - Parameter salt: 128 random bits, for a record that is made.
  /// - Returns: `refused` if the log is another one than whoever asks for the cut has seen, or has won meanwhile. Nothing was put then.
  mutating func cut(
    _ cut: LogCut, salt: () -> UInt128, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) -> Result<CutStep, StoreError> {
    guard try isDue(cut, transaction) else {
      return .failure(StoreError(.refused, "the log of \(cut.origin) has changed since it was found to be cut after \(cut.n)"))
    }
    let end = try LogEnd(cut, transaction)
    var step = CutStep(end: Clock.Entry(origin: cut.origin, n: 0, digest: 0))
    try remove(end, &step, salt, transaction)
    if !end.isWhole { try removeDamaged(end, &step, transaction) }
    try cutArrivals(end, transaction)
    step.end = try head(of: end, notBelow: cut.n, transaction)
    (step.keeps, step.isDone) = (end.kept, end.kept == cut.n)
    state.clock.set(step.end)
    state.records &-= UInt64(step.records)
    try note(cut, step, transaction)
    return .success(step)
  }

  private func isDue(_ cut: LogCut, _ transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError) -> Bool {
    let start = Chain.start(database: name, origin: cut.origin)
    let held = state.clock.entry(cut.origin)
    if cut.n > held?.n ?? 0 { return false }
    guard try cut.n == 0 ? start == cut.chain : chain(at: Dot(origin: cut.origin, n: cut.n), transaction) == cut.chain else { return false }
    switch cut.reason {
    case .fork(let winner): return winner.origin == cut.origin && winner.n > cut.n && held.map { winner.wins(over: $0) } ?? true
    case .damage:
      let next = Dot(origin: cut.origin, n: cut.n + 1)
      guard let record = try transaction.get(.log, StoreKey.dot(next).raw) else { return true }
      return !Record.isIntact(record, at: next)
    }
  }

  /// Takes the records that can be read out of their elements' rows, and appends the elements that would have none.
  private mutating func remove(
    _ end: LogEnd, _ step: inout CutStep, _ salt: () -> UInt128, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) {
    var log = try OwnLog(state, name)
    for item in end.items {
      step.moved.insert(item.id.ulid)
      step.moved.formUnion(item.voids)
      if var row = try elementRow(item.id, transaction) {
        try takeDots(of: end, from: &row, &step, transaction)
        if row.dots.isEmpty {
          let salt = salt()
          let commitment = Record.commitment(salt: salt, body: item.digest)
          let body = item.body
          let recorded = try extend(&log, item.id.ulid, item.kind, salt: salt, commitment: commitment, body.raw, transaction)
          row.dots = [recorded]
          step.appended += 1
          for voided in item.voids { try void(voided, by: recorded.dot, transaction) }
        }
        try transaction.put(.ids, StoreKey.element(item.id).raw, row.bytes.raw)
        step.need(row.dots[0].dot)
      }
      for voided in item.voids where try transaction.delete(.voids, StoreKey.void(voided, item.dot).raw) { state.voids &-= 1 }
      try transaction.delete(.log, StoreKey.dot(item.dot).raw)
    }
    take(log)
  }

  private func elementRow(_ id: ElementID, _ transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError) -> ElementRow? {
    guard let row = try transaction.get(.ids, StoreKey.element(id).raw) else { return nil }
    return try ElementRow(reading: row)
  }

  /// Takes the dots that go out of an element's row and of `again`.
  private func takeDots(
    of end: LogEnd, from row: inout ElementRow, _ step: inout CutStep, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) {
    let before = row.dots
    row.dots.removeAll { end.takes($0.dot) }
    step.records += before.count - row.dots.count
    guard before.count > 1 else { return }
    for recorded in before where end.takes(recorded.dot) { try transaction.delete(.again, StoreKey.dot(recorded.dot).raw) }
    if row.dots.count == 1 { try transaction.delete(.again, StoreKey.dot(row.dots[0].dot).raw) }
  }

  /// Brings `arrivals` down to what is kept: it came when the first record of what is kept and more came.
  private func cutArrivals(_ end: LogEnd, _ transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError) {
    let rows = try transaction.cursor(.arrivals)
    var gone: [UInt64] = []
    var reached: UInt64 = 0
    var found = try rows.seek(StoreKey.dot(end.origin, .max).raw) ? try rows.previous() : try rows.last()
    while found, rows.key.bigEndian(at: 0, as: UInt64.self) == end.origin.value, rows.value.byteCount == 8 {
      reached = rows.value.bigEndian(at: 0)
      if reached <= end.kept { break }
      gone.append(rows.key.bigEndian(at: 8))
      reached = 0
      found = try rows.previous()
    }
    for hlc in gone { try transaction.delete(.arrivals, StoreKey.dot(end.origin, hlc).raw) }
    guard let first = gone.last, end.kept > reached else { return }
    try transaction.put(.arrivals, StoreKey.dot(end.origin, first).raw, Self.row(end.kept).raw)
  }

  /// The last record that is served of what is kept.
  private func head(
    of end: LogEnd, notBelow least: UInt64, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) -> Clock.Entry {
    var n = min(end.kept, max(state.clock[end.origin], least))
    while n > 0 {
      if let entry = try EventSet.entry(transaction, Dot(origin: end.origin, n: n)) { return entry }
      n -= 1
    }
    return Clock.Entry(origin: end.origin, n: 0, digest: 0)
  }

  /// Counts the cut, in `meta` too.
  private mutating func note(
    _ cut: LogCut, _ step: CutStep, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) {
    changed = true
    state.cuts += 1
    try transaction.put(.meta, Meta.cuts.raw, Meta.countRow(state.cuts).raw)
    if case .fork = cut.reason {
      try noteFork(cut.origin, repaired: step.isDone ? 1 : 0, transaction)
    }
  }

  /// Keeps in `meta` that there are two logs of an origin.
  mutating func noteFork(
    _ origin: Origin, repaired count: UInt64 = 0, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) {
    let repaired = (state.forked[origin] ?? 0) + count
    state.forked[origin] = repaired
    try transaction.put(.meta, Meta.forkedKey(origin).raw, Meta.countRow(repaired).raw)
    changed = true
  }

  // MARK: Damage

  /// Takes records that can't be read out of whatever lists them. What they were is found by looking at every element.
  /// - Complexity: O(elements).
  private mutating func removeDamaged(
    _ end: LogEnd, _ step: inout CutStep, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) {
    try removeVoids(of: end, &step, transaction)
    var listing: [(ElementID, ElementRow)] = []
    let ids = try transaction.cursor(.ids)
    while try ids.next() {
      guard let id = ElementID(key: ids.key) else { continue }
      let row = try ElementRow(reading: ids.value)
      if row.dots.contains(where: { end.takes($0.dot) }) { listing.append((id, row)) }
    }
    for (id, held) in listing {
      var row = held
      try takeDots(of: end, from: &row, &step, transaction)
      step.moved.insert(id.ulid)
      if row.dots.isEmpty {
        try lose(id, held.dots.map(\.dot), &step, transaction)
      } else {
        try transaction.put(.ids, StoreKey.element(id).raw, row.bytes.raw)
        step.need(row.dots[0].dot)
      }
    }
    for n in end.damaged { try transaction.delete(.log, StoreKey.dot(end.origin, n).raw) }
    let last = try transaction.cursor(.ids)
    state.lastElement = try last.last() ? ElementID(key: last.key) : nil
  }

  private mutating func lose(
    _ id: ElementID, _ dots: [Dot], _ step: inout CutStep, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) {
    if try rows(of: id.ulid, transaction).count == 2 { state.conflicts &-= 1 }
    try transaction.delete(.ids, StoreKey.element(id).raw)
    state.elements &-= 1
    state.sum.subtract(id)
    step.lost += dots
  }

  /// Takes the rows of `voids` whose record goes, and unmarks what nothing voids any more.
  private mutating func removeVoids(
    of end: LogEnd, _ step: inout CutStep, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) {
    var gone: [(voided: ULID, dot: Dot)] = []
    let voids = try transaction.cursor(.voids)
    while try voids.next() {
      let dot = Dot(origin: Origin(value: voids.key.bigEndian(at: 16)), n: voids.key.bigEndian(at: 24))
      if end.takes(dot) { gone.append((ULID(value: voids.key.bigEndian(at: 0)), dot)) }
    }
    for (voided, dot) in gone {
      try transaction.delete(.voids, StoreKey.void(voided, dot).raw)
      state.voids &-= 1
      step.moved.insert(voided)
    }
    for voided in Set(gone.map(\.voided)) where try !isVoided(voided, transaction) {
      for (id, held) in try rows(of: voided, transaction) {
        var row = held
        row.flags &= ~ElementRow.voided
        try transaction.put(.ids, StoreKey.element(id).raw, row.bytes.raw)
      }
    }
  }
}
