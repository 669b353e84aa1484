import AsyncHTTPClient
import EventModel
public import EventStore
import NIOCore
import NIOHTTP1
import NIOPosix
public import Replication

extension HTTPPeer {
  /// The header that says, with `none`, that a push's base isn't known: its answer is whole.
  static let baseHeader = "laterbase-base"
  /// Less isn't worth compressing.
  private static let packedBytesMin = 1 << 10

  public func push(_ database: String, _ pages: [RecordPage], from sender: Sender) async throws(SyncError) -> PeerClock {
    var bytes: [UInt8] = []
    for page in pages { Frame.write(page, to: &bytes) }
    let isPacked = compresses && bytes.count >= Self.packedBytesMin
    if isPacked {
      let frames = bytes
      do {
        bytes = try await NIOThreadPool.singleton.runIfActive { Gzip().add(frames, isLast: true) }
      } catch {
        throw unreachable(error)
      }
    }
    let accept = sender.node.value == 0 ? nil : MediaType.records
    let path = try path(database, "log") + query(sender)
    let answer = try await send(.POST, path, ByteBuffer(bytes: bytes), accept: accept, isPacked: isPacked)
    guard answer.headers.first(name: "content-type") == MediaType.records else { return try await clock(answer) }
    return try await told(answer, since: answer.headers.first(name: Self.baseHeader) == nil ? sender.base : Clock())
  }

  /// Who pushes, for the URL.
  private func query(_ sender: Sender) -> String {
    var parameters: [String] = []
    if cluster != PullRequest.standardCluster { parameters.append("cluster=\(cluster.percentEncoded)") }
    if sender.node.value != 0 {
      parameters.append("node=\(sender.node)")
      if !sender.base.isEmpty { parameters.append("base=\(PushAnswer.text(sender.base.baseDigest))") }
    }
    return parameters.isEmpty ? "" : "?" + parameters.joined(separator: "&")
  }

  /// What the end frame of an answer without records says.
  private func told(_ answer: HTTPClientResponse, since base: Clock) async throws(SyncError) -> PeerClock {
    var reader = FrameReader(held: base, bytesMax: PullRequest.bytesMaxOfRequest)
    do {
      for try await chunk in answer.body { try reader.take(chunk.readableBytesSpan) }
    } catch {
      throw unreachable(error)
    }
    guard var peer = reader.end?.peer, reader.isBetweenFrames else { throw SyncError(.unreachable, "\(name) broke off its answer") }
    peer.node = Self.node(answer)
    return peer
  }
}
