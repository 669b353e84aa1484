public import EventModel

/// Where a log that was held here ends from now on, and why (DESIGN §2, origins never fork silently; §3, damage).
///
/// The records behind it go, their events stay: an element that has no other record is appended to the own log in the same transaction.
/// So the set is the same before and after.
public struct LogCut: Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    /// There is another log of this origin, and it wins: its head.
    case fork(Clock.Entry)
    /// The record behind it is damaged, and nobody has it.
    case damage
  }

  public let origin: Origin
  /// The last record that stays; 0: none.
  public let n: UInt64
  /// chain(n) of the log held here: the cut is refused where the log is another one by then.
  public let chain: Digest
  public let reason: Reason

  public init(_ origin: Origin, after n: UInt64, chain: Digest, _ reason: Reason) {
    (self.origin, self.n, self.chain, self.reason) = (origin, n, chain, reason)
  }
}

extension LogCut {
  static let recordsMax = 4096
  static let bytesMax = 4 << 20

  /// What a transaction of a cut writes at most, about.
  static func size(_ cut: LogCut, _ state: SetState) -> WriteSize {
    let held = state.clock[cut.origin]
    let records = min(Int(clamping: held > cut.n ? held - cut.n : 1), recordsMax)
    return WriteSize(bytes: min(records << 10, bytesMax), events: records)
  }
}

/// What a cut did. It is on disk.
public struct CutOutcome: Hashable, Sendable {
  /// Records that went.
  public internal(set) var records = 0
  /// Elements that had no other record, and have one in the own log now.
  public internal(set) var appended = 0
  /// Damaged records that were the only ones of their elements: these are gone.
  public internal(set) var lost: [Dot] = []

  init() {}

  init(_ step: CutStep) { (records, appended, lost) = (step.records, step.appended, step.lost) }

  mutating func add(_ other: CutOutcome) {
    records += other.records
    appended += other.appended
    lost += other.lost
  }
}

extension Clock.Entry {
  /// Whether this log is the one that all nodes end with, of two of one origin: the longer one, at equal length that with the lower digest.
  ///
  /// A total order in which an append only rises, so it doesn't matter who meets whom.
  public func wins(over other: Clock.Entry) -> Bool { n == other.n ? digest < other.digest : n > other.n }
}

/// What one transaction of a cut did: a long end goes in several, the last records first, and each leaves a log without a hole.
struct CutStep: Sendable {
  var records = 0
  var appended = 0
  var lost: [Dot] = []
  /// Where the log ends now, as it is served; n = 0: nothing is left of it.
  var end: Clock.Entry
  /// The last record that stays, readable or not.
  var keeps: UInt64 = 0
  /// The ULIDs of elements whose records or voids are others now.
  var moved: Set<ULID> = []
  /// Up to where other logs hold these elements now.
  var needs: [Origin: UInt64] = [:]
  /// Takes in by which record an element is held now.
  mutating func need(_ dot: Dot) { needs[dot.origin] = max(needs[dot.origin] ?? 0, dot.n) }

  /// Whether nothing is left behind the place of the cut.
  var isDone = true
}
