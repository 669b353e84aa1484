package import EventModel
package import EventStore
package import Replication

/// The consistency levels of a database at one node: on how many members' disks events are, and what members hold together.
///
/// What counts is `Quorum`'s, of what others told (`Holders`). Here is who is asked, and for how long it is waited.
package struct Levels: Sendable {
  let node: Origin
  let database: String
  let set: EventSet
  let holders: Holders
  /// The members that hold the database now, this node among them.
  let members: @Sendable () -> [Member]
  /// How a member is reached; nil: it has no address, or this node has no way to it.
  let transport: @Sendable (Member) -> (any PeerTransport)?
  let world: World
  let timing: Timing

  package init(
    node: Origin, database: String, set: EventSet, holders: Holders, members: @escaping @Sendable () -> [Member],
    transport: @escaping @Sendable (Member) -> (any PeerTransport)?, world: World, timing: Timing
  ) {
    (self.node, self.database, self.set, self.holders, self.members) = (node, database, set, holders, members)
    (self.transport, self.world, self.timing) = (transport, world, timing)
  }

  /// Waits until so many members hold elements as a level asks for, at most until the time is over.
  ///
  /// Members that pull from here tell by themselves; others are asked, and do what they can to hold them.
  /// - Parameter elements: whose dots these are, to read them again when a log was cut; of none that are known only this node's copies
  ///   count then.
  /// - Returns: how many hold them then.
  func copies(of dots: ElementDots, elements: [ElementID] = [], at level: Consistency, timeout: Duration) async -> Quorum.Count {
    let count = self.count(dots, level)
    if count.isReached { return count }
    let deadline = timing.now() + timeout
    let clock = (try? set.clock(upTo: dots.least)) ?? Clock()
    let asks = others(level).map { member in { @Sendable in await self.ask(member, toHold: clock, until: deadline) } }
    // What was reached stays so: a node's older word that comes behind its newer one, by another way, takes nothing off a disk.
    let reached = Slot<Quorum.Count>()
    await timing.race(until: deadline, helpers: asks) {
      var dots = dots
      while !Task.isCancelled, !holders.changes.isClosed {
        let seen = holders.changes.version
        if dots.cuts != set.state.cuts, !elements.isEmpty { dots = (try? set.dots(of: elements)) ?? dots }
        let count = self.count(dots, level)
        if count.isReached { return reached.put(count) }
        await holders.changes.wait(after: seen)
      }
    }
    return reached.value ?? self.count(dots, level)
  }

  /// The same of elements that are held here.
  package func copies(of elements: [ElementID], at level: Consistency, timeout: Duration) async throws(StoreError) -> Quorum.Count {
    await copies(of: try set.dots(of: elements), elements: elements, at: level, timeout: timeout)
  }

  /// Who holds elements now, this node among them, and how far that brings a level.
  private func count(_ dots: ElementDots, _ level: Consistency) -> Quorum.Count {
    // Of the members as they are now: one that was removed meanwhile counts no more.
    let quorum = Quorum(level, node: node, members: members())
    let others = holders.holders(of: dots)
    // Asked last: whoever told of the log that goes on in the place of one that was cut told it after that.
    let areTheirs = dots.cuts == nil || dots.cuts == set.state.cuts
    return quorum.count(of: areTheirs ? others.union([node]) : [node])
  }

  /// The other members whose copies count at a level.
  private func others(_ level: Consistency) -> [Member] {
    let members = members()
    let quorum = Quorum(level, node: node, members: members)
    return members.filter { $0.id != node && quorum.counts($0.id) }
  }

  // MARK: asking

  /// Asks members for their clocks until so many have told as a level asks for, this node among them.
  /// - Returns: what the others told, and how many there are.
  func told(at level: Consistency, until deadline: ContinuousClock.Instant) async -> (clocks: [Clock], count: Quorum.Count) {
    let quorum = Quorum(level, node: node, members: members())
    if quorum.count(of: [node]).isReached { return ([], quorum.count(of: [node])) }
    return await withTaskGroup(of: (answer: PeerClock?, isLast: Bool).self) { group in
      for member in others(level) { group.addTask { (await ask(member, until: deadline), false) } }
      group.addTask {
        await timing.sleep(until: deadline)
        return (nil, true)
      }
      var clocks: [Clock] = []
      var told: Set<Origin> = [node]
      while !quorum.count(of: told).isReached, let next = await group.next(), !next.isLast {
        guard let answer = next.answer, let node = answer.node else { continue }
        clocks.append(answer.clock)
        told.insert(node)
      }
      group.cancelAll()
      return (clocks, quorum.count(of: told))
    }
  }

  /// Asks a member to hold what a clock covers, and takes its word that it does.
  private func ask(_ member: Member, toHold clock: Clock, until deadline: ContinuousClock.Instant) async {
    // One that pulls from here tells by itself, as long as it does.
    while holders.isPulling(member.id) {
      await timing.sleep(for: Holders.betweenPulls)
      if Task.isCancelled { return }
    }
    guard let told = await ask(member, atLeast: clock, until: deadline) else { return }
    holders.hear(told, beside: set, node: node, at: world.now())
  }

  /// Asks a member what it holds, again and again until it answers.
  /// - Parameter clock: what it is wanted to cover before it answers.
  /// - Returns: nil if it can't be asked, doesn't hold the database, or didn't answer in time.
  private func ask(_ member: Member, atLeast clock: Clock = Clock(), until deadline: ContinuousClock.Instant) async -> PeerClock? {
    guard let peer = transport(member) else { return nil }
    var backoff = Backoff()
    while !Task.isCancelled, timing.now() < deadline {
      do throws(SyncError) {
        guard var told = try await peer.clock(of: database, atLeast: clock, timeout: deadline - timing.now()) else { return nil }
        // Whoever answers there is that member, if it doesn't say better.
        told.node = told.node ?? member.id
        if told.clock.covers(clock) { return told }
      } catch {}
      backoff.failed()
      if let pause = backoff.pause(world) { await timing.sleep(for: pause) }
    }
    return nil
  }
}
