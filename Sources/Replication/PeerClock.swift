public import EventModel
public import EventStore

/// What a node holds of a database, of one flushed commit: its clock, and the audit of its set. Two are equal where the same is held,
/// whoever says so.
public struct PeerClock: Hashable, Sendable {
  /// How many elements, and their sum: equal clocks must mean equal audits.
  public struct Audit: Hashable, Sendable {
    public var elements: UInt64
    public var sum: AuditSum

    public init(elements: UInt64, sum: AuditSum) {
      self.elements = elements
      self.sum = sum
    }
  }

  public var clock: Clock
  /// Nil while a damaged record ends a log before what is counted.
  public var audit: Audit?
  /// Who says so; nil: it didn't tell.
  public var node: Origin?

  public init(_ clock: Clock = Clock(), audit: Audit?, node: Origin? = nil) {
    self.clock = clock
    self.audit = audit
    self.node = node
  }

  public static func == (a: PeerClock, b: PeerClock) -> Bool { a.clock == b.clock && a.audit == b.audit }

  public func hash(into hasher: inout Hasher) { hasher.combine(clock) }

  /// What a set holds.
  public init(_ set: EventSet) {
    let (state, isWhole) = set.served
    self.init(state.clock, audit: isWhole ? Audit(elements: state.elements, sum: state.sum) : nil)
  }

  /// What is wrong, if two nodes say the same clock and mean different sets. It must never happen: a person has to look.
  public func alarm(beside other: PeerClock) -> String? {
    guard clock == other.clock, let audit, let others = other.audit, audit != others else { return nil }
    return "equal clocks, but \(audit.elements) events with the sum \(audit.sum.hex), and \(others.elements) with \(others.sum.hex)"
  }
}

extension AuditSum {
  /// 64 lower-case hex characters.
  public var hex: String {
    [high, low].map { UInt64(truncatingIfNeeded: $0 >> 64).hex + UInt64(truncatingIfNeeded: $0).hex }.joined()
  }

  public init?(hex: String) {
    guard hex.utf8.count == 64, hex.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
      let high = UInt128(hex.prefix(32), radix: 16), let low = UInt128(hex.suffix(32), radix: 16)
    else { return nil }
    self.init(high: high, low: low)
  }
}
