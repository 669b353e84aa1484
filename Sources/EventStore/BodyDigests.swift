import EventModel

/// The digests of bodies that are read in the order of recording, mostly without hashing them: events that were recorded as they happened
/// lie in `ids` in the same order, and their keys say the digest. Lives as long as its cursor's transaction.
///
/// - Complexity: for an event that happened after those before, one step of a cursor; for any other a hash of its body.
struct BodyDigests {
  private let ids: any StoreCursor
  /// The row where the cursor stands; none, before the first event and behind the last row.
  private var next: ElementID?
  /// The last event whose row the cursor has passed.
  private var passed: ULID?
  /// How many events were asked for.
  private var events = 0

  /// The first few are hashed: for so many a search of the table costs more.
  private static let hashedFirst = 16
  /// How many rows are passed in search of an event: those between are of events that were recorded later, or came already.
  private static let stepsMax = 4

  init(_ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) { ids = try reader.cursor(.ids) }

  /// The first 16 bytes of the digest of a body that is held under this ULID.
  mutating func digest(of ulid: ULID, _ body: RawSpan) throws(StoreError) -> UInt128 {
    events += 1
    if events <= Self.hashedFirst { return Digest.sha256(body).first16 }
    if events == Self.hashedFirst + 1 {
      next = try row(ids.seek(StoreKey.element(ElementID(ulid: ulid, digest: 0)).raw))
    }
    var steps = 0
    while let row = next, row.ulid < ulid, steps < Self.stepsMax {
      try step(from: row)
      steps += 1
    }
    // Of several bodies under one ULID the key doesn't say which is whose.
    guard let row = next, row.ulid == ulid, passed != ulid else { return Digest.sha256(body).first16 }
    try step(from: row)
    return next?.ulid == ulid ? Digest.sha256(body).first16 : row.digest
  }

  private mutating func step(from row: ElementID) throws(StoreError) {
    passed = row.ulid
    next = try self.row(ids.next())
  }

  private func row(_ isThere: Bool) -> ElementID? { isThere ? ElementID(key: ids.key) : nil }
}
