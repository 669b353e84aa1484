package import EventModel
import EventStore
package import Replication

extension LaterbaseNode {
  /// Begins to answer a pull: takes a look at what the puller holds, and remembers that it said so.
  /// - Throws: `forbidden` to a node of another cluster, and one that was removed.
  package func beginPull(_ request: PullRequest, of database: OpenedDatabase) throws(LaterbaseError) -> PullAnswer {
    try cluster.admit(request.node, of: request.cluster)
    let state = database.set.state
    let outgoing = try database.outgoing(request)
    let alarm = PeerClock(request.held, audit: request.audit).alarm(beside: database.peerClock)
    if database.holders.note(alarm: alarm, of: request.node), let alarm {
      options.onPeerNews(PeerNews(kind: .alarm, peer: "\(request.node)", database: database.name, message: alarm))
    }
    // Whoever pulls for somebody else, and this node itself, are no other holders.
    guard request.node != Origin(value: 0), request.node != id else { return PullAnswer(request, outgoing, from: database) }
    database.holders.note(request.node, request.held, without: outgoing.others, at: world.now(), beside: state)
    var answer = PullAnswer(request, outgoing, from: database)
    answer.receiver = Receiver(node: request.node, heard: database.holders.word(of: request.node)?.turn ?? 0)
    // One that doesn't wait may be its last for long.
    if request.wait > .zero { answer.turn = database.holders.beginPull(request.node) }
    return answer
  }

  /// Remembers what a puller is told at the end, so that its next request can say what it holds by the difference.
  package func tell(_ end: PullEnd, to request: PullRequest, of database: OpenedDatabase) {
    guard request.node != Origin(value: 0) else { return }
    database.holders.tell(end.peer.clock, to: request.node, at: request.asksForNothing ? .push : .pull)
  }

  /// Remembers what a node is told at the end of its push.
  /// - Parameter base: the digest of the clock that it names.
  /// - Returns: that clock, for the answer to differ from; nil: it isn't known here.
  package func tell(_ told: Clock, to sender: Origin, base digest: UInt128, in database: String) -> Clock? {
    guard sender != Origin(value: 0), let opened = catalog.opened(database) else { return nil }
    let base = opened.holders.base(digest, toldTo: sender)
    opened.holders.tell(told, to: sender, at: .push)
    return base
  }

  /// The clock that a node was told lately, by its digest.
  package func base(_ digest: UInt128, toldTo node: Origin, in database: OpenedDatabase) -> Clock? {
    database.holders.base(digest, toldTo: node)
  }

  /// Takes what a node told of itself. If it holds more of the own log than is held here, or another log, this file was restored or copied:
  /// the next append mints a new origin.
  /// - Parameter alarm: what the exchange's audit found.
  /// - Returns: the heads of its logs that are others here, and lose.
  @discardableResult
  func hear(_ told: PeerClock, in database: String, alarm: String? = nil) async -> [Clock.Entry] {
    guard let opened = try? await catalog.open(database) else { return [] }
    opened.holders.note(alarm: alarm, of: told.node ?? Origin(value: 0))
    return hear(told, in: opened)
  }

  /// Takes what a node told of itself. Logs that have forked are kept in mind.
  /// - Returns: the heads of its logs that are others here, and lose.
  @discardableResult
  func hear(_ told: PeerClock, in database: OpenedDatabase) -> [Clock.Entry] {
    database.holders.hear(told, beside: database.set, node: id, at: world.now())
  }

  /// Takes note that a node holds what it sent. Before that is merged: whoever waits for news of it isn't sent it back.
  func prove(_ node: Origin, holds heads: Clock, in database: OpenedDatabase) {
    guard node != Origin(value: 0), node != id, let forks = try? database.forks(against: heads) else { return }
    database.holders.prove(node, holds: heads.without(forks))
  }

  /// What a node holds of a database, as it told last, with what it sent since; nil: it told nothing, or the database isn't open.
  func word(of node: Origin, in database: String) -> HeldTable.Entry? { catalog.opened(database)?.holders.word(of: node) }
}
