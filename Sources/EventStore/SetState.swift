public import EventModel

/// What a node knows of a database without reading it: the result of the last flushed commit. A value; the writer swaps in a new one.
public struct SetState: Sendable {
  /// Rises by one with each commit that changed the set.
  public internal(set) var version: UInt64 = 0
  /// The origin that appends here write under; nil until the first.
  public internal(set) var own: Origin?
  /// Every log held, as far as it is held and served: a damaged record ends its log.
  public internal(set) var clock = Clock()
  /// The chain digest of the own log's last record.
  var ownChain: Digest?
  /// The database's hybrid logical clock: not below any record's that was made or taken in here, but for suspect ones.
  public internal(set) var hlc = HLC.zero
  /// Elements held.
  public internal(set) var elements: UInt64 = 0
  /// Records held: an element may have several.
  public internal(set) var records: UInt64 = 0
  /// ULIDs under which more than one body is held.
  public internal(set) var conflicts: UInt64 = 0
  /// Rows of the table `voids`; while it is 0 nobody looks there.
  public internal(set) var voids: UInt64 = 0
  /// The audit sum of the elements.
  public internal(set) var sum = AuditSum()
  /// The origins under which two logs were seen, and how often the one that was held here lost: then its end was cut.
  public internal(set) var forked: [Origin: UInt64] = [:]
  /// How often an end of any log was cut here. What was read of an element's dots before a cut may not be so behind it.
  public internal(set) var cuts: UInt64 = 0
  /// The last element in order of happening: whatever lies above it is new without a look-up.
  var lastElement: ElementID?
  /// The greatest origin of the table `log`: under it a put is an append.
  var lastOrigin: Origin?

  /// Records held that `clock` does not cover.
  public func pending(after clock: Clock) -> UInt64 {
    self.clock.delta(beyond: clock).reduce(0) { $0 + ($1.numbers.upperBound - $1.numbers.lowerBound + 1) }
  }
}

/// The rows of the table `meta`.
enum Meta {
  static var format: [UInt8] { [UInt8]("format".utf8) }
  static var state: [UInt8] { [UInt8]("state".utf8) }
  static var origin: [UInt8] { [UInt8]("origin".utf8) }
  static var cuts: [UInt8] { [UInt8]("cuts".utf8) }
  static var forked: [UInt8] { [UInt8]("forked ".utf8) }
  static let formatVersion: UInt32 = 1
  static let markBytes = 16

  /// format version (4) ‖ database name.
  static func formatRow(_ name: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(formatVersion)
    bytes.append(contentsOf: name.utf8)
    return bytes
  }

  /// HLC (8) ‖ elements (8) ‖ records (8) ‖ conflicts (8) ‖ voids (8) ‖ audit sum (32).
  static func stateRow(_ state: SetState) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(72)
    bytes.appendBigEndian(state.hlc.value)
    for count in [state.elements, state.records, state.conflicts, state.voids] { bytes.appendBigEndian(count) }
    bytes.appendBigEndian(state.sum.high)
    bytes.appendBigEndian(state.sum.low)
    return bytes
  }

  static func readState(_ row: RawSpan, into state: inout SetState) throws(StoreError) {
    guard row.byteCount == 72 else { throw StoreError(.damaged, "the state row of meta has a wrong length") }
    state.hlc = HLC(value: row.bigEndian(at: 0))
    state.elements = row.bigEndian(at: 8)
    state.records = row.bigEndian(at: 16)
    state.conflicts = row.bigEndian(at: 24)
    state.voids = row.bigEndian(at: 32)
    state.sum = AuditSum(high: row.bigEndian(at: 40), low: row.bigEndian(at: 56))
  }

  /// The row of an origin that has forked: its key is `forked` ‖ origin (8), its value how often its log was cut (8).
  static func forkedKey(_ origin: Origin) -> [UInt8] {
    var key = forked
    key.appendBigEndian(origin.value)
    return key
  }

  /// A count (8).
  static func countRow(_ count: UInt64) -> [UInt8] {
    var row: [UInt8] = []
    row.appendBigEndian(count)
    return row
  }

  /// own origin (8) ‖ start mark (16) ‖ place of the data file.
  static func originRow(_ binding: OriginBinding) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(binding.origin.value)
    bytes.append(contentsOf: binding.mark)
    bytes.append(contentsOf: binding.place)
    return bytes
  }
}

/// What an origin is bound to: the data file's place, and a random mark kept both in it and beside it (DESIGN §2, origins never fork silently).
struct OriginBinding: Equatable {
  var origin: Origin
  var mark: [UInt8]
  var place: [UInt8]

  init(origin: Origin, mark: [UInt8], place: [UInt8]) {
    self.origin = origin
    self.mark = mark
    self.place = place
  }

  init?(row: RawSpan) {
    guard row.byteCount >= 8 + Meta.markBytes else { return nil }
    origin = Origin(value: row.bigEndian(at: 0))
    mark = [UInt8](copying: row.extracting(8..<8 + Meta.markBytes))
    place = [UInt8](copying: row.extracting(droppingFirst: 8 + Meta.markBytes))
  }

  /// The binding that a store holds.
  static func stored(in reader: borrowing any StoreReader & ~Copyable) throws(StoreError) -> OriginBinding? {
    guard let row = try reader.get(.meta, Meta.origin.raw) else { return nil }
    return OriginBinding(row: row)
  }
}
