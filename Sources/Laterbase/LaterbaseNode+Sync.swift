import EventModel
import EventStore
public import Replication

extension LaterbaseNode {
  /// Levels this node with a peer, once, both ways: a database, or all that either holds.
  /// - Returns: how many records came, and how many went.
  /// - Throws: `not-ready` if the peer can't be reached, `no-database` if neither holds it, `refused` if logs could not be brought on
  ///   because their records are altered or have forked (all others are level then), `storage` if equal clocks have different sets.
  public func sync(_ database: String? = nil, with peer: any PeerTransport) async throws(LaterbaseError) -> (pulled: Int, pushed: Int) {
    let local = LocalPeer(self)
    var (pulled, pushed) = (0, 0)
    var wrong: [String] = []
    var alarms: [String] = []
    do throws(SyncError) {
      let names = if let database { [database] } else { Set(try await local.databases()).union(try await peer.databases()).sorted() }
      for name in names where DatabaseName.isLegal(name) || database != nil {
        let (here, there) = try await Relay.level(name, local, peer, node: id, cluster: options.cluster)
        if here.target == nil { throw SyncError(.notHeld, "neither this node nor \(peer.name) has a database \(name)") }
        pulled += here.records
        pushed += there.records
        for log in Set(here.parked + there.parked).sorted(by: { $0.origin < $1.origin }) {
          wrong.append("\(name), the log \(log.origin): \(log.reason)")
        }
        if let alarm = here.alarm ?? there.alarm { alarms.append("\(name): \(alarm)") }
        if let source = here.source { await hear(source, in: name) }
      }
    } catch {
      throw LaterbaseError(error)
    }
    if !alarms.isEmpty { throw LaterbaseError(.storage, (alarms + wrong).joined(separator: "\n")) }
    if !wrong.isEmpty { throw LaterbaseError(.refused, wrong.joined(separator: "\n")) }
    return (pulled, pushed)
  }

  /// Follows those that are to be followed, as that changes, until cancelled: pulls from them for ever, and pushes to the configured ones if
  /// that is asked for.
  func followPeers() async {
    var running: [Followed: Task<Void, Never>] = [:]
    while !Task.isCancelled {
      let seen = cluster.changes.version
      let pushed = options.pushes ? Set(peers.map(\.name)) : []
      let wanted = cluster.followed().map { (peer: $0, how: Followed(name: $0.name, pushes: pushed.contains($0.name))) }
      for how in running.keys where !wanted.contains(where: { $0.how == how }) { running.removeValue(forKey: how)?.cancel() }
      for (peer, how) in wanted where running[how] == nil { running[how] = Task { await follow(peer, pushes: how.pushes) } }
      await cluster.changes.wait(after: seen)
    }
    for task in running.values { task.cancel() }
    for task in running.values { await task.value }
  }

  /// A peer that is followed, and how.
  private struct Followed: Hashable {
    let name: String
    let pushes: Bool
  }

  private func follow(_ peer: any PeerTransport, pushes: Bool) async {
    await withTaskGroup { group in
      group.addTask { await Follower(self, peer, .pull).run() }
      if pushes { group.addTask { await Follower(self, peer, .push).run() } }
    }
  }

  /// Tells whoever listens what happened to a database of this node, by a peer.
  func tell(_ kind: PeerNews.Kind, _ database: String, _ message: String) {
    options.onPeerNews(PeerNews(kind: kind, peer: name ?? "this node", database: database, message: message))
  }

  /// Whether records of a database are taken from others: it is held here, or is to be.
  func takes(_ database: String) -> Bool {
    if database == NodesDatabase.name || catalog.opened(database) != nil { return true }
    if (try? catalog.names().contains(database)) == true { return true }
    return !catalog.notHeld.contains(database) && options.databases?.contains(database) != false
  }
}
