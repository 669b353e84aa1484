public import EventModel

/// How often a node asks another one for what is new in a database.
public enum Polling: Hashable, Sendable {
  case never
  /// Once a minute, with jitter.
  case eachMinute
  /// By a long poll after the other.
  case always
}

/// A database's holders, as one node sees them.
public struct Neighbourhood: Sendable {
  public struct Neighbour: Hashable, Sendable {
    public var member: Member
    public var isLive: Bool

    public init(_ member: Member, isLive: Bool) { (self.member, self.isLive) = (member, isLive) }
  }

  /// The node that asks. It holds the database, or is going to.
  public var me: Member
  /// The others that hold it.
  public var others: [Neighbour]
  /// Whether it is the membership: then everybody is asked once a minute at least, so that it is known who is there.
  public var isMembership: Bool

  public init(_ me: Member, _ others: [Neighbour], isMembership: Bool = false) {
    (self.me, self.others, self.isMembership) = (me, others, isMembership)
  }
}

/// Decides whom a node asks for a database, and how often. It sees values only, so it can be tested without a cluster.
///
/// What must hold of any: while all see the same nodes live, news of each live holder that has an address reaches every other one.
public protocol PollingPolicy: Sendable {
  /// Who isn't named is never asked. Nodes without an address can't be.
  func polling(in neighbourhood: Neighbourhood) -> [Origin: Polling]
}

/// Asks all of its own region always. Across regions one holder a region, the live one with the lowest id, asks the lowest live one of each
/// other region always; every other holder does so once a minute, so a link that is cut for one node alone isolates no region.
public struct RegionalPolling: PollingPolicy {
  public init() {}

  public func polling(in neighbourhood: Neighbourhood) -> [Origin: Polling] {
    let me = neighbourhood.me
    let reachable = neighbourhood.others.filter { $0.member.address != nil && $0.member.id != me.id }.sorted { $0.member.id < $1.member.id }
    let regions = Dictionary(grouping: reachable, by: \.member.region)
    // A node that nobody can reach brings nothing to the others of its region: it doesn't speak for them.
    let leads = !(regions[me.region] ?? []).contains { $0.isLive && (me.address == nil || $0.member.id < me.id) }
    var polling: [Origin: Polling] = [:]
    for (region, nodes) in regions {
      if region == me.region {
        for node in nodes { polling[node.member.id] = .always }
        continue
      }
      let chosen = nodes.first(where: \.isLive)
      for node in nodes {
        // Where none answers, all are tried: the first that does is the one to ask.
        let isChosen = chosen == nil || chosen == node
        if isChosen || neighbourhood.isMembership { polling[node.member.id] = isChosen && leads ? .always : .eachMinute }
      }
    }
    return polling
  }
}
