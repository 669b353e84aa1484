import EventModel
import EventStore
package import Replication

extension OpenedDatabase {
  /// What is on disk here.
  package var peerClock: PeerClock { PeerClock(set) }

  /// Takes a look at what a puller holds. If it knows more of the own log than is held here, this file was restored or copied.
  package func outgoing(_ request: PullRequest) throws(LaterbaseError) -> Outgoing {
    try reading { (set) throws(StoreError) in try Outgoing(request, from: set) }
  }

  /// The entries held here of logs of which another node holds another one.
  func forks(against clock: Clock) throws(LaterbaseError) -> [Clock.Entry] {
    try reading { (set) throws(StoreError) in try set.forks(against: clock) }
  }

  /// Reads a page on a thread that may wait for the disk.
  func next(_ outgoing: Outgoing) async throws(SyncError) -> (RecordPage?, Outgoing) {
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
