import EventStore
import Replication

extension LaterbaseNode {
  /// Every node that this one knows of, itself included.
  package func nodes() throws(LaterbaseError) -> [Cluster.Status] {
    let names = try catalog.names()
    // What others told of a database is known while it is open, and it is open while others pull it.
    let told = names.compactMap { catalog.opened($0) }.map { (state: $0.set.state, held: $0.holders.held) }
    return cluster.statuses(holding: names).map { status in
      var status = status
      guard let id = status.id else { return status }
      let lags = told.compactMap { database in database.held[id].map { database.state.pending(after: $0.clock) } }
      status.lag = status.isThis ? 0 : lags.isEmpty ? nil : lags.reduce(0, +)
      return status
    }
  }

  /// Removes a database here. Where there are others it is kept in mind: it isn't pulled from them again until it is made here again.
  /// - Parameter losing: how many records may be lost that nobody else holds.
  /// - Throws: `no-database`; `unsynced` if that is not the number.
  package func removeDatabase(_ name: String, losing: UInt64) async throws(LaterbaseError) {
    let database = try await catalog.open(name)
    if cluster.hasOthers {
      let unsynced = try await unsynced(database)
      guard unsynced == 0 || unsynced == losing else {
        throw LaterbaseError(
          .unsynced,
          "\(unsynced) records of \(name) are held by no other member; removed here, they would be lost: "
            + "lose=\(unsynced) says that they may be")
      }
      do throws(StoreError) { try catalog.notHeld.insert(name) } catch { throw LaterbaseError(error) }
    }
    try await catalog.remove(name)
  }

  /// How many records of a database no other member holds: those that can be reached are asked now, of the others counts what they said.
  private func unsynced(_ database: OpenedDatabase) async throws(LaterbaseError) -> UInt64 {
    let name = database.name
    let told = await withTaskGroup(of: PeerClock?.self) { group in
      for peer in cluster.asked() { group.addTask { await within(.seconds(3)) { try? await peer.clock(of: name) } } }
      return await group.reduce(into: [PeerClock]()) { told, clock in if let clock { told.append(clock) } }
    }
    for clock in told { hear(clock, in: database) }
    return try receipts(of: database).unsynced
  }
}
