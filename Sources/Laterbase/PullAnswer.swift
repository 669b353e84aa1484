import EventModel
package import EventStore
package import Replication

/// Whoever is sent records.
struct Receiver: Sendable {
  let node: Origin
  /// The turn of its word that the request is as new as: what it told since replaces what the request names.
  var heard: UInt64
}

/// A pull that is being answered.
///
/// A request may wait long, and the receiver gets records by other ways meanwhile; the newest of them are its own. So while it waits, what
/// that node was heard to hold since replaces what it named, also by less. Once its pages flow they are only left out: what went over isn't
/// sent twice, and its next request says what it holds then.
package struct PullAnswer: Sendable {
  package let request: PullRequest
  private let database: OpenedDatabase
  private var outgoing: Outgoing
  /// Nil: nobody is heard of.
  var receiver: Receiver?
  /// Counts the receiver as pulling, as long as this lives.
  var turn: Holders.Turn?

  init(_ request: PullRequest, _ outgoing: Outgoing, from database: OpenedDatabase) {
    (self.request, self.outgoing, self.database) = (request, outgoing, database)
  }

  /// Returns when there is something to send, the request's time is over, the task is cancelled, or the node is stopping.
  package func waitedForNews() async throws(LaterbaseError) -> PullAnswer {
    var answer = self
    let deadline = ContinuousClock.now + request.wait
    let (news, words) = (database.set.changes, database.holders.changes)
    while true {
      let seen = (news.version, words.version)
      try answer.renew()
      if answer.outgoing.isThere(in: database.set) { return answer }
      if ContinuousClock.now >= deadline || news.isClosed || Task.isCancelled { return answer }
      await ChangeSignal.waitForAny([(news, seen.0), (words, seen.1)], until: deadline)
    }
  }

  /// Begins anew with what the receiver was heard to hold since.
  private mutating func renew() throws(LaterbaseError) {
    _ = try database.reading { _ in }
    guard let word = takeWord() else { return }
    outgoing = try database.outgoing(request.naming(word.told))
  }

  /// The receiver's word, if there is one that wasn't looked at.
  private mutating func takeWord() -> HeldTable.Entry? {
    guard let receiver, let word = database.holders.word(of: receiver.node), word.turn > receiver.heard else { return nil }
    self.receiver?.heard = word.turn
    return word
  }

  /// Hands out the pages, and says what is held when they end. Only what is on disk is read.
  package func send(_ receive: @Sendable (RecordPage) async throws(SyncError) -> Void) async throws(SyncError) -> PullEnd {
    var answer = self
    var bytes = 0
    while bytes < request.bytesMax, let page = try await answer.nextPage() {
      bytes += page.bytes.count
      try await receive(page)
    }
    withExtendedLifetime(turn) {}
    return PullEnd(database.peerClock, forks: answer.outgoing.forks)
  }

  private mutating func nextPage() async throws(SyncError) -> RecordPage? {
    if let word = takeWord() { outgoing.spare(word.clock, in: database.set) }
    let page: RecordPage?
    (page, outgoing) = try await database.next(outgoing)
    return page
  }
}
