internal import Crypto

/// A record: one event as one origin recorded it. Header, 80 bytes, then the body; integers big-endian.
///
/// | offset | bytes | |
/// | --- | --- | --- |
/// | 0 | 1 | version, 0 |
/// | 1 | 1 | kind |
/// | 2 | 1 | flags: bit 0 erased; not hashed |
/// | 3 | 1 | reserved, 0 |
/// | 4 | 4 | CRC32C of origin ‖ n ‖ record without these four bytes |
/// | 8 | 8 | HLC |
/// | 16 | 16 | ULID |
/// | 32 | 16 | salt, random |
/// | 48 | 32 | chain digest up to this record |
/// | 80 | | body in normal form |
public enum Record {
  public static let headerBytes = 80
  public static let version: UInt8 = 0
  /// The greatest body, 1 MiB.
  public static let bodyBytesMax = 1 << 20

  public enum Offset {
    public static let version = 0
    public static let kind = 1
    public static let flags = 2
    public static let crc = 4
    public static let hlc = 8
    public static let ulid = 16
    public static let salt = 32
    public static let chain = 48
    public static let body = 80
  }

  public enum Kind: UInt8, Sendable {
    case event = 0
    /// An event whose body has `_voids`.
    case void = 1
    /// Names a ULID whose bodies are erased for good.
    case erasure = 2
  }

  /// What stands before the body.
  public struct Header: Hashable, Sendable {
    public var kind: Kind
    public var flags: UInt8
    public var hlc: HLC
    public var ulid: ULID
    public var salt: UInt128
    public var chain: Digest

    public init(kind: Kind, flags: UInt8 = 0, hlc: HLC, ulid: ULID, salt: UInt128, chain: Digest) {
      self.kind = kind
      self.flags = flags
      self.hlc = hlc
      self.ulid = ulid
      self.salt = salt
      self.chain = chain
    }

    /// Reads the header of a record, or nil if it is shorter than one, of another version, or of an unknown kind.
    public init?(reading record: RawSpan) {
      guard record.byteCount >= Record.headerBytes, record[Offset.version] == Record.version,
        let kind = Kind(rawValue: record[Offset.kind]), record[3] == 0
      else { return nil }
      self.init(
        kind: kind, flags: record[Offset.flags], hlc: HLC(value: record.bigEndian(at: Offset.hlc)),
        ulid: ULID(value: record.bigEndian(at: Offset.ulid)), salt: record.bigEndian(at: Offset.salt),
        chain: Digest(reading: record, at: Offset.chain))
    }
  }

  /// Appends header and body, with the checksum of them at `dot`.
  public static func write(_ header: Header, body: RawSpan, at dot: Dot, to bytes: inout [UInt8]) {
    write(headerOf: header, body: body, at: dot, to: &bytes)
    bytes.append(copying: body)
  }

  /// Appends the header alone, with the checksum of it and the body that will stand behind it.
  public static func write(headerOf header: Header, body: RawSpan, at dot: Dot, to bytes: inout [UInt8]) {
    let start = bytes.count
    bytes.append(version)
    bytes.append(header.kind.rawValue)
    bytes.append(header.flags)
    bytes.append(0)
    bytes.appendBigEndian(UInt32(0))
    bytes.appendBigEndian(header.hlc.value)
    bytes.appendBigEndian(header.ulid.value)
    bytes.appendBigEndian(header.salt)
    header.chain.write(to: &bytes)
    let crc = CRC32C.checksum(body, from: checksum(bytes.raw.extracting(start..<bytes.count), at: dot))
    bytes.storeBigEndian(crc, at: start + Offset.crc)
  }

  /// CRC32C of origin ‖ n ‖ record without its own four bytes of checksum.
  public static func checksum(_ record: RawSpan, at dot: Dot) -> UInt32 {
    var prefix = InlinePrefix(origin: dot.origin.value.bigEndian, n: dot.n.bigEndian)
    var crc = unsafe withUnsafeBytes(of: &prefix) { unsafe CRC32C.checksum(RawSpan(_unsafeBytes: $0)) }
    crc = CRC32C.checksum(record.extracting(first: Offset.crc), from: crc)
    return CRC32C.checksum(record.extracting(droppingFirst: Offset.hlc), from: crc)
  }

  private struct InlinePrefix: BitwiseCopyable { var origin, n: UInt64 }

  /// Whether the record's checksum holds at `dot`, so whether its bytes are those that were written there.
  public static func isIntact(_ record: RawSpan, at dot: Dot) -> Bool {
    record.byteCount >= headerBytes && checksum(record, at: dot) == record.bigEndian(at: Offset.crc, as: UInt32.self)
  }

  /// SHA-256(salt ‖ SHA-256(body)): what the chain says of a body, so that a body can be erased and not be guessed.
  public static func commitment(salt: UInt128, body: Digest) -> Digest {
    var bytes = InlineArray<48, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    span.store(salt, at: 0)
    span.store(body, at: 16)
    return span.sha256
  }
}

/// The hash chain along a log: each record carries a digest of the whole log up to it.
public enum Chain {
  /// chain(0) = SHA-256("laterbase log 1" ‖ length of name (8) ‖ name ‖ origin (8)).
  public static func start(database name: String, origin: Origin) -> Digest {
    var bytes = [UInt8]("laterbase log 1".utf8)
    bytes.appendBigEndian(UInt64(name.utf8.count))
    bytes.append(contentsOf: name.utf8)
    bytes.appendBigEndian(origin.value)
    return .sha256(bytes.raw)
  }

  /// chain(n) = SHA-256(chain(n−1) ‖ origin ‖ n ‖ hlc ‖ ulid ‖ kind ‖ commitment), 105 bytes.
  public static func next(after previous: Digest, _ dot: Dot, hlc: HLC, ulid: ULID, kind: Record.Kind, commitment: Digest) -> Digest {
    var bytes = InlineArray<105, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    span.store(previous, at: 0)
    span.store(dot.origin.value, at: 32)
    span.store(dot.n, at: 40)
    span.store(hlc.value, at: 48)
    span.store(ulid.value, at: 56)
    span[72] = kind.rawValue
    span.store(commitment, at: 73)
    return span.sha256
  }
}

extension MutableSpan<UInt8> {
  /// Stores an integer, most significant byte first. Traps outside the span.
  fileprivate mutating func store<I: FixedWidthInteger & BitwiseCopyable>(_ value: I, at offset: Int) {
    precondition(offset >= 0 && offset + MemoryLayout<I>.size <= count)
    // Safe: bounds were checked, and every bit pattern of an integer is a valid run of bytes.
    unsafe withUnsafeMutableBytes { unsafe $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: I.self) }
  }

  fileprivate mutating func store(_ digest: Digest, at offset: Int) {
    store(digest.words.a, at: offset)
    store(digest.words.b, at: offset + 8)
    store(digest.words.c, at: offset + 16)
    store(digest.words.d, at: offset + 24)
  }

  fileprivate var sha256: Digest {
    var hash = SHA256()
    // Safe: the closure's buffer is the span's own bytes, all initialised.
    unsafe withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
    return Digest(hash.finalize())
  }
}
