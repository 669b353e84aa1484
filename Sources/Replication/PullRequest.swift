public import EventModel

/// What a pull asks for, and its bytes:
///
/// | bytes | |
/// | --- | --- |
/// | 8 | node id of whoever pulls; 0: nobody in particular |
/// | 1 ‖ … | length and name of the cluster, UTF-8 |
/// | 16 | base of `held`: the first half of the SHA-256 of the clock that the last end frame told, the bytes behind its token; zero: none |
/// | … | `held` as a `ClockDifference` from its base |
/// | 1 ‖ … | 1 ‖ elements (8) ‖ audit sum (32) of what is held, or 0 |
/// | 4 | bytes wanted at most; 0: it only asks what is held |
/// | 4 | milliseconds to wait while there is nothing |
/// | … | origins to leave out: count (LEB128), 8 bytes each, rising |
public struct PullRequest: Hashable, Sendable {
  /// The cluster of whoever names none.
  public static let standardCluster = "laterbase"
  /// An exchange ends after so many bytes of records: then all of them go to disk before the next begins.
  public static let exchangeBytesMax = 8 << 20
  /// Records go in pages of about this size.
  public static let pageBytes = 1 << 20
  public static let waitMax = Duration.seconds(300)
  /// Longer requests are refused unread.
  public static let bytesMaxOfRequest = Clock.tokenBytesMax + (1 << 20)

  public var node: Origin
  public var cluster: String
  /// The clock of the receiver's last flushed commit.
  public var held: Clock
  /// A clock that the server told this node lately; empty: none.
  public var base: Clock
  /// Of what is held.
  public var audit: PeerClock.Audit?
  public var bytesMax: Int
  public var wait: Duration
  /// Origins whose records the receiver doesn't take.
  public var without: Set<Origin>

  public init(
    node: Origin = Origin(value: 0), cluster: String = Self.standardCluster, held: Clock, base: Clock = Clock(),
    audit: PeerClock.Audit? = nil, bytesMax: Int = Self.exchangeBytesMax, wait: Duration = .zero, without: Set<Origin> = []
  ) {
    (self.node, self.cluster, self.held, self.base, self.audit) = (node, cluster, held, base, audit)
    (self.bytesMax, self.wait, self.without) = (bytesMax, wait, without)
  }

  /// The request as it would be made by a receiver that holds this now.
  public func naming(_ held: Clock) -> PullRequest {
    var request = self
    (request.held, request.audit) = (held, nil)
    return request
  }

  /// Whether it asks only what is held: a push begins so.
  public var asksForNothing: Bool { bytesMax == 0 }

  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(node.value)
    bytes.append(UInt8(truncatingIfNeeded: cluster.utf8.count))
    bytes.append(contentsOf: cluster.utf8.prefix(255))
    bytes.appendBigEndian(base.isEmpty ? 0 : base.baseDigest)
    ClockDifference.write(held, since: base, to: &bytes)
    Frame.write(audit, to: &bytes)
    bytes.appendBigEndian(UInt32(clamping: bytesMax))
    let (seconds, attoseconds) = min(wait, Self.waitMax).components
    bytes.appendBigEndian(UInt32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000))
    bytes.append(leb128: UInt64(without.count))
    for origin in without.sorted() { bytes.appendBigEndian(origin.value) }
    return bytes
  }

  /// What was wrong with a request's bytes.
  public enum Fault: Error, Sendable {
    case malformed
    /// Well formed, but its `held` is said by a base that isn't known here: the peer repeats with zero.
    case unknownBase
  }

  /// Reads a request.
  /// - Parameter bases: the clock that a node was told, by its digest.
  /// - Throws: `malformed` for any but the one form; `unknownBase`.
  public init(reading bytes: RawSpan, bases: (Origin, UInt128) -> Clock? = { _, _ in nil }) throws(Fault) {
    guard bytes.byteCount >= 9 else { throw .malformed }
    node = Origin(value: bytes.bigEndian(at: 0))
    var at = 9 + Int(bytes[8])
    guard at + 16 <= bytes.byteCount,
      let cluster = String(validating: [UInt8](copying: bytes.extracting(9..<at)), as: UTF8.self)
    else { throw .malformed }
    self.cluster = cluster
    base = Clock()
    let digest = bytes.bigEndian(at: at, as: UInt128.self)
    if digest != 0 {
      guard let known = bases(node, digest) else { throw .unknownBase }
      base = known
    }
    at += 16
    guard let held = ClockDifference.read(bytes, at: &at, since: base), let audit = Frame.audit(bytes, at: &at),
      at + 8 <= bytes.byteCount
    else { throw .malformed }
    self.held = held
    self.audit = audit
    bytesMax = min(Int(bytes.bigEndian(at: at, as: UInt32.self)), Self.exchangeBytesMax)
    wait = min(Duration.milliseconds(Int64(bytes.bigEndian(at: at + 4, as: UInt32.self))), Self.waitMax)
    at += 8
    guard let count = bytes.leb128(at: &at, end: bytes.byteCount), count == UInt64(bytes.byteCount - at) / 8,
      (bytes.byteCount - at) % 8 == 0
    else { throw .malformed }
    var without: [Origin] = []
    for place in stride(from: at, to: bytes.byteCount, by: 8) {
      let origin = Origin(value: bytes.bigEndian(at: place))
      if let last = without.last, last >= origin { throw .malformed }
      without.append(origin)
    }
    self.without = Set(without)
  }
}
