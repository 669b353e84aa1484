import EventStore
import EventModel
import Replication
import Synchronization
import ViewKit

@testable import Laterbase

/// Nodes of one process that know each other as members, by their names as addresses. Each can be cut off. The mutex owns the nodes.
final class Cluster: Roster {
  private struct State {
    var nodes: [String: LaterbaseNode] = [:]
    var members: [Member] = []
    var cut: Set<String> = []
  }

  private let state = Mutex(State())

  func members(holding database: String) -> [Member] { state.withLock { $0.members } }

  /// Makes a member.
  /// - Parameter follows: those that it pulls from while it runs.
  func node(
    _ name: String, region: String = "here", role: Member.Role = .server, follows: [String] = [], seed: UInt64,
    _ databases: [any DatabaseDeclaration], onNews: @escaping @Sendable (PeerNews) -> Void = { _ in }
  ) throws -> LaterbaseNode {
    var options = NodeOptions()
    options.roster = self
    options.connect = { Link(self, from: name, to: $0) }
    options.onPeerNews = onNews
    let node = try LaterbaseNode(
      databases, storage: .memory, name: name, region: region, peers: follows.map { Link(self, from: name, to: $0) }, options: options,
      world: .still(seed: seed))
    let member = Member(id: node.id, name: name, address: name, region: region, role: role)
    state.withLock { state in
      state.nodes[name] = node
      state.members = (state.members + [member]).sorted { $0.id < $1.id }
    }
    return node
  }

  /// Cuts a member off, or heals it.
  func cut(_ name: String, _ isCut: Bool = true) {
    state.withLock { state in if isCut { state.cut.insert(name) } else { state.cut.remove(name) } }
  }

  /// Takes a member out of the cluster.
  func remove(_ name: String) { state.withLock { state in state.members.removeAll { $0.name == name } } }

  fileprivate func peer(_ name: String, of other: String) throws(SyncError) -> LocalPeer {
    let node = state.withLock { state in state.cut.isDisjoint(with: [name, other]) ? state.nodes[name] : nil }
    guard let node else { throw SyncError(.unreachable, "\(name) is cut off") }
    return LocalPeer(node)
  }
}

/// The way from one member to another.
private struct Link: PeerTransport {
  let cluster: Cluster
  let from: String
  let name: String

  init(_ cluster: Cluster, from: String, to name: String) { (self.cluster, self.from, self.name) = (cluster, from, name) }

  func databases() async throws(SyncError) -> [String] { try await cluster.peer(name, of: from).databases() }

  func clock(of database: String) async throws(SyncError) -> PeerClock? { try await cluster.peer(name, of: from).clock(of: database) }

  func clock(of database: String, atLeast clock: Clock, timeout: Duration) async throws(SyncError) -> PeerClock? {
    try await cluster.peer(name, of: from).clock(of: database, atLeast: clock, timeout: timeout)
  }

  func pull(
    _ database: String, _ request: PullRequest, receive: @Sendable (RecordPage) async throws(SyncError) -> Void
  ) async throws(SyncError) -> PullEnd {
    try await cluster.peer(name, of: from).pull(database, request) { (page) throws(SyncError) in
      // What was cut meanwhile doesn't arrive.
      _ = try cluster.peer(name, of: from)
      try await receive(page)
    }
  }

  func push(_ database: String, _ pages: [RecordPage]) async throws(SyncError) -> PeerClock {
    try await cluster.peer(name, of: from).push(database, pages)
  }

  func push(_ database: String, _ pages: [RecordPage], from sender: Sender) async throws(SyncError) -> PeerClock {
    try await cluster.peer(name, of: from).push(database, pages, from: sender)
  }
}
