public import EventModel
public import EventStore

/// Delta and merge with another node: over HTTP, in process, or with a data folder that is opened. Everything between two nodes is a
/// `Relay` between two of these.
public protocol PeerTransport: Sendable {
  /// For messages: its URL or folder.
  var name: String { get }

  /// Introduces a node to the peer.
  /// - Returns: who the peer is; nil if it doesn't say.
  /// - Throws: `forbidden` if the peer is of another cluster, has left its own, or the node was removed.
  func join(_ introduction: Introduction) async throws(SyncError) -> Introduction?

  /// The databases that it holds, sorted, without the system's.
  func databases() async throws(SyncError) -> [String]

  /// What it holds of a database, on disk; nil if it doesn't hold the database.
  func clock(of database: String) async throws(SyncError) -> PeerClock?

  /// The same once it covers a clock, for which it does what it can, at the latest when the time is over: then what it holds, or `failed`.
  func clock(of database: String, atLeast clock: Clock, timeout: Duration) async throws(SyncError) -> PeerClock?

  /// Hands out what a holder of `request.held` lacks, in pages of about 1 MiB that keep each log's order, until level or at most
  /// `request.bytesMax`. The next page is read when `receive` has returned. Where there is nothing, it waits for it up to `request.wait`.
  /// - Throws: `notHeld`; what `receive` throws; or why it could not.
  func pull(
    _ database: String, _ request: PullRequest, receive: @Sendable (RecordPage) async throws(SyncError) -> Void
  ) async throws(SyncError) -> PullEnd

  /// Merges pages, one after the other, each whole or not at all; makes the database if it isn't there. What was held already changes
  /// nothing, so a push may be repeated.
  /// - Returns: what it holds then, on disk.
  /// - Throws: `refused` if a page does not fit: those before it may be merged.
  func push(_ database: String, _ pages: [RecordPage]) async throws(SyncError) -> PeerClock

  /// The same in a node's name, which holds what it sends. The answer is short where the peer keeps the clock that it told this node last.
  func push(_ database: String, _ pages: [RecordPage], from sender: Sender) async throws(SyncError) -> PeerClock
}

/// Whose records a push brings.
public struct Sender: Hashable, Sendable {
  /// Nobody in particular.
  public static let nobody = Sender(node: Origin(value: 0))

  /// The node that holds them on its disk; 0: nobody says so.
  public let node: Origin
  /// A clock that the receiver told this node lately; empty: none.
  public let base: Clock

  public init(node: Origin, base: Clock = Clock()) { (self.node, self.base) = (node, base) }
}

extension PeerTransport {
  public func join(_ introduction: Introduction) async throws(SyncError) -> Introduction? { nil }

  /// Pushes in nobody's name: for transports that carry none.
  public func push(_ database: String, _ pages: [RecordPage], from sender: Sender) async throws(SyncError) -> PeerClock {
    try await push(database, pages)
  }

  /// Asks for what is held now: for transports that can't wait.
  public func clock(of database: String, atLeast clock: Clock, timeout: Duration) async throws(SyncError) -> PeerClock? {
    try await self.clock(of: database)
  }
}
