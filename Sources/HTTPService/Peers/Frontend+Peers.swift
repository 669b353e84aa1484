import EventModel
import EventStore
import HummingbirdCore
import Laterbase
import NIOCore
import NIOPosix
import Replication

extension Frontend {
  /// A push's body: an exchange's pages, each of which may be a record over, and their frames.
  private static let pushBytesMax = 2 * PullRequest.exchangeBytesMax

  /// `GET /db/{db}/clock`: the same bytes at level nodes.
  func clock(_ name: String, _ call: Call) async throws(LaterbaseError) -> Answer {
    try Accepted.json(call.headers.accept)
    let parameters = try Parameters(call.query, known: ["at_least", "timeout"])
    let database = try await opened(name)
    try await wait(for: database, parameters, level: .one)
    let peer = try database.reading { _ in database.peerClock }
    var body = ByteBuffer()
    Self.append(peer, to: &body)
    body.append(",\"origins\":")
    Self.append(origins: peer.clock, to: &body)
    body.append("}")
    return said(Answer(200, MediaType.json, body).notCached())
  }

  /// An answer that says what this node holds, and which node this is.
  private func said(_ answer: Answer) -> Answer { answer.adding(HTTPPeer.nodeHeader, "\(node.id)") }

  /// The beginning of an object that says what is held.
  static func append(_ peer: PeerClock, to body: inout ByteBuffer) {
    body.append("{\"clock\":\"\(peer.clock.token)\"")
    // While a damaged record ends a log, what is counted isn't what the clock says.
    if let audit = peer.audit { body.append(",\"events\":\(audit.elements),\"sum\":\"\(audit.sum.hex)\"") }
  }

  /// Appends `{"<origin>":{"n":…,"digest":"…"},…}`.
  static func append(origins clock: Clock, to body: inout ByteBuffer) {
    body.append("{")
    for (index, entry) in clock.entries.enumerated() {
      body.append("\(index > 0 ? "," : "")\"\(entry.origin)\":{\"n\":\(entry.n),\"digest\":\"\(entry.digest.hex)\"}")
    }
    body.append("}")
  }

  /// `POST /db/{db}/pull`: what the peer lacks, as frames. It waits before it answers, so that a stop of the server finds it waiting.
  func pull(_ name: String, _ call: Call, _ body: RequestBody) async throws(LaterbaseError) -> Answer {
    _ = try MediaType.ofRequest(call.headers, taken: [MediaType.records])
    guard [nil, "*/*", MediaType.records].contains(call.headers.accept) else {
      throw LaterbaseError(.notAcceptable, "there is only \(MediaType.records) here")
    }
    _ = try Parameters(call.query, known: [])
    let bytes = try await collect(body, call, bytesMax: PullRequest.bytesMaxOfRequest)
    let database = try await opened(name)
    let request = try request(bytes, database)
    let begun = try node.beginPull(request, of: database)
    let waits = request.wait > .zero
    let pulled = waits ? try await untilShutdown { () throws(LaterbaseError) in try await begun.waitedForNews() } : begun
    var answer = Answer(200)
    answer.fields = [("content-type", MediaType.records), ("cache-control", "no-store")]
    let gzip = Self.takesGzip(call.headers) ? Gzip() : nil
    if gzip != nil { answer.add("content-encoding", "gzip") }
    answer.content = .stream { [node] write in
      database.beginStream()
      defer { database.endStream() }
      let end = try await pulled.send { (page) throws(SyncError) in
        var frames: [UInt8] = []
        Frame.write(page, to: &frames)
        do { try await write(Self.packed(frames, gzip)) } catch { throw SyncError(.cancelled, "the peer has gone") }
      }
      node.tell(end, to: request, of: database)
      var frames: [UInt8] = []
      Frame.write(end, since: request.held, to: &frames)
      try await write(Self.packed(frames, gzip, isLast: true))
    }
    return said(answer)
  }

  private static func takesGzip(_ headers: Headers) -> Bool {
    (headers.acceptEncoding ?? "").split(separator: ",").contains { $0.split(separator: ";").first?.trimmed.lowercased() == "gzip" }
  }

  /// Compresses frames, if that was asked for, on a thread that may compute for long.
  private static func packed(_ frames: [UInt8], _ gzip: Gzip?, isLast: Bool = false) async throws -> ByteBuffer {
    guard let gzip else { return ByteBuffer(bytes: frames) }
    return try await NIOThreadPool.singleton.runIfActive { ByteBuffer(bytes: gzip.add(frames, isLast: isLast)) }
  }

  private func request(_ bytes: [UInt8], _ database: OpenedDatabase) throws(LaterbaseError) -> PullRequest {
    do throws(PullRequest.Fault) {
      return try PullRequest(reading: bytes.raw) { node.base($1, toldTo: $0, in: database) }
    } catch {
      switch error {
      case .unknownBase: throw LaterbaseError(.unknownBase, "that base is not kept here; send base zero and the whole clock")
      case .malformed: throw LaterbaseError(.badParameter, "the body is not a pull's request")
      }
    }
  }

  /// `POST /db/{db}/log`: takes records, page by page while they come. Pages before one that is refused stay.
  func push(_ name: String, _ call: Call, _ body: RequestBody) async throws(LaterbaseError) -> Answer {
    let told = try PushAnswer(call)
    _ = try MediaType.ofRequest(call.headers, taken: [MediaType.records], encodings: ["gzip"])
    try node.cluster.admit(told.sender, of: told.cluster)
    if name != NodesDatabase.name { try checkWritable(name) }
    if let length = call.headers.contentLength, length > Self.pushBytesMax {
      throw LaterbaseError(.tooLarge, "the body has more than \(Self.pushBytesMax) bytes")
    }
    var reader = PushReader(gzipped: call.headers.contentEncoding?.lowercased() == "gzip", bytesMax: Self.pushBytesMax)
    var ingest = Ingest(node, name, from: told.sender)
    var failure: SyncError?
    do {
      for try await piece in body {
        // What follows a refusal is read too, and thrown away: a peer that is still sending would not see the answer.
        guard failure == nil else { continue }
        do throws(SyncError) {
          for page in try reader.take(piece) { try await ingest.add(page) }
        } catch {
          failure = error
        }
      }
    } catch {
      throw Self.brokenOff
    }
    do throws(SyncError) {
      if let failure { throw failure }
      let last = try reader.end()
      if !last.entries.isEmpty { try await ingest.add(last) }
      return said(told.answer(try await ingest.finish(), in: name, of: node))
    } catch {
      switch error.code {
      case .refused: throw LaterbaseError(.doesNotFollow, error.message)
      case .malformed: throw LaterbaseError(.badParameter, error.message)
      default: throw LaterbaseError(error)
      }
    }
  }
}
