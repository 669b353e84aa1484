public import EventModel
public import EventStore

/// On how many disks an event is before its append is answered. It orders nothing (DESIGN §4).
public enum Consistency: String, CaseIterable, Sendable {
  /// Queued: the answer promises nothing.
  case none
  /// On this node's disk.
  case one
  case two, three
  /// On a majority of the members that hold the database.
  case quorum
  /// On a majority of those in this node's region.
  case localQuorum = "local_quorum"
  /// On a majority in each region.
  case eachQuorum = "each_quorum"
  case all

  /// How many copies are needed where this node is the only member.
  package var requiredAlone: Int {
    switch self {
    case .none: 0
    case .one, .quorum, .localQuorum, .eachQuorum, .all: 1
    case .two: 2
    case .three: 3
    }
  }
}

/// What became of an append.
public struct Receipt: Sendable {
  public enum Status: String, Sendable {
    /// As many copies as were asked for.
    case success
    /// Recorded here, on too few others in time.
    case partial
    /// Waits to be recorded; nothing is promised.
    case queued
  }

  /// The events' ULIDs, in their order.
  public var ids: [ULID]
  /// Events that are new.
  public var recorded: Int
  /// Events that were there already.
  public var known: Int
  /// Events left out because another body has their ULID, where that was asked for.
  public var taken: [Taken]
  /// This node's own log up to what this append wrote: for reading one's own writes at any node. Nil if nothing was ever written, or the
  /// append only waits.
  public var clock: Clock?
  public var status: Status
  /// Copies asked for.
  public var required: Int
  /// Copies known of.
  public var achieved: Int

  package init(ids: [ULID], _ appended: Appended, consistency: Consistency) {
    self.ids = ids
    recorded = appended.recorded
    known = appended.known
    taken = appended.taken
    clock = appended.clock.map { Clock($0) }
    required = consistency.requiredAlone
    achieved = 1
    status = required > achieved ? .partial : .success
  }

  package init(queued ids: [ULID]) {
    self.ids = ids
    recorded = 0
    known = 0
    taken = []
    clock = nil
    status = .queued
    required = 0
    achieved = 0
  }
}
