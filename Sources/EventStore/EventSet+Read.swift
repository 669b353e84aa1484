public import EventModel

extension EventSet {
  /// The elements under a ULID: usually one, two if two bodies were merged, least digest first.
  /// - Returns: how many.
  @discardableResult
  public func events(_ ulid: ULID, _ visit: EventVisitor) throws(StoreError) -> Int {
    try read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
      try Self.events(ulid, self, reader, state, try reader.cursor(.ids), visit)
    }
  }

  /// The elements under each of many ULIDs, in the order asked, on one snapshot.
  /// - Returns: those under which nothing is held.
  public func events(_ ulids: [ULID], _ visit: EventVisitor) throws(StoreError) -> [ULID] {
    try read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
      let ids = try reader.cursor(.ids)
      var missing: [ULID] = []
      for ulid in ulids where try Self.events(ulid, self, reader, state, ids, visit) == 0 { missing.append(ulid) }
      return missing
    }
  }

  private static func events(
    _ ulid: ULID, _ set: EventSet, _ reader: borrowing any StoreReader & ~Copyable, _ state: SetState, _ ids: any StoreCursor,
    _ visit: EventVisitor
  ) throws(StoreError) -> Int {
    var count = 0
    var found = try ids.seek(StoreKey.element(ElementID(ulid: ulid, digest: 0)).raw)
    while found, let id = ElementID(key: ids.key), id.ulid == ulid {
      if let goesOn = try set.hand(ids.value, id, reader, state, visit) {
        count += 1
        if !goesOn { break }
      }
      found = try ids.next()
    }
    return count
  }

  /// Walks the elements in order of happening, from the first at or after `from` (or behind `cursor`) to the last before `to`; or
  /// backwards.
  /// - Parameter cursor: the last element of the page before.
  /// - Returns: the last element walked over, nil at the end of the range.
  /// - Complexity: one seek, then a get an element.
  public func range(
    from: Instant? = nil, to: Instant? = nil, after cursor: ElementID? = nil, descending: Bool = false, _ visit: EventVisitor
  ) throws(StoreError) -> ElementID? {
    let low = ElementID(ulid: ULID(at: from ?? Instant(milliseconds: 0), low80: 0), digest: 0)
    let high = to.map { ElementID(ulid: ULID(at: $0, low80: 0), digest: 0) }
    return try read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
      let ids = try reader.cursor(.ids)
      var found = try descending ? Self.seek(ids, before: Self.lesser(high, cursor)) : Self.seek(ids, low, after: cursor)
      while found, let id = ElementID(key: ids.key) {
        if descending ? id < low : high.map({ id >= $0 }) ?? false { return nil }
        if let goesOn = try hand(ids.value, id, reader, state, visit), !goesOn { return id }
        found = try descending ? ids.previous() : ids.next()
      }
      return nil
    }
  }

  private static func lesser(_ a: ElementID?, _ b: ElementID?) -> ElementID? {
    guard let a, let b else { return a ?? b }
    return min(a, b)
  }

  private static func seek(_ ids: any StoreCursor, before bound: ElementID?) throws(StoreError) -> Bool {
    guard let bound, try ids.seek(StoreKey.element(bound).raw) else { return try ids.last() }
    return try ids.previous()
  }

  private static func seek(_ ids: any StoreCursor, _ low: ElementID, after cursor: ElementID?) throws(StoreError) -> Bool {
    let start = max(low, cursor ?? low)
    guard try ids.seek(StoreKey.element(start).raw) else { return false }
    if let cursor, cursor == start, ElementID(key: ids.key) == cursor { return try ids.next() }
    return true
  }

  /// One element, on a snapshot that is there already.
  /// - Returns: whether it was handed out: not if it isn't held, or none of its records is intact.
  package func element(
    _ id: ElementID, _ reader: borrowing any StoreReader & ~Copyable, _ state: SetState, _ visit: EventVisitor
  ) throws(StoreError) -> Bool {
    guard let row = try reader.get(.ids, StoreKey.element(id).raw) else { return false }
    return try hand(row, id, reader, state, visit) != nil
  }

  /// Hands out the element of an `ids` row, by its first dot whose record is intact.
  /// - Returns: whether to go on; nil if none of its records is served.
  private func hand(
    _ value: RawSpan, _ id: ElementID, _ reader: borrowing any StoreReader & ~Copyable, _ state: SetState, _ visit: EventVisitor
  ) throws(StoreError) -> Bool? {
    guard value.byteCount >= 25 else { throw StoreError(.damaged, "a row of ids has a wrong length") }
    let first = ElementRow.dot(value, 1)
    let voidedBy = value[0] & ElementRow.voided != 0 ? try voids(of: id.ulid, reader) : []
    for at in stride(from: 1, through: value.byteCount - 24, by: 24) {
      let dot = ElementRow.dot(value, at).dot
      guard let record = try reader.get(.log, StoreKey.dot(dot).raw), Record.isIntact(record, at: dot) else {
        noteDamage(dot, reader)
        continue
      }
      return try visit(
        StoredEvent(ulid: id.ulid, first: first, voidedBy: voidedBy), record.extracting(droppingFirst: Record.headerBytes))
    }
    return nil
  }

  /// The events that declare a ULID wrong, sorted.
  func voids(of ulid: ULID, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) -> [ULID] {
    var voids: Set<ULID> = []
    let cursor = try reader.cursor(.voids)
    var found = try cursor.seek(StoreKey.void(ulid, Dot(origin: Origin(value: 0), n: 0)).raw)
    while found, cursor.key.bigEndian(at: 0, as: UInt128.self) == ulid.value {
      let dot = Dot(origin: Origin(value: cursor.key.bigEndian(at: 16)), n: cursor.key.bigEndian(at: 24))
      if let record = try reader.get(.log, StoreKey.dot(dot).raw), let header = Record.Header(reading: record) { voids.insert(header.ulid) }
      found = try cursor.next()
    }
    return voids.sorted()
  }
}

extension EventSet {
  /// What this node held at a time, as a clock: of its own logs by the records' HLC, of others by when merges brought them.
  /// - Complexity: O(origins · log² records).
  public func clock(heldAt instant: Instant) throws(StoreError) -> Clock {
    let bound = HLC(instant, counter: .max)
    return try read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
      var entries: [Clock.Entry] = []
      let arrivals = try reader.cursor(.arrivals)
      for head in state.clock.entries {
        let n =
          try Self.hasArrivals(arrivals, head.origin)
          ? try Self.arrived(arrivals, head, by: bound, reader) : try Self.last(head, notAfter: bound, reader)
        if n > 0, let entry = try Self.entry(reader, Dot(origin: head.origin, n: min(n, head.n))) { entries.append(entry) }
      }
      return Clock(entries)
    }
  }

  /// What was recorded anywhere by a time, as far as it is held now: of each log the records up to that HLC. May still grow.
  /// - Complexity: O(origins · log² records).
  public func clock(recordedBy instant: Instant) throws(StoreError) -> Clock {
    let bound = HLC(instant, counter: .max)
    return try read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
      var entries: [Clock.Entry] = []
      for head in state.clock.entries {
        let n = try Self.last(head, notAfter: bound, reader)
        if n > 0, let entry = try Self.entry(reader, Dot(origin: head.origin, n: n)) { entries.append(entry) }
      }
      return Clock(entries)
    }
  }

  /// How many records held are ahead of the wall by more than the bound. Computed when asked: HLCs rise along every log.
  public func suspects() throws(StoreError) -> UInt64 {
    let bound = HLC(world.now().adding(milliseconds: options.driftMaxMilliseconds), counter: .max)
    return try read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
      var count: UInt64 = 0
      for head in state.clock.entries { count += head.n - (try Self.last(head, notAfter: bound, reader)) }
      return count
    }
  }

  private static func hasArrivals(_ arrivals: any StoreCursor, _ origin: Origin) throws(StoreError) -> Bool {
    try arrivals.seek(StoreKey.dot(origin, 0).raw) && arrivals.key.bigEndian(at: 0, as: UInt64.self) == origin.value
  }

  private static func arrived(
    _ arrivals: any StoreCursor, _ head: Clock.Entry, by bound: HLC, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) -> UInt64 {
    let behind = bound.value == .max ? bound.value : bound.value + 1
    let found = try arrivals.seek(StoreKey.dot(head.origin, behind).raw) ? try arrivals.previous() : try arrivals.last()
    guard found, arrivals.key.bigEndian(at: 0, as: UInt64.self) == head.origin.value, arrivals.value.byteCount == 8 else { return 0 }
    let n = arrivals.value.bigEndian(at: 0, as: UInt64.self)
    guard arrivals.key.bigEndian(at: 8, as: UInt64.self) == 0 else { return n }
    // What was recorded here, before any of this log came from elsewhere.
    return try last(Clock.Entry(origin: head.origin, n: min(n, head.n), digest: 0), notAfter: bound, reader)
  }

  /// The last n of a log whose HLC is not above a bound, by binary search.
  private static func last(_ head: Clock.Entry, notAfter bound: HLC, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError)
    -> UInt64
  {
    var low: UInt64 = 0
    var high = head.n
    while low < high {
      let middle = low + (high - low + 1) / 2
      let record = try reader.get(.log, StoreKey.dot(head.origin, middle).raw)
      guard let record, record.byteCount >= Record.headerBytes else {
        throw StoreError(.damaged, "the record \(middle) of \(head.origin) is missing")
      }
      if HLC(value: record.bigEndian(at: Record.Offset.hlc)) <= bound { low = middle } else { high = middle - 1 }
    }
    return low
  }
}
