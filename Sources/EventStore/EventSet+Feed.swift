public import EventModel

/// Where a page of the feed ended.
public struct FeedPage: Sendable {
  /// The request's clock joined with what was walked over.
  public let clock: Clock
  /// Records held that `clock` does not cover; 0 only at the end.
  public let pending: UInt64
}

extension EventSet {
  /// Walks the delta of a clock by (HLC, origin, n) with a *running clock*: the given clock plus what was walked over. A record is handed
  /// out unless another dot of its element is covered by the running clock (DESIGN §2, the feed), so a consumer misses nothing and, at a
  /// node that holds all that its clock covers, sees nothing twice.
  ///
  /// An entry of the clock whose digest is not that of the log held here counts as 0, and so does one above what is held of an origin that
  /// is known to have forked, or that is this node's own.
  /// - Parameters:
  ///   - recordsMax: how many records to walk over at most.
  ///   - repeats: hand out an element at each of its dots: for whoever wants to know of every dot.
  ///   - digests: tell the bodies' digests.
  /// - Complexity: one seek an origin that has something new, then sequential reads; no record that the clock covers is read.
  public func feed(
    after clock: Clock, recordsMax: Int = 100_000, repeats: Bool = false, digests: Bool = false, _ visit: EventVisitor
  ) throws(StoreError) -> FeedPage {
    observe(clock)
    return try read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
      let trusted = try trusted(clock, reader, state).doubting(state)
      let digests = digests ? try BodyDigests(reader) : nil
      var walk = FeedWalk(running: trusted, held: state.clock, voids: state.voids > 0, repeats: repeats, digests: digests)
      try walk.open(self, reader)
      try walk.run(recordsMax: recordsMax, self, reader, visit)
      return FeedPage(clock: walk.running, pending: state.pending(after: walk.running))
    }
  }

  /// A clock from outside without the entries that another log wrote: of each log held, the digest at n is compared.
  package func trusted(
    _ clock: Clock, _ reader: borrowing any StoreReader & ~Copyable, _ state: SetState
  ) throws(StoreError) -> Clock {
    var trusted = clock
    for entry in clock.entries {
      guard let head = state.clock.entry(entry.origin), entry.n <= head.n else { continue }
      let digest = entry.n == head.n ? head.digest : try Self.writtenDigest(reader, entry.dot)
      if digest != entry.digest { trusted.set(Clock.Entry(origin: entry.origin, n: 0, digest: 0)) }
    }
    return trusted
  }

  /// The chain digest that a record names, though it may have rotted elsewhere: whoever has read it before is not sent back for that.
  private static func writtenDigest(_ reader: borrowing any StoreReader & ~Copyable, _ dot: Dot) throws(StoreError) -> UInt64? {
    guard let record = try reader.get(.log, StoreKey.dot(dot).raw), record.byteCount >= Record.headerBytes else { return nil }
    return record.bigEndian(at: Record.Offset.chain)
  }

  /// The records that a holder of `clock` lacks, log by log, up to about `bytesMax` bytes: what a peer pulls.
  /// - Returns: the page, and the clock of whoever has merged it.
  public func records(after clock: Clock, bytesMax: Int = 1 << 20) throws(StoreError) -> (page: RecordPage, clock: Clock) {
    try read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
      var page = RecordPage()
      var reached = try trusted(clock, reader, state)
      let cursor = try reader.cursor(.log)
      for range in state.clock.delta(beyond: reached) {
        var n = range.numbers.lowerBound
        var found = try cursor.seek(StoreKey.dot(range.origin, n).raw)
        while found, n <= range.numbers.upperBound, page.bytes.count < bytesMax {
          let dot = Dot(origin: range.origin, n: n)
          guard cursor.key.equals(StoreKey.dot(dot).raw), Record.isIntact(cursor.value, at: dot) else {
            noteDamage(dot, reader)
            break
          }
          page.add(dot, cursor.value)
          reached.set(Clock.Entry(origin: range.origin, n: n, digest: cursor.value.bigEndian(at: Record.Offset.chain)))
          n += 1
          found = try cursor.next()
        }
        if page.bytes.count >= bytesMax { break }
      }
      return (page, reached)
    }
  }
}

extension Clock {
  /// This clock without the entries above what is held of an origin that has forked: which of its logs they are of can't be said. Of the
  /// own log nobody has more, unless this file was set back.
  fileprivate func doubting(_ state: SetState) -> Clock {
    var clock = self
    for origin in state.forked.keys + [state.own].compactMap(\.self) where self[origin] > state.clock[origin] {
      clock.set(Clock.Entry(origin: origin, n: 0, digest: 0))
    }
    return clock
  }
}

/// The merge of the logs' new ranges by (HLC, origin, n): a heap of cursors, one a log.
struct FeedWalk {
  /// The next record of one log.
  struct Head {
    let log: any StoreCursor
    let again: any StoreCursor
    let last: UInt64
    var dot: Dot
    var hlc: HLC
    /// The next of this log's dots whose element has another, above all n if there is none.
    var nextAgain: UInt64

    var place: RecordedDot { RecordedDot(hlc: hlc, dot: dot) }
  }

  var running: Clock
  private let held: Clock
  private let voids: Bool
  private let repeats: Bool
  /// nil: nobody asks for them.
  private var digests: BodyDigests?
  /// The last record walked over, if the running clock doesn't say so yet.
  private var reached: Clock.Entry?
  /// A binary heap, the least place first.
  private var heads: [Head] = []

  init(running: Clock, held: Clock, voids: Bool, repeats: Bool, digests: BodyDigests?) {
    self.running = running
    self.held = held
    self.voids = voids
    self.repeats = repeats
    self.digests = digests
  }

  mutating func open(_ set: EventSet, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) {
    for range in held.delta(beyond: running) {
      let log = try reader.cursor(.log)
      let again = try reader.cursor(.again)
      let key = StoreKey.dot(range.origin, range.numbers.lowerBound)
      var head = Head(
        log: log, again: again, last: range.numbers.upperBound, dot: Dot(origin: range.origin, n: range.numbers.lowerBound),
        hlc: .zero, nextAgain: 0)
      head.nextAgain = try Self.again(head, seeking: true)
      let found = try log.seek(key.raw)
      if arrive(&head, found, set, reader) { push(head) }
    }
  }

  /// Reads the head where its cursor stands; false if the log as served ends here.
  private func arrive(_ head: inout Head, _ found: Bool, _ set: EventSet, _ reader: borrowing any StoreReader & ~Copyable) -> Bool {
    guard found, head.log.key.equals(StoreKey.dot(head.dot).raw), Record.isIntact(head.log.value, at: head.dot) else {
      set.noteDamage(head.dot, reader)
      return false
    }
    head.hlc = HLC(value: head.log.value.bigEndian(at: Record.Offset.hlc))
    return true
  }

  private static func again(_ head: Head, seeking: Bool) throws(StoreError) -> UInt64 {
    let found = seeking ? try head.again.seek(StoreKey.dot(head.dot).raw) : try head.again.next()
    guard found, head.again.key.bigEndian(at: 0, as: UInt64.self) == head.dot.origin.value else { return .max }
    return head.again.key.bigEndian(at: 8)
  }

  /// Walks until `recordsMax` records, the end, or a visit that says so. As long as one log has the least place, its cursor just moves on.
  mutating func run(
    recordsMax: Int, _ set: EventSet, _ reader: borrowing any StoreReader & ~Copyable, _ visit: EventVisitor
  ) throws(StoreError) {
    var walked = 0
    var goesOn = true
    while goesOn, walked < recordsMax, var head = popLeast() {
      let bound = heads.first?.place
      var isThere = true
      repeat {
        walked += 1
        let log = head.log
        goesOn = try hand(&head, log.value, set, reader, visit)
        isThere = head.dot.n < head.last ? try advance(&head, set, reader) : false
      } while isThere && goesOn && walked < recordsMax && bound.map { head.place < $0 } ?? true
      note()
      if isThere { push(head) }
    }
  }

  private func advance(_ head: inout Head, _ set: EventSet, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) -> Bool {
    head.dot = Dot(origin: head.dot.origin, n: head.dot.n + 1)
    let found = try head.log.next()
    return arrive(&head, found, set, reader)
  }

  /// Brings the running clock up to the last record walked over.
  private mutating func note() {
    if let reached { running.set(reached) }
    reached = nil
  }

  /// Hands out the record where `head` stands, unless its element was handed out before.
  /// - Returns: whether to go on.
  private mutating func hand(
    _ head: inout Head, _ record: RawSpan, _ set: EventSet, _ reader: borrowing any StoreReader & ~Copyable, _ visit: EventVisitor
  ) throws(StoreError) -> Bool {
    let body = record.extracting(droppingFirst: Record.headerBytes)
    let ulid = ULID(value: record.bigEndian(at: Record.Offset.ulid))
    var first = head.place
    var suppressed = false
    var digest: UInt128?
    if head.nextAgain == head.dot.n {
      note()
      let id = ElementID(ulid: ulid, digest: Digest.sha256(body).first16)
      digest = id.digest
      if let value = try reader.get(.ids, StoreKey.element(id).raw) {
        let dots = try ElementRow(reading: value).dots
        suppressed = dots.contains { $0.dot != head.dot && isCovered($0.dot) }
        first = dots.first ?? first
      }
      head.nextAgain = try Self.again(head, seeking: false)
    }
    reached = Clock.Entry(origin: head.dot.origin, n: head.dot.n, digest: record.bigEndian(at: Record.Offset.chain))
    if suppressed, !repeats { return true }
    let voidedBy = voids ? try set.voids(of: ulid, reader) : []
    let isVoid = record[Record.Offset.kind] == Record.Kind.void.rawValue
    if digest == nil { digest = try digests?.digest(of: ulid, body) }
    let event = StoredEvent(ulid: ulid, first: first, voidedBy: voidedBy, isVoid: isVoid, digest: digest, reached: reached)
    return try visit(event, body)
  }

  /// Whether the running clock covers a dot; what it claims above this node's own n suppresses nothing.
  private func isCovered(_ dot: Dot) -> Bool {
    let n = running[dot.origin]
    return n >= dot.n && n <= held[dot.origin]
  }

  private mutating func popLeast() -> Head? {
    guard let least = heads.first else { return nil }
    let last = heads.removeLast()
    guard !heads.isEmpty else { return least }
    heads[0] = last
    var at = 0
    while true {
      let left = 2 * at + 1
      guard left < heads.count else { break }
      let child = left + 1 < heads.count && heads[left + 1].place < heads[left].place ? left + 1 : left
      guard heads[child].place < heads[at].place else { break }
      heads.swapAt(child, at)
      at = child
    }
    return least
  }

  private mutating func push(_ head: Head) {
    heads.append(head)
    var at = heads.count - 1
    while at > 0, heads[at].place < heads[(at - 1) / 2].place {
      heads.swapAt(at, (at - 1) / 2)
      at = (at - 1) / 2
    }
  }
}
