package import EventModel
import EventStore
package import Replication

extension LaterbaseNode {
  /// Begins to answer a pull: takes a look at what the puller holds, and remembers that it said so.
  /// - Returns: what it is going to be sent; and its turn, to be kept until it was.
  /// - Throws: `forbidden` to a node of another cluster, and one that was removed.
  package func beginPull(
    _ request: PullRequest, of database: OpenedDatabase
  ) throws(LaterbaseError) -> (outgoing: Outgoing, turn: Holders.Turn?) {
    try cluster.admit(request.node, of: request.cluster)
    let state = database.set.state
    let outgoing = try database.outgoing(request)
    let alarm = PeerClock(request.held, audit: request.audit).alarm(beside: database.peerClock)
    if database.holders.note(alarm: alarm, of: request.node), let alarm {
      options.onPeerNews(PeerNews(kind: .alarm, peer: "\(request.node)", database: database.name, message: alarm))
    }
    // Whoever pulls for somebody else, and this node itself, are no other holders.
    guard request.node != Origin(value: 0), request.node != id else { return (outgoing, nil) }
    database.holders.note(request.node, outgoing.held, at: world.now(), beside: state)
    // One that doesn't wait may be its last for long.
    return (outgoing, request.wait > .zero ? database.holders.beginPull(request.node) : nil)
  }

  /// Remembers what a puller is told at the end, so that its next request can say what it holds by the difference.
  package func tell(_ end: PullEnd, to request: PullRequest, of database: OpenedDatabase) {
    if request.node != Origin(value: 0) { database.holders.tell(end.peer.clock, to: request.node) }
  }

  /// The clock that a node was told lately, by its digest.
  package func base(_ digest: UInt128, toldTo node: Origin, in database: OpenedDatabase) -> Clock? {
    database.holders.base(digest, toldTo: node)
  }

  /// Takes what a node told of itself. If it holds more of the own log than is held here, or another log, this file was restored or copied:
  /// the next append mints a new origin.
  /// - Parameter alarm: what the exchange's audit found.
  func hear(_ told: PeerClock, in database: String, alarm: String? = nil) async {
    guard let opened = try? await catalog.open(database) else { return }
    opened.holders.note(alarm: alarm, of: told.node ?? Origin(value: 0))
    hear(told, in: opened)
  }

  /// Takes what a node told of itself. Logs that have forked are kept in mind.
  func hear(_ told: PeerClock, in database: OpenedDatabase) {
    database.holders.hear(told, beside: database.set, node: id, at: world.now())
  }
}
