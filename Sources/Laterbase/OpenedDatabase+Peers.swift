package import EventModel
package import EventStore
package import Replication

/// What a pull is going to be sent: from where each log goes on.
package struct Outgoing: Sendable {
  /// What the receiver holds, or isn't to be sent.
  package var reached: Clock
  /// Logs of which the receiver holds another one: they aren't sent.
  package let forks: [Clock.Entry]
}

extension OpenedDatabase {
  /// What is on disk here.
  package var peerClock: PeerClock { PeerClock(set) }

  /// Takes a look at what a puller holds. If it knows more of the own log than is held here, this file was restored or copied.
  package func outgoing(_ request: PullRequest) throws(LaterbaseError) -> Outgoing {
    set.observe(request.held)
    let forks = try reading { (set) throws(StoreError) in try set.forks(against: request.held) }.filter {
      !request.without.contains($0.origin)
    }
    var reached = request.held
    for origin in forks.map(\.origin) + request.without { reached.set(Clock.Entry(origin: origin, n: .max, digest: 0)) }
    return Outgoing(reached: reached, forks: forks)
  }

  /// Returns when there is something to send, the time is over, the task is cancelled, or the node is stopping.
  package func waitForNews(_ outgoing: Outgoing, _ wait: Duration) async throws(LaterbaseError) {
    let deadline = ContinuousClock.now + wait
    while outgoing.forks.isEmpty {
      let seen = set.changes.version
      _ = try reading { _ in }
      guard set.state.clock.delta(beyond: outgoing.reached).isEmpty else { return }
      if ContinuousClock.now >= deadline || set.changes.isClosed || Task.isCancelled { return }
      await waitForChange(after: seen, until: deadline)
    }
  }

  /// Hands out the pages of a pull, and says what is held when they end. Only what is on disk is read.
  package func send(
    _ outgoing: Outgoing, bytesMax: Int, _ receive: @Sendable (RecordPage) async throws(SyncError) -> Void
  ) async throws(SyncError) -> PullEnd {
    var reached = outgoing.reached
    var bytes = 0
    while bytes < bytesMax, !set.state.clock.delta(beyond: reached).isEmpty {
      let page: RecordPage
      (page, reached) = try await next(after: reached)
      if page.entries.isEmpty { break }
      bytes += page.bytes.count
      try await receive(page)
    }
    return PullEnd(peerClock, forks: outgoing.forks)
  }

  /// Reads a page on a thread that may wait for the disk.
  private func next(after clock: Clock) async throws(SyncError) -> (RecordPage, Clock) {
    let read = await onThread { [self] () -> Result<(RecordPage, Clock), LaterbaseError> in
      do throws(LaterbaseError) {
        let (page, reached) = try reading { (set) throws(StoreError) in try set.records(after: clock, bytesMax: PullRequest.pageBytes) }
        return .success((page, reached))
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
      case .unreachable, .failed, .cancelled: .notReady
      }
    self.init(slug, error.message)
  }
}
