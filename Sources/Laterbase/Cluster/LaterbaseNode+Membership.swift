package import EventModel
import EventStore
import Replication
import ViewKit

extension LaterbaseNode {
  /// Keeps what this node knows of the membership current, and what the membership says of this node true, until cancelled or closed.
  func tendMembership() async {
    while !Task.isCancelled, !catalog.openings.isClosed {
      let (seen, seenNames) = (cluster.changes.version, catalog.openings.version)
      let nodes = await nodesDatabase()
      let seenNodes = nodes?.set.changes.version ?? 0
      do throws(LaterbaseError) {
        if nodes != nil { try await readMembership() }
        if cluster.announces { try await announce() }
        var signals = [(cluster.changes, seen), (catalog.openings, seenNames)]
        if let nodes { signals.append((nodes.set.changes, seenNodes)) }
        await ChangeSignal.waitForAny(signals)
      } catch {
        // A full disk, for one: it may have room later.
        try? await Task.sleep(for: .seconds(1))
      }
    }
  }

  /// The membership database, if it is there.
  private func nodesDatabase() async -> OpenedDatabase? { try? await catalog.open(NodesDatabase.name) }

  /// Reads the membership as it is now.
  func readMembership() async throws(LaterbaseError) {
    let nodes = self[NodesDatabase.declaration]
    do {
      let members = try await nodes.rows(of: MembersView())
      let holdings = try await nodes.rows(of: HoldingsView())
      cluster.update(Membership(members: members, holdings: holdings))
    } catch let error as LaterbaseError {
      throw error
    } catch {
      throw LaterbaseError(.storage, "the membership can't be read: \(error)")
    }
  }

  /// Says in the membership what it doesn't say of this node yet.
  private func announce() async throws(LaterbaseError) {
    let corrections = cluster.membership.corrections(by: cluster.me, holding: Set(try catalog.names()))
    if !corrections.isEmpty { try await record(corrections) }
  }

  /// Appends to the membership database, made if it isn't there, and reads it.
  private func record(_ events: [NodeEvent]) async throws(LaterbaseError) {
    let database = try await catalog.createSystem(NodesDatabase.name)
    for start in stride(from: 0, to: events.count, by: 1000) {
      var intake = intake(declaration(NodesDatabase.name))
      let bodies: [JSON]
      do { bodies = try events[start..<min(start + 1000, events.count)].map { try EventEncoder().encode($0) } } catch {
        throw LaterbaseError(.storage, "the membership can't be written: \(error)")
      }
      _ = try await database.append(try intake.draft(bodies: bodies))
    }
    try await readMembership()
  }

  /// Leaves the cluster: others count on this node no more, and it follows nobody. It may join again, and keeps what it holds. The members
  /// that can be reached are told.
  /// - Returns: how many of them know it now, this one not counted.
  package func leave() async throws(LaterbaseError) -> Int {
    let membership = cluster.membership
    guard membership.standing(of: id) == .member else { throw LaterbaseError(.refused, "this node is in no cluster") }
    let others = cluster.asked()
    try forgetJoined()
    cluster.leave()
    try await record([.left(id, revision: (membership.entries[id]?.revision ?? 0) + 1)])
    return await tell(others)
  }

  /// Removes a node from the cluster for ever; it may be this one.
  /// - Throws: `not-found` if the membership doesn't know it.
  package func remove(member: Origin) async throws(LaterbaseError) {
    guard let standing = cluster.membership.standing(of: member) else {
      throw LaterbaseError(.notFound, "there is no node \(member) in the cluster")
    }
    if standing == .removed { return }
    let others = cluster.asked()
    try await record([.removed(member)])
    // A node that removes itself is listened to no more: what it said last is brought to the others.
    if member == id { _ = await tell(others) }
  }

  /// Brings the membership to peers, those that answer in time.
  private func tell(_ peers: [any PeerTransport]) async -> Int {
    await withTaskGroup(of: Bool.self) { group in
      for peer in peers {
        group.addTask { [self] in
          let relay = Relay(NodesDatabase.name, from: LocalPeer(self), to: peer, cluster: options.cluster)
          return await within(options.patience.telling) { (try? await relay.run()) != nil } ?? false
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
  }
}

/// Runs what may hang; after the time it is cancelled.
/// - Returns: nil if it had no result by then.
func within<R: Sendable>(_ time: Duration, _ body: @escaping @Sendable () async -> R?) async -> R? {
  await withTaskGroup(of: R?.self) { group in
    group.addTask { await body() }
    group.addTask {
      try? await Task.sleep(for: time)
      return nil
    }
    let first = await group.next() ?? nil
    group.cancelAll()
    return first
  }
}

extension ChangeSignal {
  /// Returns when one of the signals' versions is above the one that was seen, or the task is cancelled.
  static func waitForAny(_ signals: [(signal: ChangeSignal, seen: UInt64)], until deadline: ContinuousClock.Instant? = nil) async {
    await withTaskGroup { group in
      for (signal, seen) in signals { group.addTask { await signal.wait(after: seen) } }
      if let deadline { group.addTask { try? await Task.sleep(until: deadline, clock: .continuous) } }
      await group.next()
      group.cancelAll()
    }
  }
}
