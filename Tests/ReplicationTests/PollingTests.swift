import EventModel
import Replication
import Testing

@Suite struct `Whom a node asks` {
  /// Who asks whom and how often, where all see the same nodes live. Only live ones ask.
  private static func edges(
    _ members: [Member], live: [Bool], isMembership: Bool = false
  ) -> [(from: Int, to: Int, polling: Polling)] {
    members.indices.filter { live[$0] }.flatMap { me in
      let others = members.indices.filter { $0 != me }.map { Neighbourhood.Neighbour(members[$0], isLive: live[$0]) }
      let polling = RegionalPolling().polling(in: Neighbourhood(members[me], others, isMembership: isMembership))
      return members.indices.compactMap { other in
        polling[members[other].id].flatMap { $0 == .never ? nil : (me, other, $0) }
      }
    }
  }

  /// The nodes whose news reaches a node, over any number of others.
  private static func sources(of node: Int, _ edges: [(from: Int, to: Int, polling: Polling)]) -> Set<Int> {
    var reached: Set<Int> = []
    var waiting = [node]
    while let next = waiting.popLast() {
      for edge in edges where edge.from == next && reached.insert(edge.to).inserted { waiting.append(edge.to) }
    }
    return reached.subtracting([node])
  }

  private static func member(_ place: Int, region: Int, hasAddress: Bool = true) -> Member {
    Member(
      id: Origin(value: UInt64(place + 1)), name: "\(place)", address: hasAddress ? "http://\(place)" : nil, region: "r\(region)",
      role: .server)
  }

  /// All of 1 to 5 nodes in up to 3 regions, each live or not: 8 967 clusters.
  @Test func `is such that all news reach all, and each pair of regions has one long poll each way`() {
    var (clusters, wrong) = (0, [String]())
    for count in 1...5 {
      for places in 0..<Self.power(3, count) {
        let members = (0..<count).map { Self.member($0, region: places / Self.power(3, $0) % 3) }
        for alive in 1..<1 << count {
          let live = (0..<count).map { alive & 1 << $0 != 0 }
          clusters += 1
          if let fault = Self.fault(members, live) { wrong.append("\(members.map(\.region)) \(live): \(fault)") }
        }
      }
    }
    #expect(clusters == 8967 && wrong.isEmpty, "\(clusters) clusters, \(wrong.prefix(3))")
  }

  /// What is wrong with whom the live nodes of a cluster ask.
  private static func fault(_ members: [Member], _ live: [Bool]) -> String? {
    let edges = edges(members, live: live)
    let up = Set(members.indices.filter { live[$0] })
    for node in up where sources(of: node, edges.filter { live[$0.to] }) != up.subtracting([node]) { return "not all reaches \(node)" }
    if edges.contains(where: { members[$0.from].region == members[$0.to].region && $0.polling != .always }) { return "slow in a region" }
    let regions = Set(up.map { members[$0].region })
    for from in regions {
      for to in regions where from != to {
        let polls = edges.filter { members[$0.from].region == from && members[$0.to].region == to && live[$0.to] }
        if polls.count(where: { $0.polling == .always }) != 1 { return "not one long poll from \(from) to \(to)" }
        // Whatever link of one node is cut, another holder of the region has a way.
        if Set(polls.map(\.from)) != up.filter({ members[$0].region == from }) { return "not all of \(from) ask \(to)" }
      }
    }
    return nil
  }

  @Test func `is everybody for the membership, so that it is known who is there`() {
    let members = (0..<6).map { Self.member($0, region: $0 % 3) }
    let edges = Self.edges(members, live: [true, true, false, true, true, true], isMembership: true)
    for me in [0, 1, 3, 4, 5] { #expect(Set(edges.filter { $0.from == me }.map(\.to)) == Set(0..<6).subtracting([me])) }
  }

  @Test func `is all of a region where none answers, until one does`() {
    let members = [Self.member(0, region: 0)] + (1..<4).map { Self.member($0, region: 1) }
    #expect(Self.edges(members, live: [true, false, false, false]).filter { $0.polling == .always }.map(\.to) == [1, 2, 3])
    #expect(Self.edges(members, live: [true, false, true, true]).filter { $0.from == 0 }.map(\.to) == [2])
  }

  @Test func `is never who can't be reached, and such a node doesn't speak for its region`() {
    let members = [Self.member(0, region: 0, hasAddress: false), Self.member(1, region: 0), Self.member(2, region: 1)]
    let edges = Self.edges(members, live: [true, true, true])
    #expect(!edges.contains { $0.to == 0 })
    #expect(edges.first { $0.from == 1 && $0.to == 2 }?.polling == .always)
    #expect(edges.first { $0.from == 0 && $0.to == 2 }?.polling == .eachMinute)
    #expect(Self.edges(members, live: [true, false, true]).first { $0.from == 0 && $0.to == 2 }?.polling == .always)
  }

  private static func power(_ base: Int, _ exponent: Int) -> Int { (0..<exponent).reduce(1) { product, _ in product * base } }
}

@Suite struct `Whether a node is heard` {
  @Test func `is suspect until a node is heard, when a try fails, and when it is quiet; then down`() {
    let node = Origin(value: 1)
    func after(_ seconds: Int64) -> Instant { Instant(milliseconds: 1_000_000 + seconds * 1000) }
    var liveness = Liveness(began: after(0))
    #expect(liveness.state(of: node, at: after(299)) == .suspect && liveness.state(of: node, at: after(301)) == .down)
    #expect(liveness.lastHeard(node) == nil)
    liveness.heard(node, at: after(10))
    #expect(liveness.state(of: node, at: after(100)) == .live && liveness.lastHeard(node) == after(10))
    #expect(liveness.state(of: node, at: after(111)) == .suspect && liveness.state(of: node, at: after(311)) == .down)
    // A clock that was put back says nothing against anybody.
    #expect(liveness.state(of: node, at: after(-500)) == .live)
    liveness.failed(node)
    #expect(liveness.state(of: node, at: after(11)) == .suspect && liveness.lastHeard(node) == after(10))
    liveness.heard(node, at: after(12))
    #expect(liveness.state(of: node, at: after(13)) == .live)
  }
}
