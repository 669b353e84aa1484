internal import EventModel

/// What a verification found.
public struct VerifyReport: Sendable {
  /// Records read.
  public internal(set) var records: UInt64 = 0
  public internal(set) var elements: UInt64 = 0
  public internal(set) var bytes: UInt64 = 0
  /// Records whose checksums don't hold: each is one of the faults.
  public internal(set) var damagedRecords = 0
  /// What is wrong, each with its place; at most `faultsMax` are kept.
  public internal(set) var faults: [String] = []

  public static let faultsMax = 100
  public var isSound: Bool { faults.isEmpty }
  /// Whether nothing is wrong but records, which peers can mend in place.
  public var isMendable: Bool { faults.count == damagedRecords }

  mutating func fault(_ text: String) {
    if faults.count < Self.faultsMax { faults.append(text) }
  }
}

extension EventSet {
  /// Proves the whole database on one snapshot: every checksum, every chain from its start, no hole; `ids` and `log` compared both ways;
  /// counts, audit sum, voids. Changes nothing.
  /// - Parameter progress: called now and then with what was found so far; what it throws ends the check.
  /// - Complexity: O(records); hashes every body.
  public func verify(progress: (VerifyReport) throws(StoreError) -> Void = { _ in }) throws(StoreError) -> VerifyReport {
    try store.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in
      var check = Verification(name: name)
      var state: SetState?
      do throws(StoreError) { state = try SetState.reading(reader, name: name, version: 0).0 } catch {
        if error.code != .damaged { throw error }
        check.report.fault(error.message)
      }
      try check.walkLog(reader, progress)
      try check.walkElements(reader, progress)
      try check.compareVoids(reader)
      if let state { check.compare(state) }
      return check.report
    }
  }
}

/// A verification under way.
private struct Verification: ~Copyable {
  let name: String
  var report = VerifyReport()
  private var again: UInt64 = 0
  private var dots: UInt64 = 0
  private var conflicts: UInt64 = 0
  private var sum = AuditSum()
  private var voids: Set<VoidRow> = []
  /// Records that can't be read, and the rows of voids that only they could prove.
  private var damaged: Set<Dot> = []
  private var voidsOfDamaged = 0
  private var parser = EventParser()

  private struct VoidRow: Hashable {
    let voided: ULID
    let dot: Dot
  }

  init(name: String) { self.name = name }

  /// Every record: form, checksum, place in its chain, and that its element's row lists it.
  mutating func walkLog(_ reader: borrowing any StoreReader & ~Copyable, _ progress: (VerifyReport) throws(StoreError) -> Void)
    throws(StoreError)
  {
    let cursor = try reader.cursor(.log)
    var head: (origin: Origin, n: UInt64, chain: Digest?)?
    var found = try cursor.next()
    while found {
      guard cursor.key.byteCount == 16 else {
        report.fault("log: a key of \(cursor.key.byteCount) bytes")
        found = try cursor.next()
        continue
      }
      let dot = Dot(origin: Origin(value: cursor.key.bigEndian(at: 0)), n: cursor.key.bigEndian(at: 8))
      if head?.origin != dot.origin { head = (dot.origin, 0, Chain.start(database: name, origin: dot.origin)) }
      let previous = head?.n ?? 0
      if dot.n != previous + 1 { report.fault("log \(dot.origin): \(previous) is followed by \(dot.n)") }
      let chain = try check(cursor.value, at: dot, after: dot.n == previous + 1 ? head?.chain : nil, reader)
      head = (dot.origin, dot.n, chain)
      report.records += 1
      report.bytes += UInt64(cursor.value.byteCount)
      if report.records % 50_000 == 0 { try progress(report) }
      found = try cursor.next()
    }
  }

  /// - Returns: the record's chain digest, nil if it can't be trusted.
  private mutating func check(
    _ record: RawSpan, at dot: Dot, after previous: Digest?, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) -> Digest? {
    guard Record.isIntact(record, at: dot), let header = Record.Header(reading: record) else {
      if report.faults.count < VerifyReport.faultsMax { report.damagedRecords += 1 }
      report.fault("log \(dot.origin) \(dot.n): the record is damaged")
      damaged.insert(dot)
      return nil
    }
    let body = record.extracting(droppingFirst: Record.headerBytes)
    let digest = Digest.sha256(body)
    if let previous {
      let chain = Chain.next(
        after: previous, dot, hlc: header.hlc, ulid: header.ulid, kind: header.kind,
        commitment: Record.commitment(salt: header.salt, body: digest))
      if chain != header.chain { report.fault("log \(dot.origin) \(dot.n): the chain digest does not follow from the record before") }
    }
    let id = ElementID(ulid: header.ulid, digest: digest.first16)
    if let row = try reader.get(.ids, StoreKey.element(id).raw) {
      // A row that can't be read is told of when its turn comes.
      let listed = (try? ElementRow(reading: row))?.dots.contains(RecordedDot(hlc: header.hlc, dot: dot))
      if listed == false { report.fault("ids \(header.ulid): does not list \(dot.origin) \(dot.n)") }
    } else {
      report.fault("ids \(header.ulid): there is no row for \(dot.origin) \(dot.n)")
    }
    if header.kind == .void {
      var rewritten: [UInt8] = []
      if let parsed = try? parser.parseEvent(body, in: 0..<body.byteCount, into: &rewritten) {
        for voided in parsed.voids { voids.insert(VoidRow(voided: voided, dot: dot)) }
      } else {
        report.fault("log \(dot.origin) \(dot.n): the void has no event in it")
      }
    }
    return header.chain
  }

  /// Every element: its flags, its dots in order, and `again` for all dots of those with more than one.
  mutating func walkElements(
    _ reader: borrowing any StoreReader & ~Copyable, _ progress: (VerifyReport) throws(StoreError) -> Void
  ) throws(StoreError) {
    let cursor = try reader.cursor(.ids)
    let voids = try reader.cursor(.voids)
    var last: ULID?
    var bodies = 0
    var found = try cursor.next()
    while found {
      guard let id = ElementID(key: cursor.key), let row = try? ElementRow(reading: cursor.value) else {
        report.fault("ids: a row of \(cursor.key.byteCount) and \(cursor.value.byteCount) bytes is damaged")
        found = try cursor.next()
        continue
      }
      report.elements += 1
      if report.elements % 50_000 == 0 { try progress(report) }
      sum.add(id)
      bodies = last == id.ulid ? bodies + 1 : 1
      if bodies == 2 { conflicts += 1 }
      last = id.ulid
      dots += UInt64(row.dots.count)
      if !zip(row.dots, row.dots.dropFirst()).allSatisfy({ $0 < $1 }) { report.fault("ids \(id.ulid): its dots are not in order") }
      if row.dots.count > 1 {
        for recorded in row.dots {
          again += 1
          if try reader.get(.again, StoreKey.dot(recorded.dot).raw) == nil { report.fault("again: lacks a dot of \(id.ulid)") }
        }
      }
      let void =
        try voids.seek(StoreKey.void(id.ulid, Dot(origin: Origin(value: 0), n: 0)).raw)
        && voids.key.byteCount >= 16 && voids.key.bigEndian(at: 0, as: UInt128.self) == id.ulid.value
      if (row.flags & ElementRow.voided != 0) != void { report.fault("ids \(id.ulid): its flag and the table of voids differ") }
      found = try cursor.next()
    }
    if dots != report.records { report.fault("ids lists \(dots) records, the log has \(report.records)") }
  }

  mutating func compareVoids(_ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) {
    var rows: Set<VoidRow> = []
    let cursor = try reader.cursor(.voids)
    while try cursor.next() {
      guard cursor.key.byteCount == 32 else {
        report.fault("voids: a key of \(cursor.key.byteCount) bytes")
        continue
      }
      let dot = Dot(origin: Origin(value: cursor.key.bigEndian(at: 16)), n: cursor.key.bigEndian(at: 24))
      guard !damaged.contains(dot) else {
        voidsOfDamaged += 1
        continue
      }
      rows.insert(VoidRow(voided: ULID(value: cursor.key.bigEndian(at: 0)), dot: dot))
    }
    if rows != voids { report.fault("voids: \(rows.count) rows, the log says \(voids.count)") }
    var count: UInt64 = 0
    let againRows = try reader.cursor(.again)
    while try againRows.next() { count += 1 }
    if count != again { report.fault("again: \(count) rows, ids says \(again)") }
  }

  mutating func compare(_ state: SetState) {
    if state.records != report.records { report.fault("meta counts \(state.records) records, the log has \(report.records)") }
    if state.elements != report.elements { report.fault("meta counts \(state.elements) events, ids has \(report.elements)") }
    if state.conflicts != conflicts { report.fault("meta counts \(state.conflicts) conflicts, ids has \(conflicts)") }
    if state.voids != UInt64(voids.count + voidsOfDamaged) { report.fault("meta counts \(state.voids) voids, the log has \(voids.count)") }
    if state.sum != sum { report.fault("the audit sum in meta is not that of ids") }
  }
}
