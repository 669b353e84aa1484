public import EventModel
import EventStore

/// What of a view is wanted, on both axes of time. Nothing given: all that is held now.
public struct TimeTravel: Sendable {
  /// Whose word on what had been recorded.
  public enum Known: Sendable {
    /// What had been recorded anywhere by this time, its millisecond included, as far as it is held now. May still grow.
    case recordedBy(Instant)
    /// What this node held at this time, its millisecond included.
    case heldAt(Instant)
    /// Exactly what this clock covers: the same at every node.
    case exactly(Clock)
  }

  /// Only what happened at this time or later.
  public var happenedFrom: Instant?
  /// Only what happened before this time.
  public var happenedBefore: Instant?
  /// Only what had been recorded, and not yet been voided.
  public var known: Known?

  public init(happenedFrom: Instant? = nil, happenedBefore: Instant? = nil, known: Known? = nil) {
    (self.happenedFrom, self.happenedBefore, self.known) = (happenedFrom, happenedBefore, known)
  }
}

extension OpenedDatabase {
  /// The clock of what was known. O(origins · log² records).
  package func clock(of known: TimeTravel.Known) throws(LaterbaseError) -> Clock {
    switch known {
    case .exactly(let clock): clock
    case .recordedBy(let instant): try reading { (set) throws(StoreError) in try set.clock(recordedBy: instant) }
    case .heldAt(let instant): try reading { (set) throws(StoreError) in try set.clock(heldAt: instant) }
    }
  }
}
