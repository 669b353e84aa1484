public import EventModel

/// A node that joined the cluster, as the membership database says.
public struct Member: Hashable, Sendable {
  public enum Role: String, CaseIterable, Sendable {
    /// Counts in the denominators of consistency levels.
    case server
    /// A tablet or a laptop: a copy for `two` and `three`, in no denominator.
    case device
  }

  /// Who it is; names may repeat.
  public var id: Origin
  public var name: String
  /// The URL at which others reach it; nil: it is a device, or behind a NAT.
  public var address: String?
  public var region: String
  public var role: Role

  public init(id: Origin, name: String, address: String?, region: String, role: Role) {
    (self.id, self.name, self.address, self.region, self.role) = (id, name, address, region, role)
  }
}

/// Who is in the cluster, as one node knows it now. This node is among them.
public protocol Roster: Sendable {
  /// The members that hold a database and have not left nor been removed, by rising id.
  func members(holding database: String) -> [Member]
}
