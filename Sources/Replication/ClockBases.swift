public import EventModel

/// The clocks that a server told its peers last, two for each and way, so that a peer may say what it holds, and be told what is held here, by
/// the difference from one of them. Two, because the answer with the newer one may have been lost on its way; for each way, because a node
/// that pushes while its pull waits would else push that pull's base out. Bounded: the peer that was not told for longest is forgotten, and
/// says its whole clock once more.
public struct ClockBases: Sendable {
  /// What a clock was told at the end of.
  public enum Way: Sendable { case pull, push }

  private struct Told {
    var pulls: [(digest: UInt128, clock: Clock)] = []
    var pushes: [(digest: UInt128, clock: Clock)] = []
    var turn: UInt64 = 0

    var all: [(digest: UInt128, clock: Clock)] { pulls + pushes }
    var origins: Int { all.reduce(0) { $0 + $1.clock.entries.count } }
  }

  static let nodesMax = 1000
  /// Entries of all clocks together.
  static let originsMax = 1_000_000

  private var told: [Origin: Told] = [:]
  private var origins = 0
  private var turn: UInt64 = 0

  public init() {}

  /// Keeps what a peer is told.
  public mutating func tell(_ clock: Clock, to node: Origin, at way: Way = .pull) {
    var mine = told[node] ?? Told()
    turn += 1
    mine.turn = turn
    origins -= mine.origins
    switch way {
    case .pull: Self.add(clock, to: &mine.pulls)
    case .push: Self.add(clock, to: &mine.pushes)
    }
    origins += mine.origins
    told[node] = mine
    while told.count > Self.nodesMax || (origins > Self.originsMax && told.count > 1) {
      guard let oldest = told.min(by: { $0.value.turn < $1.value.turn }) else { return }
      origins -= oldest.value.origins
      told[oldest.key] = nil
    }
  }

  private static func add(_ clock: Clock, to clocks: inout [(digest: UInt128, clock: Clock)]) {
    if clocks.last?.clock != clock { clocks = clocks.suffix(1) + [(clock.baseDigest, clock)] }
  }

  /// The clock that a peer was told, by its digest; nil if it isn't kept any more.
  public func clock(_ digest: UInt128, toldTo node: Origin) -> Clock? {
    told[node]?.all.last { $0.digest == digest }?.clock
  }
}

extension Clock {
  /// What names this clock as a base: the first half of the SHA-256 of the bytes behind its token.
  public var baseDigest: UInt128 { Digest.sha256(tokenBytes.raw).first16 }
}
