import EventModel
package import EventStore
package import Replication

extension OpenedDatabase {
  /// What is on disk here.
  package var peerClock: PeerClock { PeerClock(set) }

  /// Takes a look at what a puller holds. If it knows more of the own log than is held here, this file was restored or copied.
  package func outgoing(_ request: PullRequest) throws(LaterbaseError) -> Outgoing {
    try reading { (set) throws(StoreError) in try Outgoing(request, from: set) }
  }

  /// Returns when there is something to send, the time is over, the task is cancelled, or the node is stopping.
  package func waitForNews(_ outgoing: Outgoing, _ wait: Duration) async throws(LaterbaseError) {
    let deadline = ContinuousClock.now + wait
    while true {
      let seen = set.changes.version
      _ = try reading { _ in }
      if outgoing.isThere(in: set) { return }
      if ContinuousClock.now >= deadline || set.changes.isClosed || Task.isCancelled { return }
      await waitForChange(after: seen, until: deadline)
    }
  }

  /// Hands out the pages of a pull, and says what is held when they end. Only what is on disk is read.
  package func send(
    _ outgoing: Outgoing, bytesMax: Int, _ receive: @Sendable (RecordPage) async throws(SyncError) -> Void
  ) async throws(SyncError) -> PullEnd {
    var outgoing = outgoing
    var bytes = 0
    while bytes < bytesMax {
      let page: RecordPage?
      (page, outgoing) = try await next(outgoing)
      guard let page else { break }
      bytes += page.bytes.count
      try await receive(page)
    }
    return PullEnd(peerClock, forks: outgoing.forks)
  }

  /// Reads a page on a thread that may wait for the disk.
  private func next(_ outgoing: Outgoing) async throws(SyncError) -> (RecordPage?, Outgoing) {
    if set.state.clock.delta(beyond: outgoing.reached).isEmpty { return (nil, outgoing) }
    let read = await onThread { [self] () -> Result<(RecordPage?, Outgoing), LaterbaseError> in
      do throws(LaterbaseError) {
        var outgoing = outgoing
        let page = try reading { (set) throws(StoreError) in try outgoing.nextPage(of: set) }
        return .success((page, outgoing))
      } catch {
        return .failure(error)
      }
    }
    do throws(LaterbaseError) { return try read.get() } catch { throw SyncError(error) }
  }
}

/// Runs what computes for long, or may wait for the disk, beside the threads that tasks share. 30 µs for the thread.
func onThread<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
  let coming = Coming<R>()
  Thread.detach { coming.put(body()) }
  return await coming.get()
}

extension SyncError {
  package init(_ error: LaterbaseError) {
    let code: Code =
      switch error.slug {
      case .noDatabase: .notHeld
      case .forbidden: .forbidden
      case .refused, .badParameter: .refused
      default: .failed
      }
    self.init(code, error.detail)
  }
}

extension LaterbaseError {
  package init(_ error: SyncError) {
    let slug: Slug =
      switch error.code {
      case .notHeld: .noDatabase
      case .forbidden: .forbidden
      case .refused, .malformed: .refused
      case .unreachable, .unknownBase, .failed, .cancelled: .notReady
      }
    self.init(slug, error.message)
  }
}
