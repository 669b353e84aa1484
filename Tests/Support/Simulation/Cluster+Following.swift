import EventModel
import EventStore
import Laterbase
import Replication

// Who pulls from whom, and who pushes.

extension Cluster {
  private static let pauseMicroseconds = 60_000
  private static let pauseMicrosecondsMax = 800_000
  private static let parkedMicroseconds: Int64 = 1_500_000

  /// Keeps a process level with its peers until it dies.
  func follow(_ node: SimulatedNode, _ life: Life) {
    for peer in node.pullsFrom.sorted() { schedule.start { await self.follow(life, peer, pulls: true) } }
    for peer in node.pushesTo.sorted() { schedule.start { await self.follow(life, peer, pulls: false) } }
  }

  private func follow(_ life: Life, _ peer: Int, pulls: Bool) async {
    var (base, told) = (Clock(), Clock())
    var parked: Set<Origin> = []
    var forgetAt = schedule.now + Self.parkedMicroseconds
    var pause = Self.pauseMicroseconds
    var isIntroduced = false
    while !life.isOver, !isOver {
      await schedule.sleep(microseconds: Int64(draw(in: pause / 2..<pause)))
      if life.isOver || isOver { return }
      guard follows(life, peer) else { continue }
      if schedule.now > forgetAt { (parked, forgetAt) = ([], schedule.now + Self.parkedMicroseconds) }
      let wait = draw(in: 0..<3) == 0 ? Duration.milliseconds(200) : .zero
      do throws(SyncError) {
        if !isIntroduced || isRemoved(peer, life) { try await introduce(life, peer) }
        isIntroduced = true
        let outcome = try await relay(life, peer, pulls).run(base: base, told: told, wait: wait, without: parked)
        look(at: outcome, life, peer, pulls)
        try await tellNews(from: pulls ? peer : life.node, to: pulls ? life.node : peer, life)
        (base, told) = (outcome.source?.clock ?? base, outcome.toldByTarget)
        parked.formUnion(outcome.parked.map(\.origin))
        pause = outcome.records > 0 ? Self.pauseMicroseconds : min(pause * 2, Self.pauseMicrosecondsMax)
      } catch {
        note("n\(life.node) \(pulls ? "from" : "to") n\(peer): \(error)")
        isIntroduced = false
        life.members.failed(nodes[peer].id)
        pause = min(pause * 2, Self.pauseMicrosecondsMax)
      }
    }
  }

  private func relay(_ life: Life, _ peer: Int, _ pulls: Bool) -> Relay {
    let local = SimulatedPeer(cluster: self, caller: life, node: life.node)
    let remote = SimulatedPeer(cluster: self, caller: life, node: peer)
    let id = nodes[life.node].id
    return pulls
      ? Relay(Self.database, from: remote, to: local, node: id, sender: nodes[peer].id)
      : Relay(Self.database, from: local, to: remote, node: id, sender: id)
  }

  private func look(at outcome: Relay.Outcome, _ life: Life, _ peer: Int, _ pulls: Bool) {
    if outcome.records > 0 { note("n\(life.node) \(pulls ? "pulled" : "pushed") \(outcome.records) \(pulls ? "from" : "to") n\(peer)") }
    for log in outcome.parked { note("n\(life.node) leaves out \(log.origin): \(log.reason)") }
    if let alarm = outcome.alarm { fail("n\(life.node) and n\(peer): \(alarm)") }
    guard let theirs = pulls ? outcome.source : outcome.target, !life.isOver else { return }
    life.members.heard(nodes[peer].id)
    life.holders.hear(theirs, beside: life.set, node: nodes[life.node].id, at: wall(nodes[life.node]))
  }
}
