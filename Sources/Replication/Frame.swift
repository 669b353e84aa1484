public import EventModel
public import EventStore

/// The frames of `application/vnd.laterbase.records`: length (4, of what follows) ‖ type (1) ‖ content. Integers big-endian.
///
/// | type | content |
/// | --- | --- |
/// | 1 record | origin (8) ‖ n (8) ‖ record as stored |
/// | 2 fork | origin (8) ‖ n (8) ‖ first 8 bytes of the sender's chain digest there: the receiver's log is another one |
/// | 3 end | 1 ‖ elements (8) ‖ audit sum (32), or 0 where a damaged log ends early; then the sender's clock as a `ClockDifference` from `held` |
///
/// The answer to a push is an end frame too, its clock by the difference from the base that the push named, or from nothing.
///
/// A fork is told of in an answer to a pull, at the receiver's n; and in a push, at the sender's end, before the sender's records from where
/// both logs agree on: they prove to the receiver that its own log is to be cut.
public enum Frame {
  enum Kind: UInt8 { case record = 1, fork, end }

  static let lengthBytes = 4
  static let recordBytes = 1 + 16 + Record.headerBytes
  static let forkBytes = 1 + 24
  static let auditBytes = 40

  /// Appends the frames of a page: forks, then records.
  public static func write(_ page: RecordPage, to bytes: inout [UInt8]) {
    for fork in page.forks { write(fork: fork, to: &bytes) }
    bytes.reserveCapacity(bytes.count + page.bytes.count + page.entries.count * (lengthBytes + 17))
    for entry in page.entries {
      bytes.appendBigEndian(UInt32(17 + entry.range.count))
      bytes.append(Kind.record.rawValue)
      bytes.appendBigEndian(entry.dot.origin.value)
      bytes.appendBigEndian(entry.dot.n)
      bytes.append(copying: page.bytes.raw.extracting(entry.range))
    }
  }

  /// Appends what ends an answer.
  /// - Parameter held: the clock that the request named; of a push its base.
  public static func write(_ end: PullEnd, since held: Clock, to bytes: inout [UInt8]) {
    for fork in end.forks { write(fork: fork, to: &bytes) }
    var content: [UInt8] = [Kind.end.rawValue]
    write(end.peer.audit, to: &content)
    ClockDifference.write(end.peer.clock, since: held, to: &content)
    bytes.appendBigEndian(UInt32(content.count))
    bytes.append(contentsOf: content)
  }

  /// Appends 1 ‖ elements (8) ‖ audit sum (32), or 0.
  static func write(_ audit: PeerClock.Audit?, to bytes: inout [UInt8]) {
    guard let audit else { return bytes.append(0) }
    bytes.append(1)
    bytes.appendBigEndian(audit.elements)
    bytes.appendBigEndian(audit.sum.high)
    bytes.appendBigEndian(audit.sum.low)
  }

  /// Reads what `write` wrote, and moves `at` behind it. Nil for any other form; inside of that, nil where it says that there is none.
  static func audit(_ bytes: RawSpan, at: inout Int) -> PeerClock.Audit?? {
    guard at < bytes.byteCount else { return nil }
    let start = at + 1
    switch bytes[at] {
    case 0:
      at = start
      return .some(nil)
    case 1 where start + auditBytes <= bytes.byteCount:
      at = start + auditBytes
      let sum = AuditSum(high: bytes.bigEndian(at: start + 8), low: bytes.bigEndian(at: start + 24))
      return PeerClock.Audit(elements: bytes.bigEndian(at: start), sum: sum)
    default: return nil
    }
  }

  private static func write(fork: Clock.Entry, to bytes: inout [UInt8]) {
    bytes.appendBigEndian(UInt32(forkBytes))
    bytes.append(Kind.fork.rawValue)
    bytes.appendBigEndian(fork.origin.value)
    bytes.appendBigEndian(fork.n)
    bytes.appendBigEndian(fork.digest)
  }
}

/// What a pull says when its records have come.
public struct PullEnd: Hashable, Sendable {
  /// What the peer held when it ended.
  public var peer: PeerClock
  /// Logs of which the receiver holds another one: the peer's entry at the receiver's n. Nothing of them was sent.
  public var forks: [Clock.Entry]

  public init(_ peer: PeerClock, forks: [Clock.Entry] = []) {
    self.peer = peer
    self.forks = forks
  }
}
