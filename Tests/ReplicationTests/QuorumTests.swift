import EventModel
import Testing

@testable import Replication

@Suite struct Quorums {
  private static let this = Origin(value: 1)

  /// All ways in which up to five members, this node among them, may be servers or devices of two regions: 4 + 16 + … + 4⁵ = 1 364.
  private static let clusters: [[Member]] = (1...5).flatMap { count in
    (0..<1 << (2 * count)).map { bits in
      (0..<count).map { place in
        let choice = bits >> (2 * place)
        return Member(
          id: Origin(value: UInt64(place + 1)), name: "m\(place)", address: nil, region: choice & 1 == 0 ? "north" : "south",
          role: choice & 2 == 0 ? .server : .device)
      }
    }
  }

  /// All sets of holders with this node among them: what is counted was recorded here first.
  private static func holders(_ members: [Member]) -> [Set<Origin>] {
    (0..<1 << (members.count - 1)).map { bits in
      Set(members.enumerated().filter { $0.offset == 0 || bits >> ($0.offset - 1) & 1 == 1 }.map(\.element.id))
    }
  }

  /// DESIGN §4, word for word.
  private static func isReached(_ level: Consistency, _ members: [Member], _ holders: Set<Origin>) -> Bool {
    let servers = members.filter { $0.role == .server }
    func hasMajority(_ servers: [Member]) -> Bool { servers.filter { holders.contains($0.id) }.count * 2 > servers.count }
    switch level {
    case .none, .one: return true
    case .two: return holders.count >= 2
    case .three: return holders.count >= 3
    case .quorum: return hasMajority(servers)
    case .localQuorum: return hasMajority(servers.filter { $0.region == members[0].region })
    case .eachQuorum:
      return !servers.isEmpty && Set(servers.map(\.region)).allSatisfy { region in hasMajority(servers.filter { $0.region == region }) }
    case .all: return !servers.isEmpty && servers.allSatisfy { holders.contains($0.id) }
    }
  }

  @Test func `are reached exactly where the members that count hold it, in every cluster of up to five`() {
    for members in Self.clusters {
      for level in Consistency.allCases {
        let quorum = Quorum(level, node: Self.this, members: members)
        for holders in Self.holders(members) {
          let count = quorum.count(of: holders)
          #expect(count.isReached == Self.isReached(level, members, holders), "\(level) \(members) \(holders)")
          #expect(count.required == quorum.count(of: []).required && count.achieved >= 0)
        }
      }
    }
  }

  @Test func `say a figure that a person expects`() {
    func member(_ id: UInt64, _ region: String, _ role: Member.Role = .server) -> Member {
      Member(id: Origin(value: id), name: "", address: nil, region: region, role: role)
    }
    let members = [member(1, "a"), member(2, "a"), member(3, "a"), member(4, "b"), member(5, "b"), member(6, "b", .device)]
    let holders = Set([1, 2, 3, 6].map { Origin(value: $0) })
    let expected: [(Consistency, required: Int, achieved: Int)] = [
      (.none, 0, 1), (.one, 1, 1), (.two, 2, 4), (.three, 3, 4), (.quorum, 3, 3), (.localQuorum, 2, 3), (.eachQuorum, 4, 2), (.all, 5, 3),
    ]
    for (level, required, achieved) in expected {
      let count = Quorum(level, node: Self.this, members: members).count(of: holders)
      #expect(count == Quorum.Count(required: required, achieved: achieved), "\(level)")
    }
    let strangers = Quorum(.two, node: Self.this, members: [members[0]]).count(of: [Self.this, Origin(value: 99)])
    #expect(strangers == Quorum.Count(required: 2, achieved: 1))
  }

  @Test func `keep their laws in every cluster of up to five`() {
    for members in Self.clusters {
      let all = Self.holders(members)
      func reached(_ level: Consistency, _ holders: Set<Origin>) -> Bool {
        Quorum(level, node: Self.this, members: members).count(of: holders).isReached
      }
      let hasLocalServers = members.contains { $0.role == .server && $0.region == members[0].region }
      for holders in all {
        if reached(.all, holders) { #expect(reached(.eachQuorum, holders)) }
        if reached(.eachQuorum, holders) { #expect(reached(.quorum, holders) && (reached(.localQuorum, holders) || !hasLocalServers)) }
        if reached(.three, holders) { #expect(reached(.two, holders)) }
        for level in Consistency.allCases where reached(level, holders) {
          for more in members { #expect(reached(level, holders.union([more.id])), "\(level)") }
        }
      }
      // Any two that reach a quorum have a server in common: what one of them acknowledged, the other one reads.
      let servers = Set(members.filter { $0.role == .server }.map(\.id))
      let quorums = (0..<1 << members.count).map { bits in Set(members.indices.filter { bits >> $0 & 1 == 1 }.map { members[$0].id }) }
        .filter { reached(.quorum, $0) }
      for a in quorums { #expect(quorums.allSatisfy { !$0.isDisjoint(with: a.intersection(servers)) }) }
    }
  }
}
