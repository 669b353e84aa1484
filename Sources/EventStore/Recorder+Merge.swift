internal import EventModel

// What a page from elsewhere does: its records are put where their logs go on, and nothing if one of them doesn't fit.

extension Recorder {
  /// Merges a verified page: all of it, or nothing.
  mutating func merge(_ page: VerifiedPage, _ transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError)
    -> Result<Merged, StoreError>
  {
    let fresh: [VerifiedPage.Item]
    do {
      fresh = try missing(page, transaction)
    } catch {
      // Nothing was put yet: a log that can't be gone on with fails its page alone.
      if error.code == .refused || error.code == .damaged { return .failure(error) }
      throw error
    }
    if fresh.contains(where: { $0.dot.origin == state.own }) {
      sawOwnElsewhere = true
      // Without a binding the next append mints a new origin, also after a restart.
      try transaction.delete(.meta, Meta.origin.raw)
    }
    let before = (state.records, state.elements)
    for item in fresh.sorted(by: { $0.id < $1.id }) { try index(item, transaction) }
    for item in fresh {
      let rising = state.lastOrigin.map { item.dot.origin > $0 || (item.dot.origin == $0 && item.dot.n > state.clock[$0]) } ?? true
      try transaction.put(.log, StoreKey.dot(item.dot).raw, page.bytes.raw.extracting(item.range), rising: rising)
      state.clock.set(Clock.Entry(origin: item.dot.origin, n: item.dot.n, digest: item.header.chain.first8))
      state.lastOrigin = max(state.lastOrigin ?? item.dot.origin, item.dot.origin)
      state.hlc = state.hlc.observing(item.header.hlc, wall: wall, driftMaxMilliseconds: driftMaxMilliseconds)
      for voided in item.voids { try void(voided, by: item.dot, transaction) }
    }
    if !fresh.isEmpty {
      for origin in repaired { try serveOn(origin, transaction) }
      try noteArrivals(transaction)
      changed = true
    }
    return .success(
      Merged(records: Int(state.records - before.0), elements: Int(state.elements - before.1), clock: state.clock))
  }

  /// The page's records that are not held, after checking that they go on where each log ends. What would be written over another log,
  /// which is there behind a damaged record, is left out: that is served again first, and then is a fork as any.
  private mutating func missing(
    _ page: VerifiedPage, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) -> [VerifiedPage.Item] {
    var fresh: [VerifiedPage.Item] = []
    var heads: [Origin: (n: UInt64, chain: Digest)] = [:]
    var ended: Set<Origin> = []
    for item in page.records where !ended.contains(item.dot.origin) {
      let origin = item.dot.origin
      var head: (n: UInt64, chain: Digest)
      if let seen = heads[origin] { head = seen } else { head = try self.head(origin, transaction) }
      if item.dot.n <= head.n {
        guard try chain(at: item.dot, transaction) == item.header.chain else {
          if origin == state.own { sawOwnElsewhere = true }
          throw StoreError(.refused, "the log of \(origin) differs at \(item.dot.n): a fork")
        }
        heads[origin] = head
        continue
      }
      guard item.dot.n == head.n + 1 else {
        if origin == state.own { sawOwnElsewhere = true }
        throw StoreError(.refused, "the log of \(origin) ends at \(head.n) here: \(item.dot.n) would leave a hole")
      }
      // The page was verified: what follows another of its records follows it in the chain too.
      guard heads[origin] != nil || item.chain(after: head.chain) == item.header.chain else {
        if origin == state.own { sawOwnElsewhere = true }
        throw StoreError(.refused, "the record \(item.dot.n) of \(origin) does not fit its log: altered, forked, or another database's")
      }
      if broken.contains(origin), try Self.hidden(item, transaction) == .another {
        guard item.dot.n > state.clock[origin] + 1 else {
          throw StoreError(.refused, "the log of \(origin) is damaged at \(item.dot.n), and was another one there: a fork")
        }
        ended.insert(origin)
        continue
      }
      head = (item.dot.n, item.header.chain)
      heads[origin] = head
      fresh.append(item)
    }
    return fresh
  }

  private func head(_ origin: Origin, _ transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError) -> (n: UInt64, chain: Digest)
  {
    let n = state.clock[origin]
    return n == 0
      ? (0, Chain.start(database: name, origin: origin)) : (n, try chain(at: Dot(origin: origin, n: n), transaction))
  }

  func chain(at dot: Dot, _ transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError) -> Digest {
    guard let record = try transaction.get(.log, StoreKey.dot(dot).raw), record.byteCount >= Record.headerBytes else {
      throw StoreError(.damaged, "the record \(dot.n) of \(dot.origin) is missing")
    }
    return Digest(reading: record, at: Record.Offset.chain)
  }

  /// Adds a foreign dot to its element's row.
  private mutating func index(
    _ item: VerifiedPage.Item, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) {
    let recorded = RecordedDot(hlc: item.header.hlc, dot: item.dot)
    let others = state.lastElement.map { item.id.ulid > $0.ulid } ?? true ? [] : try rows(of: item.id.ulid, transaction)
    guard let (_, row) = others.first(where: { $0.0 == item.id }) else {
      note(item.dot)
      if others.count == 1 { state.conflicts += 1 }
      return try add(item.id, recorded, transaction)
    }
    guard !row.dots.contains(recorded) else {
      // Held before: this is a damaged record that comes again.
      repaired.insert(item.dot.origin)
      return
    }
    note(item.dot)
    try addDot(recorded, of: item.id, transaction)
  }

  /// Goes on to serve a log behind a damaged record that was written again: what follows was there all the time, up to the next damage.
  private mutating func serveOn(_ origin: Origin, _ transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError) {
    damaged[origin] = nil
    var head = try self.head(origin, transaction)
    let log = try transaction.cursor(.log)
    var found = try log.seek(StoreKey.dot(origin, head.n + 1).raw)
    while found, log.key.bigEndian(at: 0, as: UInt64.self) == origin.value {
      let dot = Dot(origin: origin, n: head.n + 1)
      guard let chain = Self.chain(at: dot, log, after: head.chain) else {
        damaged[origin] = dot.n
        return
      }
      head = (dot.n, chain)
      state.clock.set(Clock.Entry(origin: origin, n: dot.n, digest: chain.first8))
      found = try log.next()
    }
  }

  /// The chain digest of the record where a cursor stands; nil: it isn't the one of this dot, is damaged, or doesn't follow.
  private static func chain(at dot: Dot, _ log: any StoreCursor, after previous: Digest) -> Digest? {
    let record = log.value
    guard log.key.equals(StoreKey.dot(dot).raw), Record.isIntact(record, at: dot), let header = Record.Header(reading: record) else {
      return nil
    }
    let body = Digest.sha256(record.extracting(droppingFirst: Record.headerBytes))
    let chain = Chain.next(
      after: previous, dot, hlc: header.hlc, ulid: header.ulid, kind: header.kind,
      commitment: Record.commitment(salt: header.salt, body: body))
    return chain == header.chain ? chain : nil
  }

  private mutating func note(_ dot: Dot) {
    state.records += 1
    arrived[dot.origin] = min(arrived[dot.origin] ?? dot.n, dot.n)
  }

  /// Notes when the page came: one row an origin, under the database's own clock. A log that was begun here has no row yet: one under
  /// HLC 0 says how much of it was.
  private mutating func noteArrivals(_ transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError) {
    guard !arrived.isEmpty else { return }
    state.hlc = state.hlc.ticked(wall: wall)
    let rows = try transaction.cursor(.arrivals)
    for (origin, first) in arrived.sorted(by: { $0.key < $1.key }) {
      let has = try rows.seek(StoreKey.dot(origin, 0).raw) && rows.key.bigEndian(at: 0, as: UInt64.self) == origin.value
      if first > 1, !has { try transaction.put(.arrivals, StoreKey.dot(origin, 0).raw, Self.row(first - 1).raw) }
      try transaction.put(.arrivals, StoreKey.dot(origin, state.hlc.value).raw, Self.row(state.clock[origin]).raw)
    }
  }

  static func row(_ n: UInt64) -> FixedKey<8> {
    var row = FixedKey<8>()
    row.store(n, at: 0)
    return row
  }
}
