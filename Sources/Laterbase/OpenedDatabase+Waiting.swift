package import EventModel
import EventStore

extension OpenedDatabase {
  /// Waits for a change after the version `seen`, at most until the deadline or the task's cancellation.
  package func waitForChange(after seen: UInt64, until deadline: ContinuousClock.Instant) async {
    await withTaskGroup { group in
      group.addTask { [changes = set.changes] in await changes.wait(after: seen) }
      group.addTask { try? await Task.sleep(until: deadline, clock: .continuous) }
      await group.next()
      group.cancelAll()
    }
  }

  /// Waits until what is held here covers a clock, without doing anything for it.
  /// - Throws: `behind` if it doesn't in time.
  package func wait(atLeast clock: Clock, timeout: Duration) async throws(LaterbaseError) {
    if await set.wait(atLeast: clock, until: .now + timeout, .machine) { return }
    try failBehind()
  }

  /// - Throws: `behind`, of a clock that was waited for; `no-database` if the database was removed meanwhile.
  func failBehind() throws(LaterbaseError) -> Never {
    try reading { _ in }
    throw LaterbaseError(.behind, "this node doesn't hold all that the clock covers")
  }
}

extension FeedReader {
  /// Waits until there is an event to write: a long poll. What only moves the clock is walked over, and waiting goes on with the moved
  /// clock; when the time is over, the task cancelled, or the node stopping, it returns too.
  /// - Throws: `no-database` if the database was removed, and what reading it throws.
  package mutating func wait(until deadline: ContinuousClock.Instant) async throws(LaterbaseError) {
    while true {
      let seen = database.set.changes.version
      var probe = Probe()
      var next = self
      let more = try next.writePiece(to: &probe)
      if next.events > 0 { return }
      self = next.following()
      if more, ContinuousClock.now < deadline, !Task.isCancelled {
        // Much may be filtered out: others want this thread too.
        await Task.yield()
        continue
      }
      if ContinuousClock.now >= deadline || Task.isCancelled || database.set.changes.isClosed {
        // The database may have been removed since it was read above.
        return try database.reading { _ in }
      }
      await database.waitForChange(after: seen, until: deadline)
    }
  }
}

/// Takes bytes and keeps none, and asks for no more after the first.
private struct Probe: ByteSink {
  private(set) var byteCount = 0
  mutating func append(atMost count: Int, _ body: (inout OutputRawSpan) -> Void) { byteCount += FeedReader.pieceBytes }
}
