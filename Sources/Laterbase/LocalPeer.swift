public import EventModel
public import EventStore
public import Replication

/// A node of this process as a peer of others: what is pulled from it is on its disk, what is pushed to it is verified and merged.
public struct LocalPeer: PeerTransport {
  public let name: String
  let node: LaterbaseNode
  /// Whom what is pulled from here is pushed to, if that is known.
  private var receiver: Receiver?

  /// - Parameter name: for messages, its folder for one.
  public init(_ node: LaterbaseNode, name: String? = nil) {
    self.node = node
    self.name = name ?? node.name ?? "this node"
  }

  /// The source of a push.
  init(_ node: LaterbaseNode, for receiver: Receiver?) {
    self.init(node)
    self.receiver = receiver
  }

  public func join(_ introduction: Introduction) async throws(SyncError) -> Introduction? {
    do throws(LaterbaseError) { return try node.cluster.meet(introduction) } catch { throw SyncError(error) }
  }

  public func databases() async throws(SyncError) -> [String] {
    do throws(LaterbaseError) { return try node.catalog.names() } catch { throw SyncError(error) }
  }

  public func clock(of database: String) async throws(SyncError) -> PeerClock? {
    try await clock(of: database, atLeast: Clock(), timeout: .zero)
  }

  public func clock(of database: String, atLeast clock: Clock, timeout: Duration) async throws(SyncError) -> PeerClock? {
    do throws(LaterbaseError) {
      let opened = try await open(database)
      try await node.wait(atLeast: clock, in: opened, timeout: timeout)
      return said(opened.peerClock)
    } catch {
      if error.slug == .noDatabase { return nil }
      throw SyncError(error)
    }
  }

  public func pull(
    _ database: String, _ request: PullRequest, receive: @Sendable (RecordPage) async throws(SyncError) -> Void
  ) async throws(SyncError) -> PullEnd {
    var answer: PullAnswer
    do throws(LaterbaseError) {
      answer = try node.beginPull(request, of: try await open(database))
      if let receiver { answer.receiver = receiver }
      answer = try await answer.waitedForNews()
    } catch {
      throw SyncError(error)
    }
    var end = try await answer.send(receive)
    end.peer = said(end.peer)
    return end
  }

  public func push(_ database: String, _ pages: [RecordPage]) async throws(SyncError) -> PeerClock {
    try await push(database, pages, from: .nobody)
  }

  public func push(_ database: String, _ pages: [RecordPage], from sender: Sender) async throws(SyncError) -> PeerClock {
    guard DatabaseName.isShared(database) else { throw SyncError(.refused, "\(database) can't be a database's name") }
    var ingest = Ingest(node, database, from: sender.node)
    for page in pages { try await ingest.add(page) }
    return said(try await ingest.finish())
  }

  private func said(_ clock: PeerClock) -> PeerClock { PeerClock(clock.clock, audit: clock.audit, node: node.id) }

  private func open(_ database: String) async throws(LaterbaseError) -> OpenedDatabase {
    guard DatabaseName.isShared(database) else { throw .noDatabase(database) }
    return try await node.catalog.open(database)
  }
}
