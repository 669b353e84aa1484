public import EventModel

/// A key of a fixed number of bytes, on the stack.
public struct FixedKey<let count: Int>: Sendable {
  var bytes = InlineArray<count, UInt8>(repeating: 0)

  /// The key's bytes, borrowed.
  public var raw: RawSpan {
    @_lifetime(borrow self) get {
      // Safe: all elements of the InlineArray are initialised bytes.
      unsafe bytes.span.bytes
    }
  }

  mutating func store<I: FixedWidthInteger & BitwiseCopyable>(_ value: I, at offset: Int) {
    precondition(offset >= 0 && offset + MemoryLayout<I>.size <= count)
    var span = bytes.mutableSpan
    // Safe: bounds were checked, and every bit pattern of an integer is a valid run of bytes.
    unsafe span.withUnsafeMutableBytes { unsafe $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: I.self) }
  }
}

/// Keys of the tables; see `Table` for their layouts.
public enum StoreKey {
  /// origin ‖ n: the tables `log` and `again`, and `arrivals` with an HLC in place of n.
  public static func dot(_ origin: Origin, _ n: UInt64) -> FixedKey<16> {
    var key = FixedKey<16>()
    key.store(origin.value, at: 0)
    key.store(n, at: 8)
    return key
  }

  public static func dot(_ dot: Dot) -> FixedKey<16> { self.dot(dot.origin, dot.n) }

  /// ULID ‖ digest[0..<16]: the table `ids`.
  public static func element(_ id: ElementID) -> FixedKey<32> {
    var key = FixedKey<32>()
    key.store(id.ulid.value, at: 0)
    key.store(id.digest, at: 16)
    return key
  }

  /// ULID ‖ origin ‖ n: the table `voids`.
  static func void(_ voided: ULID, _ dot: Dot) -> FixedKey<32> {
    var key = FixedKey<32>()
    key.store(voided.value, at: 0)
    key.store(dot.origin.value, at: 16)
    key.store(dot.n, at: 24)
    return key
  }
}

/// An element as the store keys it: its ULID and the first 16 bytes of its body's digest. The order of happening.
public struct ElementID: Hashable, Comparable, Sendable {
  public let ulid: ULID
  public let digest: UInt128

  public init(ulid: ULID, digest: UInt128) {
    self.ulid = ulid
    self.digest = digest
  }

  /// Reads a key of the table `ids`.
  public init?(key: RawSpan) {
    guard key.byteCount == 32 else { return nil }
    self.init(ulid: ULID(value: key.bigEndian(at: 0)), digest: key.bigEndian(at: 16))
  }

  public static func < (a: ElementID, b: ElementID) -> Bool { a.ulid == b.ulid ? a.digest < b.digest : a.ulid < b.ulid }
}

/// One record of an element as its `ids` row lists it. Ordered by (HLC, origin, n): the least is the element's first dot.
public struct RecordedDot: Hashable, Comparable, Sendable {
  public let hlc: HLC
  public let dot: Dot

  public init(hlc: HLC, dot: Dot) {
    self.hlc = hlc
    self.dot = dot
  }

  public static func < (a: RecordedDot, b: RecordedDot) -> Bool { a.hlc == b.hlc ? a.dot < b.dot : a.hlc < b.hlc }
}

/// A row of the table `ids`: flags (1) ‖ dots in rising order, 24 bytes each.
struct ElementRow {
  static let voided: UInt8 = 1
  static let erased: UInt8 = 2

  var flags: UInt8
  var dots: [RecordedDot]

  init(flags: UInt8, dots: [RecordedDot]) {
    self.flags = flags
    self.dots = dots
  }

  init(reading value: RawSpan) throws(StoreError) {
    guard value.byteCount > 24, (value.byteCount - 1) % 24 == 0 else { throw StoreError(.damaged, "a row of ids has a wrong length") }
    flags = value[0]
    dots = []
    dots.reserveCapacity(value.byteCount / 24)
    for at in stride(from: 1, to: value.byteCount, by: 24) { dots.append(Self.dot(value, at)) }
  }

  /// The dot at a byte offset of a row.
  static func dot(_ value: RawSpan, _ at: Int) -> RecordedDot {
    RecordedDot(
      hlc: HLC(value: value.bigEndian(at: at)),
      dot: Dot(origin: Origin(value: value.bigEndian(at: at + 8)), n: value.bigEndian(at: at + 16)))
  }

  var bytes: [UInt8] {
    var bytes = [flags]
    bytes.reserveCapacity(1 + dots.count * 24)
    for recorded in dots {
      bytes.appendBigEndian(recorded.hlc.value)
      bytes.appendBigEndian(recorded.dot.origin.value)
      bytes.appendBigEndian(recorded.dot.n)
    }
    return bytes
  }
}
