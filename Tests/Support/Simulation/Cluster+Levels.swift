import EventModel
import EventStore
import Laterbase
import Replication
import Synchronization

// Consistency levels: the product's own code counts and asks, and what it answers is compared with the disks themselves.

extension Cluster {
  func drawLevel() -> Consistency { draw(from: Consistency.allCases.filter { !$0.isLocal }) ?? .two }

  private func drawTimeout() -> Duration { .milliseconds(draw(in: 1..<1500)) }

  /// - Parameter counted: told of the members each time that they are asked for.
  private func levels(_ life: Life, counted: @escaping @Sendable ([Member]) -> Void) -> Levels {
    Levels(
      node: nodes[life.node].id, database: Self.database, set: life.set, holders: life.holders,
      members: {
        let members = life.members.members(holding: Self.database)
        counted(members)
        return members
      }, transport: { [self] in transport(to: $0, life) }, world: world(of: nodes[life.node]), timing: timing)
  }

  func reaching(_ life: Life) -> Reaching {
    let local = SimulatedPeer(cluster: self, caller: life, node: life.node)
    return Reaching(
      node: nodes[life.node].id, database: Self.database, set: life.set, holders: life.holders, local: local,
      sources: { [self] in sources(life) }, turns: life.turns, world: world(of: nodes[life.node]), timing: timing)
  }

  private func transport(to member: Member, _ life: Life) -> SimulatedPeer? {
    guard member.address != nil, let node = nodes.first(where: { $0.id == member.id }) else { return nil }
    return SimulatedPeer(cluster: self, caller: life, node: node.index)
  }

  private func sources(_ life: Life) -> [any PeerTransport] {
    let members = life.members.holders(of: Self.database).compactMap { transport(to: $0, life)?.node }
    let peers = nodes[life.node].pullsFrom.union(members).subtracting([life.node])
    return peers.sorted().map { SimulatedPeer(cluster: self, caller: life, node: $0) }
  }

  // MARK: appends

  /// Waits until a level is reached by events that are on a node's disk, and checks that it was, if it says so.
  func confirm(_ events: [Happening], _ level: Consistency, _ life: Life) async {
    let ids = events.map(\.id)
    // Those of the last count: who left since then was there when the level was reached.
    let counted = Mutex<[Member]>([])
    let levels = levels(life) { members in counted.withLock { $0 = members } }
    let count: Quorum.Count
    do throws(StoreError) { count = try await levels.copies(of: ids, at: level, timeout: drawTimeout()) } catch {
      return note("n\(life.node): \(error)")
    }
    // A process that died has answered nobody.
    if life.isOver { return }
    note("n\(life.node) answers that \(count.achieved) of \(count.required) hold \(ids.map(\.ulid)) at \(level.rawValue)")
    guard count.isReached else { return }
    levelsReached += 1
    let members = counted.withLock { $0 }
    let holding = Set(nodes.filter { holds(ids, $0) }.map(\.id))
    require(
      isTrue(level, at: nodes[life.node].id, members, holding: holding),
      "n\(life.node) acknowledged \(ids.map(\.ulid)) at \(level.rawValue), of \(members.map(\.name)) \(members.filter { holding.contains($0.id) }.map(\.name)) have them on disk"
    )
  }

  /// Whether a node's disk has elements, or had them before it was made to lose them.
  private func holds(_ ids: [ElementID], _ node: SimulatedNode) -> Bool {
    let missing = Set(ids).subtracting(node.lost)
    return missing.isEmpty || !node.isGone && missing.isSubset(of: elements(of: node, among: ids))
  }

  /// What a level promises, said once more: members that hold something are enough.
  private func isTrue(_ level: Consistency, at node: Origin, _ members: [Member], holding: Set<Origin>) -> Bool {
    let servers = members.filter { $0.role == .server }
    func most(_ of: [Member]) -> Bool { !of.isEmpty && 2 * of.count { holding.contains($0.id) } > of.count }
    let home = members.first { $0.id == node }?.region
    return switch level {
    case .none: true
    case .one: holding.contains(node)
    case .two: members.count { holding.contains($0.id) } >= 2
    case .three: members.count { holding.contains($0.id) } >= 3
    case .quorum: most(servers)
    case .localQuorum: most(servers.filter { $0.region == home })
    case .eachQuorum: !servers.isEmpty && Dictionary(grouping: servers, by: \.region).values.allSatisfy(most)
    case .all: !servers.isEmpty && servers.allSatisfy { holding.contains($0.id) }
    }
  }

  /// A node's word replaces the one before: of who says now that it holds less, nothing more counts.
  func checkWord(of node: Origin, _ held: Clock, _ life: Life) {
    let word = life.holders.word(of: node)?.clock ?? Clock()
    require(held.covers(word), "n\(life.node) takes \(node) to hold what it doesn't say that it holds")
  }

  // MARK: reads

  /// Somebody reads at a level: what is held then is all that so many members held when it was asked.
  func read(at level: Consistency, _ node: SimulatedNode) {
    guard let life = node.life, !life.isOver else { return }
    readsBegun += 1
    let number = readsBegun
    schedule.start { [self] in
      guard !life.isOver else { return }
      let counted = Mutex<[Member]>([])
      let levels = levels(life) { members in counted.withLock { $0 = members } }
      reads[number] = Dictionary(uniqueKeysWithValues: nodes.filter { !$0.isGone }.map { ($0.id, servedElements(of: $0)) })
      let reached = await reaching(life).reach(level, by: levels, timeout: drawTimeout())
      let before = reads.removeValue(forKey: number) ?? [:]
      if life.isOver { return }
      note("n\(node.index) reads at \(level.rawValue): \(reached)")
      if case .reached = reached { check(before, level, counted.withLock { $0 }, life) }
    }
  }

  private func check(_ before: [Origin: Set<ElementID>], _ level: Consistency, _ members: [Member], _ life: Life) {
    levelsReached += 1
    let this = nodes[life.node].id
    do throws(StoreError) {
      let have = try elements(coveredBy: life.set.state.clock, life.set)
      let behind = members.filter { $0.id != this && !(before[$0.id] ?? []).isSubset(of: have) }
      let covered = Set(members.map(\.id)).subtracting(behind.map(\.id))
      require(
        isTrue(level, at: this, members, holding: covered),
        "n\(life.node) reads at \(level.rawValue) of \(members.map(\.name)) without what \(behind.map(\.name)) had")
    } catch {
      note("n\(life.node) can't be read: \(error)")
    }
  }

  /// The elements of the records that a disk has in front of each log's first damaged one.
  func servedElements(of node: SimulatedNode) -> Set<ElementID> {
    var clock = Clock()
    var ended: Set<Origin> = []
    for record in records(of: node) {
      if !record.isIntact { ended.insert(record.dot.origin) }
      if !ended.contains(record.dot.origin) { clock.set(Clock.Entry(origin: record.dot.origin, n: record.dot.n, digest: 0)) }
    }
    do throws(StoreError) {
      return try store(of: node).read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in
        try Self.elements(coveredBy: clock, reader)
      }
    } catch {
      fail("n\(node.index)'s disk can't be read: \(error)")
      return []
    }
  }
}
