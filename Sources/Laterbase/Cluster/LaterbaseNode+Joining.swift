import EventModel
import EventStore
package import Replication

extension LaterbaseNode {
  /// Joins the cluster of the node at a URL: introduces this node there at once, and follows that one from now on as a configured peer, also
  /// after a restart, until this node leaves.
  /// - Returns: what the other says of itself.
  /// - Throws: `bad-parameter` if the URL is none, if no node is there, or this one, or if too many are kept; `forbidden` to a node of
  ///   another cluster, or one that was removed; `not-ready` if nobody answers in time, and for a node that can't reach others.
  package func join(_ text: String) async throws(LaterbaseError) -> Introduction {
    if let fault = PeerURL.fault(text) { throw LaterbaseError(.badParameter, fault) }
    let url = PeerURL.trimmed(text)
    guard let peer = options.connect?(url) else { throw LaterbaseError(.notReady, "this node has no way to reach others") }
    if cluster.membership.standing(of: id) == .removed {
      throw LaterbaseError(.forbidden, "this node was removed from the cluster for ever")
    }
    let other = try await introduction(from: peer)
    guard other.member.id != id else { throw LaterbaseError(.badParameter, "\(url) is this node itself") }
    do throws(SyncError) { try cluster.check(other, at: peer.name) } catch { throw LaterbaseError(joining: error) }
    try remember(url)
    cluster.follow(peer, other)
    return other
  }

  private func introduction(from peer: any PeerTransport) async throws(LaterbaseError) -> Introduction {
    let answer = await within(options.patience.joining) { [cluster] () async -> Result<Introduction?, SyncError>? in
      do throws(SyncError) { return .success(try await peer.join(cluster.introduction)) } catch { return .failure(error) }
    }
    guard let answer else { throw LaterbaseError(.notReady, "\(peer.name) does not answer within \(options.patience.joining)") }
    do throws(SyncError) {
      guard let other = try answer.get() else { throw SyncError(.malformed, "\(peer.name) doesn't say who it is") }
      return other
    } catch {
      throw LaterbaseError(joining: error)
    }
  }

  /// Keeps a URL on disk, unless the configuration names it.
  private func remember(_ url: String) throws(LaterbaseError) {
    if peers.contains(where: { $0.name == url }) { return }
    guard peers.count < Cluster.configuredMax else {
      throw LaterbaseError(.badParameter, "this node follows \(peers.count) URLs already; leave forgets those that it was told to join by")
    }
    do throws(StoreError) { try file?.change { $0.joined.append(url) } } catch { throw LaterbaseError(error) }
  }

  /// Forgets the URLs that this node was told to join by.
  func forgetJoined() throws(LaterbaseError) {
    do throws(StoreError) { try file?.change { $0.joined = [] } } catch { throw LaterbaseError(error) }
  }
}

extension LaterbaseError {
  /// Why a node could not join another: what is there is no node of its cluster, or nobody answers.
  fileprivate init(joining error: SyncError) {
    switch error.code {
    case .forbidden: self.init(.forbidden, error.message)
    case .unreachable, .failed, .cancelled: self.init(.notReady, error.message)
    case .notHeld, .refused, .unknownBase, .malformed: self.init(.badParameter, error.message)
    }
  }
}
