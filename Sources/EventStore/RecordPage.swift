public import EventModel

/// Records on their way from one node to another, in any order that keeps each log's own.
public struct RecordPage: Sendable {
  public struct Entry: Sendable {
    public let dot: Dot
    public let range: Range<Int>
  }

  /// The records as stored, one behind the other.
  public private(set) var bytes: [UInt8] = []
  public private(set) var entries: [Entry] = []
  /// Heads of logs in it of which the receiver may hold another one: the one that loses is to be cut.
  public var forks: [Clock.Entry] = []

  public init() {}

  /// Adds a copy of a record.
  public mutating func add(_ dot: Dot, _ record: RawSpan) {
    entries.append(Entry(dot: dot, range: bytes.count..<bytes.count + record.byteCount))
    bytes.append(copying: record)
  }
}

/// A page whose every record is intact, and follows the one before it of the same log: all that can be checked without the store.
public struct VerifiedPage: Sendable {
  struct Item: Sendable {
    let dot: Dot
    let range: Range<Int>
    let header: Record.Header
    /// SHA-256(salt ‖ SHA-256(body)).
    let commitment: Digest
    let id: ElementID
    let voids: [ULID]

    func chain(after previous: Digest) -> Digest {
      Chain.next(after: previous, dot, hlc: header.hlc, ulid: header.ulid, kind: header.kind, commitment: commitment)
    }
  }

  let bytes: [UInt8]
  let records: [Item]
  /// Heads of logs in it of which there may be another one here.
  public let forks: [Clock.Entry]

  /// Verifies a page: form, checksum, and the chain within each log. Outside the writer's thread: it hashes every body.
  /// - Throws: `refused`, naming the record.
  public init(_ page: RecordPage) throws(StoreError) {
    // Of each log that another one's records interrupted, its last item.
    var heads: [Origin: Int] = [:]
    var parser = EventParser()
    var items: [Item] = []
    items.reserveCapacity(page.entries.count)
    for entry in page.entries {
      let item = try Self.verify(entry, page.bytes.raw.extracting(entry.range), &parser)
      var last = items.indices.last
      if let end = last, items[end].dot.origin != entry.dot.origin {
        heads[items[end].dot.origin] = end
        last = heads[entry.dot.origin]
      }
      if let last {
        let head = items[last]
        // n ≥ 1 was verified; a foreign n + 1 might overflow.
        guard entry.dot.n - 1 == head.dot.n, item.chain(after: head.header.chain) == item.header.chain else {
          throw StoreError(.refused, "the record \(entry.dot.n) of \(entry.dot.origin) does not follow \(head.dot.n)")
        }
      }
      items.append(item)
    }
    bytes = page.bytes
    records = items
    forks = page.forks
  }

  /// Whether each of its logs begins here, with the first record of this database: whether an empty set takes it.
  public func begins(_ database: String) -> Bool {
    var seen: Set<Origin> = []
    return records.allSatisfy { item in
      guard seen.insert(item.dot.origin).inserted else { return true }
      return item.dot.n == 1 && item.chain(after: Chain.start(database: database, origin: item.dot.origin)) == item.header.chain
    }
  }

  private static func verify(_ entry: RecordPage.Entry, _ record: RawSpan, _ parser: inout EventParser) throws(StoreError) -> Item {
    func refuse(_ why: String) -> StoreError {
      StoreError(.refused, "the record \(entry.dot.n) of \(entry.dot.origin) \(why)")
    }
    guard entry.dot.n > 0, let header = Record.Header(reading: record), header.flags == 0, header.kind != .erasure else {
      throw refuse("is of an unknown form")
    }
    guard record.byteCount <= Record.headerBytes + Record.bodyBytesMax else { throw refuse("is too large") }
    guard Record.isIntact(record, at: entry.dot) else { throw refuse("was damaged on the way") }
    let body = record.extracting(droppingFirst: Record.headerBytes)
    let digest = Digest.sha256(body)
    var voids: [ULID] = []
    if header.kind == .void {
      var rewritten: [UInt8] = []
      guard let parsed = try? parser.parseEvent(body, in: 0..<body.byteCount, into: &rewritten) else { throw refuse("has no event in it") }
      voids = parsed.voids
    }
    return Item(
      dot: entry.dot, range: entry.range, header: header, commitment: Record.commitment(salt: header.salt, body: digest),
      id: ElementID(ulid: header.ulid, digest: digest.first16), voids: voids)
  }
}

/// What a merge brought. It is on disk.
public struct Merged: Sendable {
  /// Records that were not held before.
  public let records: Int
  /// Elements that were not held before.
  public let elements: Int
  /// All that is held now.
  public let clock: Clock
}
