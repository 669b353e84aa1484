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
    let elements = draft.items.map(\.id)
    receipt.set(try await copies(of: elements, in: database, at: consistency, timeout: timeout))
    return receipt
  }

  private func copies(
    of elements: [ElementID], in database: OpenedDatabase, at level: Consistency, timeout: Duration
  ) async throws(LaterbaseError) -> Quorum.Count {
    let levels = levels(of: database)
    do throws(StoreError) { return try await levels.copies(of: elements, at: level, timeout: timeout) } catch {
      throw database.error(error)
    }
  }

  /// Waits until so many members hold elements as a level asks for, at most until the time is over.
  /// - Returns: how many hold them then.
  package func copies(
    of dots: ElementDots, in database: OpenedDatabase, at level: Consistency, timeout: Duration
  ) async -> Quorum.Count {
    await levels(of: database).copies(of: dots, at: level, timeout: timeout)
  }

  /// Brings this node at least as far as so many members are as a level asks for: it asks them for their clocks, and pulls until it covers
  /// these. So what a quorum wrote, a quorum reads.
  /// - Throws: `behind` if too few answer in time, or it can't be pulled in time.
  package func reach(_ level: Consistency, in database: OpenedDatabase, timeout: Duration) async throws(LaterbaseError) {
    switch await reaching(database).reach(level, by: levels(of: database), timeout: timeout) {
    case .reached: return
    case .few(let count):
      throw LaterbaseError(
        .behind, "\(count.achieved) of \(count.required) nodes that \(level.rawValue) asks for told in time what they hold")
    case .behind: try database.failBehind()
    }
  }

  private func levels(of database: OpenedDatabase) -> Levels {
    let name = database.name
    return Levels(
      node: id, database: name, set: database.set, holders: database.holders, members: { self.members(holding: name) },
      transport: { self.transport(to: $0) }, world: world, timing: .machine)
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
    try reading { (set) throws(StoreError) in try set.dots(of: elements) }
  }
}

extension EventSet {
  /// The dots of elements that are held here.
  func dots(of elements: [ElementID]) throws(StoreError) -> ElementDots {
    var dots = ElementDots()
    dots.cuts = state.cuts
    try self.dots(of: elements) { dots.add($0) }
    return dots
  }
}
