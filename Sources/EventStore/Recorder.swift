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
  /// Origins of whose logs more is stored than is served, behind a damaged record.
  let broken: Set<Origin>
  var state: SetState
  /// Whether the set, or what `meta` says of it, differs from where it started.
  var changed = false
  /// Origins whose damaged record was written again.
  var repaired: Set<Origin> = []
  /// Of these, the next record that is damaged.
  var damaged: [Origin: UInt64] = [:]
  /// Dots of which it was found that their records can't be read: the only ones of an element that is recorded anew.
  var unreadable: [Dot] = []
  /// A page had records of the own origin that are not held here, or others: somebody else appends under it.
  var sawOwnElsewhere = false
  private var bound = false
  /// The least n of each origin that a page brought for the first time.
  var arrived: [Origin: UInt64] = [:]
  /// Scratch space for a record's header.
  private var header: [UInt8] = []

  init(name: String, wall: Instant, driftMaxMilliseconds: Int64, state: SetState, broken: Set<Origin>) {
    self.name = name
    self.broken = broken
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

  private enum Verdict {
    case new, known, taken
    /// Known, but none of its records can be read: it is recorded anew.
    case again
  }

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
    try apply(draft, verdicts, transaction)
    let recorded = verdicts.map { $0.count { $0 == .new } } ?? draft.items.count
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

  private mutating func check(_ draft: Draft, _ transaction: borrowing any StoreWriter & ~Copyable) throws(StoreError) -> [Verdict] {
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
      let verdict = try check(id, ids, transaction)
      if verdict != .taken, !strictlyRising { own[id.ulid] = id.digest }
      verdicts.append(verdict)
    }
    return verdicts
  }

  /// What the store says of an element: known if it is held, or its ULID erased; taken if only other bodies are held under its ULID.
  private mutating func check(
    _ id: ElementID, _ ids: any StoreCursor, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) -> Verdict {
    if let last = state.lastElement, id.ulid > last.ulid { return .new }
    var verdict = Verdict.new
    var found = try ids.seek(StoreKey.element(ElementID(ulid: id.ulid, digest: 0)).raw)
    while found, let held = ElementID(key: ids.key), held.ulid == id.ulid {
      if ids.value[0] & ElementRow.erased != 0 { return .known }
      if held.digest == id.digest { return try isReadable(ElementRow(reading: ids.value), transaction) ? .known : .again }
      verdict = .taken
      found = try ids.next()
    }
    return verdict
  }

  /// Whether one of an element's records is intact. Else it would be said of an event that it is known, which may be lost.
  private mutating func isReadable(
    _ row: ElementRow, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) -> Bool {
    for recorded in row.dots where try EventSet.entry(transaction, recorded.dot) != nil { return true }
    unreadable += row.dots.map(\.dot)
    return false
  }

  /// Numbers, chains and puts what is new; the index rows in order of happening.
  private mutating func apply(
    _ draft: Draft, _ verdicts: [Verdict]?, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) {
    var log = try OwnLog(state, name)
    var elements: [(id: ElementID, recorded: RecordedDot, isNew: Bool)] = []
    if verdicts != nil { elements.reserveCapacity(draft.items.count) }
    var voids: [(ULID, Dot)] = []
    for (index, item) in draft.items.enumerated() {
      if let verdicts, verdicts[index] != .new, verdicts[index] != .again { continue }
      let recorded = try extend(
        &log, item.ulid, item.kind, salt: item.salt, commitment: item.commitment, draft.body(of: item), transaction)
      if let verdicts {
        elements.append((item.id, recorded, verdicts[index] == .new))
      } else {
        try add(item.id, recorded, transaction)
      }
      for voided in item.voids { voids.append((voided, recorded.dot)) }
    }
    guard log.count > 0 else { return }
    elements.sort { $0.id < $1.id }
    for (id, recorded, isNew) in elements {
      if isNew { try add(id, recorded, transaction) } else { try addDot(recorded, of: id, transaction) }
    }
    for (voided, dot) in voids { try void(voided, by: dot, transaction) }
    take(log)
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
  mutating func add(
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

  /// Adds a further dot to the row of an element that is held.
  mutating func addDot(
    _ recorded: RecordedDot, of id: ElementID, _ transaction: borrowing any StoreWriter & ~Copyable
  ) throws(StoreError) {
    guard let value = try transaction.get(.ids, StoreKey.element(id).raw) else {
      throw StoreError(.damaged, "the row of an element is missing")
    }
    var row = try ElementRow(reading: value)
    if row.dots.count == 1 { try transaction.put(.again, StoreKey.dot(row.dots[0].dot).raw, FixedKey<0>().raw) }
    try transaction.put(.again, StoreKey.dot(recorded.dot).raw, FixedKey<0>().raw)
    row.dots.append(recorded)
    row.dots.sort()
    try transaction.put(.ids, StoreKey.element(id).raw, row.bytes.raw)
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
}
