import EventModel

/// What happened between this node and a peer that a person should know of.
public struct PeerNews: Sendable {
  public enum Kind: Sendable, Hashable {
    /// The peer answers: at first, and again after it failed.
    case reached
    /// It could not be talked with. Tried again for ever; said once until it answers again.
    case failed
    /// A log that could not be brought on: altered records, a hole, or a fork. Asked for again after a while.
    case parked
    /// A log that lost a fork was cut here, and goes on with the one that won. Its events are in the own log.
    case forkRepaired
    /// A damaged log was cut, because no peer had the record in time: the events whose only records could not be read are lost.
    case damageCut
    /// A database was damaged beyond its records: its folder was set aside, and it is pulled again.
    case setAside
    /// A database is damaged beyond its records, and was left as it is.
    case damaged
    /// A database that is in doubt is checked, or the check's outcome.
    case checked
    /// Equal clocks with different sets. It must never happen.
    case alarm
  }

  public let kind: Kind
  /// The peer's name.
  public let peer: String
  /// Nil: it is about the peer as a whole.
  public let database: String?
  public let message: String
}
