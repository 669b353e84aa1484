internal import EventModel

/// Records appends and merge pages in one write transaction: a value that starts from the published state and ends as the next one, so
/// that an abort needs no undoing and a transaction can be run again.
///
/// Each request is *checked* against the open transaction (which has the earlier requests of its group) and its own earlier events, and
/// only then *applied*: so one bad request fails alone, and a put never fails for a reason of the request.
struct Recorder: ~Copyable {
  let name: String
  let wall: Instant
  let driftMaxMilliseconds: Int64
  var state: SetState
  /// Whether the set, or what `meta` says of it, differs from where it started.
  var changed = false
  /// Origins whose damaged record was written again.
  private(set) var repaired: Set<Origin> = []
  /// Of these, the next record that is damaged.
  private(set) var damaged: [Origin: UInt64] = [:]
  /// A page had records of the own origin that are not held here, or others: somebody else appends under it.
  private(set) var sawOwnElsewhere = false
  private var bound = false
  /// The least n of each origin that a page brought for the first time.
  private var arrived: [Origin: UInt64] = [:]
  /// Scratch space for a record's header.
  private var header: [UInt8] = []

  init(name: String, wall: Instant, driftMaxMilliseconds: Int64, state: SetState) {
    self.name = name
    self.wall = wall
    self.driftMaxMilliseconds = driftMaxMilliseconds
    self.state = state
    header.reserveCapacity(Record.headerBytes)
  }

  /// Takes on an own origin, and writes its binding.
  mutating func bind(_ binding: OriginBinding, _ transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError) {
    if state.own != binding.origin {
      state.own = binding.origin
      state.ownChain = nil
      // A clock that ran away is left behind with its origin: the new one starts at the wall.
      if state.hlc.isSuspect(wall: wall, driftMaxMilliseconds: driftMaxMilliseconds) { state.hlc = HLC(wall) }
    }
    try transaction.put(.meta, Meta.origin.raw, Meta.originRow(binding).raw)
    bound = true
  }

  /// Writes what `meta` says of the set. Nothing, if nothing was recorded.
  mutating func finish(_ transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError) {
    guard changed || bound else { return }
    if try transaction.get(.meta, Meta.format.raw) == nil { try transaction.put(.meta, Meta.format.raw, Meta.formatRow(name).raw) }
    try transaction.put(.meta, Meta.state.raw, Meta.stateRow(state).raw)
  }

  // MARK: Appends

  private enum Verdict { case new, known, taken }

  /// Checks and applies one append.
  mutating func append(_ draft: Draft, _ transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError) -> AppendOutcome {
    let rising = isRising(draft)
    // Above all that is held, and in order: all new, with no look-up.
    let verdicts = rising ? nil : try check(draft, transaction)
    var taken: [Taken] = []
    if let verdicts {
      for (index, verdict) in verdicts.enumerated() where verdict == .taken {
        taken.append(Taken(index: index, ulid: draft.items[index].ulid))
      }
      if !taken.isEmpty, draft.onTaken == .refuse { return .taken(taken) }
    }
    let recorded = try apply(draft, verdicts, transaction)
    let clock = state.own.flatMap { state.clock.entry($0) }
    return .recorded(
      Appended(recorded: recorded, known: draft.items.count - recorded - taken.count, taken: taken, clock: clock))
  }

  private func isRising(_ draft: Draft) -> Bool {
    var last = state.lastElement?.ulid
    for item in draft.items {
      if let last, item.ulid <= last { return false }
      last = item.ulid
    }
    return true
  }

  private func check(_ draft: Draft, _ transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError) -> [Verdict] {
    var verdicts: [Verdict] = []
    verdicts.reserveCapacity(draft.items.count)
    var own: [ULID: UInt128] = [:]
    let strictlyRising = zip(draft.items, draft.items.dropFirst()).allSatisfy { $0.ulid < $1.ulid }
    let ids = try transaction.cursor(.ids)
    for item in draft.items {
      let id = item.id
      if !strictlyRising, let earlier = own[id.ulid] {
        verdicts.append(earlier == id.digest ? .known : .taken)
        continue
      }
      let verdict = try check(id, ids)
      if verdict != .taken, !strictlyRising { own[id.ulid] = id.digest }
      verdicts.append(verdict)
    }
    return verdicts
  }

  /// What the store says of an element: known if it is held, or its ULID erased; taken if only other bodies are held under its ULID.
  private func check(_ id: ElementID, _ ids: any StoreCursor) throws(StoreError) -> Verdict {
    if let last = state.lastElement, id.ulid > last.ulid { return .new }
    var verdict = Verdict.new
    var found = try ids.seek(StoreKey.element(ElementID(ulid: id.ulid, digest: 0)).raw)
    while found, let held = ElementID(key: ids.key), held.ulid == id.ulid {
      if held.digest == id.digest || ids.value[0] & ElementRow.erased != 0 { return .known }
      verdict = .taken
      found = try ids.next()
    }
    return verdict
  }

  /// Numbers, chains and puts what is new; the index rows in order of happening.
  private mutating func apply(
    _ draft: Draft, _ verdicts: [Verdict]?, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) -> Int {
    var log = try OwnLog(state, name)
    var elements: [(id: ElementID, recorded: RecordedDot)] = []
    if verdicts != nil { elements.reserveCapacity(draft.items.count) }
    var voids: [(ULID, Dot)] = []
    for (index, item) in draft.items.enumerated() {
      if let verdicts, verdicts[index] != .new { continue }
      let recorded = try extend(
        &log, item.ulid, item.kind, salt: item.salt, commitment: item.commitment, draft.body(of: item), transaction)
      if verdicts == nil { try add(item.id, recorded, transaction) } else { elements.append((item.id, recorded)) }
      for voided in item.voids { voids.append((voided, recorded.dot)) }
    }
    guard log.count > 0 else { return 0 }
    elements.sort { $0.id < $1.id }
    for element in elements { try add(element.id, element.recorded, transaction) }
    for (voided, dot) in voids { try void(voided, by: dot, transaction) }
    take(log)
    return Int(log.count)
  }

  /// The own log while records are put at its end.
  struct OwnLog {
    let origin: Origin
    fileprivate let first: UInt64
    fileprivate var n: UInt64
    fileprivate var chain: Digest
    fileprivate let rising: Bool

    init(_ state: SetState, _ name: String) throws(StoreError) {
      guard let own = state.own else { throw StoreError(.storage, "no origin to append under") }
      (origin, first, n) = (own, state.clock[own], state.clock[own])
      chain = state.ownChain ?? Chain.start(database: name, origin: own)
      rising = state.lastOrigin.map { own >= $0 } ?? true
    }

    /// Records put so far.
    var count: UInt64 { n - first }
  }

  /// Numbers, chains and puts a record at the end of the own log.
  mutating func extend(
    _ log: inout OwnLog, _ ulid: ULID, _ kind: Record.Kind, salt: UInt128, commitment: Digest, _ body: RawSpan,
    _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) -> RecordedDot {
    log.n += 1
    let dot = Dot(origin: log.origin, n: log.n)
    state.hlc = state.hlc.ticked(wall: wall)
    log.chain = Chain.next(after: log.chain, dot, hlc: state.hlc, ulid: ulid, kind: kind, commitment: commitment)
    let header = Record.Header(kind: kind, hlc: state.hlc, ulid: ulid, salt: salt, chain: log.chain)
    try put(header, body, at: dot, rising: log.rising, transaction)
    return RecordedDot(hlc: state.hlc, dot: dot)
  }

  /// Makes the end of the own log the state's.
  mutating func take(_ log: OwnLog) {
    guard log.count > 0 else { return }
    state.ownChain = log.chain
    state.clock.set(Clock.Entry(origin: log.origin, n: log.n, digest: log.chain.first8))
    state.lastOrigin = max(state.lastOrigin ?? log.origin, log.origin)
    state.records += log.count
    changed = true
  }

  private mutating func put(
    _ header: Record.Header, _ body: RawSpan, at dot: Dot, rising: Bool, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) {
    self.header.removeAll(keepingCapacity: true)
    Record.write(headerOf: header, body: body, at: dot, to: &self.header)
    try transaction.put(.log, StoreKey.dot(dot).raw, self.header.raw, body, rising: rising)
  }

  /// Puts the row of an element that is not held yet.
  private mutating func add(
    _ id: ElementID, _ recorded: RecordedDot, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) {
    let flags = state.voids > 0 ? try isVoided(id.ulid, transaction) ? ElementRow.voided : 0 : 0
    let rising = state.lastElement.map { id > $0 } ?? true
    var row = FixedKey<25>()
    row.store(flags, at: 0)
    row.store(recorded.hlc.value, at: 1)
    row.store(recorded.dot.origin.value, at: 9)
    row.store(recorded.dot.n, at: 17)
    try transaction.put(.ids, StoreKey.element(id).raw, row.raw, rising: rising)
    state.elements += 1
    state.sum.add(id)
    if rising { state.lastElement = id }
  }

  // MARK: Voids

  func isVoided(_ ulid: ULID, _ transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError) -> Bool {
    let cursor = try transaction.cursor(.voids)
    let from = StoreKey.void(ulid, Dot(origin: Origin(value: 0), n: 0))
    return try cursor.seek(from.raw) && cursor.key.bigEndian(at: 0, as: UInt128.self) == ulid.value
  }

  /// Notes that the void at `dot` declares `voided` wrong, and marks what is held under it.
  mutating func void(
    _ voided: ULID, by dot: Dot, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) {
    let key = StoreKey.void(voided, dot)
    if try transaction.get(.voids, key.raw) == nil { state.voids += 1 }
    try transaction.put(.voids, key.raw, FixedKey<0>().raw)
    for (id, held) in try rows(of: voided, transaction) where held.flags & ElementRow.voided == 0 {
      var row = held
      row.flags |= ElementRow.voided
      try transaction.put(.ids, StoreKey.element(id).raw, row.bytes.raw)
    }
  }

  /// The elements held under a ULID.
  func rows(of ulid: ULID, _ transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError) -> [(ElementID, ElementRow)] {
    var rows: [(ElementID, ElementRow)] = []
    let ids = try transaction.cursor(.ids)
    var found = try ids.seek(StoreKey.element(ElementID(ulid: ulid, digest: 0)).raw)
    while found, let id = ElementID(key: ids.key), id.ulid == ulid {
      rows.append((id, try ElementRow(reading: ids.value)))
      found = try ids.next()
    }
    return rows
  }

  // MARK: Merges

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

  /// The page's records that are not held, after checking that they go on where each log ends.
  private mutating func missing(
    _ page: VerifiedPage, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) -> [VerifiedPage.Item] {
    var fresh: [VerifiedPage.Item] = []
    var heads: [Origin: (n: UInt64, chain: Digest)] = [:]
    for item in page.records {
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
    guard var (_, row) = others.first(where: { $0.0 == item.id }) else {
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
    if row.dots.count == 1 { try transaction.put(.again, StoreKey.dot(row.dots[0].dot).raw, FixedKey<0>().raw) }
    try transaction.put(.again, StoreKey.dot(item.dot).raw, FixedKey<0>().raw)
    row.dots.append(recorded)
    row.dots.sort()
    try transaction.put(.ids, StoreKey.element(item.id).raw, row.bytes.raw)
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
