public import EventModel
public import EventStore
package import Replication

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

  /// Of events that are on this node's disk, which is what `one` asks for.
  package init(ids: [ULID], _ appended: Appended) {
    self.ids = ids
    recorded = appended.recorded
    known = appended.known
    taken = appended.taken
    clock = appended.clock.map { Clock($0) }
    (required, achieved, status) = (1, 1, .success)
  }

  /// Says how far a level was reached.
  package mutating func set(_ count: Quorum.Count) {
    (required, achieved, status) = (count.required, count.achieved, count.isReached ? .success : .partial)
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
