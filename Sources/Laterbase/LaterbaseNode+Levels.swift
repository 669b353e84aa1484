import EventModel
package import EventStore
package import Replication

extension LaterbaseNode {
  /// Appends all events of a draft or none, at a level. Here they are recorded first, and stay, whatever comes of the level.
  /// - Parameter timeout: how long to wait for other nodes.
  package func append(
    _ draft: Draft, to database: OpenedDatabase, consistency: Consistency, timeout: Duration
  ) async throws(LaterbaseError) -> Receipt {
    let ids = draft.items.map(\.ulid)
    if consistency == .none {
      try database.queue(draft)
      return Receipt(queued: ids)
    }
    var receipt = Receipt(ids: ids, try await database.append(draft))
    if consistency == .one { return receipt }
    let dots = try database.dots(of: draft.items.map(\.id))
    receipt.set(await copies(of: dots, in: database, at: consistency, timeout: timeout))
    return receipt
  }

  /// Waits until so many members hold elements as a level asks for, at most until the time is over.
  ///
  /// Members that pull from here tell by themselves; others are asked, and do what they can to hold them.
  /// - Returns: how many hold them then.
  package func copies(
    of dots: ElementDots, in database: OpenedDatabase, at level: Consistency, timeout: Duration
  ) async -> Quorum.Count {
    let count = self.count(dots, in: database, level)
    if count.isReached { return count }
    let deadline = ContinuousClock.now + timeout
    let clock = (try? database.reading { (set) throws(StoreError) in try set.clock(upTo: dots.least) }) ?? Clock()
    let asks = others(in: database, level).map { member in
      { @Sendable in
        // One that pulls from here tells by itself, as long as it does.
        while database.holders.isPulling(member.id) {
          do { try await Task.sleep(for: Holders.betweenPulls) } catch { return }
        }
        if let told = await self.ask(member, database.name, atLeast: clock, until: deadline) { self.hear(told, in: database) }
      }
    }
    // What was reached stays so: a node's older word that comes behind its newer one, by another way, takes nothing off a disk.
    let reached = Slot<Quorum.Count>()
    await race(until: deadline, helpers: asks) {
      while !Task.isCancelled, !database.holders.changes.isClosed {
        let seen = database.holders.changes.version
        let count = self.count(dots, in: database, level)
        if count.isReached { return reached.put(count) }
        await database.holders.changes.wait(after: seen)
      }
    }
    return reached.value ?? self.count(dots, in: database, level)
  }

  /// Brings this node at least as far as so many members are as a level asks for: it asks them for their clocks, and pulls until it covers
  /// these. So what a quorum wrote, a quorum reads.
  /// - Throws: `behind` if too few answer in time, or it can't be pulled in time.
  package func reach(_ level: Consistency, in database: OpenedDatabase, timeout: Duration) async throws(LaterbaseError) {
    let quorum = Quorum(level, node: id, members: members(holding: database.name))
    if level.isLocal || quorum.count(of: [id]).isReached { return }
    let deadline = ContinuousClock.now + timeout
    let (clock, count) = await clocks(of: others(in: database, level), in: database.name, quorum, until: deadline)
    guard count.isReached else {
      throw LaterbaseError(
        .behind, "\(count.achieved) of \(count.required) nodes that \(level.rawValue) asks for told in time what they hold")
    }
    try await wait(atLeast: clock, in: database, timeout: max(.zero, deadline - .now))
  }

  /// Who holds elements now, this node among them, and how far that brings a level.
  private func count(_ dots: ElementDots, in database: OpenedDatabase, _ level: Consistency) -> Quorum.Count {
    // Of the members as they are now: one that was removed meanwhile counts no more.
    let quorum = Quorum(level, node: id, members: members(holding: database.name))
    return quorum.count(of: database.holders.holders(of: dots).union([id]))
  }

  /// The other members whose copies count at a level.
  private func others(in database: OpenedDatabase, _ level: Consistency) -> [Member] {
    let members = members(holding: database.name)
    let quorum = Quorum(level, node: id, members: members)
    return members.filter { $0.id != id && quorum.counts($0.id) }
  }

  // MARK: asking

  /// Asks members for their clocks until so many told theirs as a level asks for.
  /// - Returns: what these and this node hold together, and how many they are.
  private func clocks(
    of members: [Member], in database: String, _ quorum: Quorum, until deadline: ContinuousClock.Instant
  ) async -> (Clock, Quorum.Count) {
    await withTaskGroup(of: (answer: PeerClock?, isLast: Bool).self) { group in
      for member in members { group.addTask { (await self.ask(member, database, until: deadline), false) } }
      group.addTask {
        try? await Task.sleep(until: deadline, clock: .continuous)
        return (nil, true)
      }
      var clock = Clock()
      var told: Set<Origin> = [id]
      while !quorum.count(of: told).isReached, let next = await group.next(), !next.isLast {
        guard let answer = next.answer, let node = answer.node else { continue }
        clock.merge(answer.clock)
        told.insert(node)
      }
      group.cancelAll()
      return (clock, quorum.count(of: told))
    }
  }

  /// Asks a member what it holds, again and again until it answers.
  /// - Parameter clock: what it is wanted to cover before it answers.
  /// - Returns: nil if it can't be asked, doesn't hold the database, or didn't answer in time.
  private func ask(
    _ member: Member, _ database: String, atLeast clock: Clock = Clock(), until deadline: ContinuousClock.Instant
  ) async -> PeerClock? {
    guard let peer = transport(to: member) else { return nil }
    var backoff = Backoff()
    while !Task.isCancelled, ContinuousClock.now < deadline {
      do throws(SyncError) {
        guard var told = try await peer.clock(of: database, atLeast: clock, timeout: deadline - .now) else { return nil }
        // Whoever answers there is that member, if it doesn't say better.
        told.node = told.node ?? member.id
        if told.clock.covers(clock) { return told }
      } catch {}
      backoff.failed()
      if let pause = backoff.pause(world) { try? await Task.sleep(for: pause) }
    }
    return nil
  }

  /// How a member is reached; nil: it has no address, or this node has no way to it.
  func transport(to member: Member) -> (any PeerTransport)? {
    guard let address = member.address else { return nil }
    return peers.first { $0.name == address } ?? options.connect?(address)
  }
}

extension OpenedDatabase {
  /// The dots of elements that are held here.
  func dots(of elements: [ElementID]) throws(LaterbaseError) -> ElementDots {
    var dots = ElementDots()
    try reading { (set) throws(StoreError) in try set.dots(of: elements) { dots.add($0) } }
    return dots
  }
}

/// Runs `body` until it returns, the deadline has passed, or the task is cancelled; helpers run beside it for as long.
func race(
  until deadline: ContinuousClock.Instant, helpers: [@Sendable () async -> Void], _ body: @escaping @Sendable () async -> Void
) async {
  await withTaskGroup(of: Bool.self) { group in
    group.addTask {
      await body()
      return true
    }
    group.addTask {
      try? await Task.sleep(until: deadline, clock: .continuous)
      return true
    }
    for helper in helpers {
      group.addTask {
        await helper()
        return false
      }
    }
    while let ends = await group.next(), !ends {}
    group.cancelAll()
  }
}
