/// On how many disks an event is before its append is answered, or of how many nodes' clocks a read is at least. It orders nothing
/// (DESIGN §4).
public enum Consistency: String, CaseIterable, Sendable {
  /// Queued: the answer promises nothing.
  case none
  /// On this node's disk.
  case one
  /// On any so many members' disks, devices' too.
  case two, three
  /// On a majority of the servers that hold the database.
  case quorum
  /// On a majority of those in this node's region.
  case localQuorum = "local_quorum"
  /// On a majority in each region.
  case eachQuorum = "each_quorum"
  /// On all servers that hold the database.
  case all

  /// Whether this node alone gives it, whoever else is there.
  public var isLocal: Bool { self == .none || self == .one }
}
