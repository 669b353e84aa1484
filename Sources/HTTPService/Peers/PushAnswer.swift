import EventModel
import Laterbase
import NIOCore
import Replication

/// What a push says of its sender, and its answer.
///
/// A sender that takes frames is answered with an end frame: what is held here, by the difference from the clock whose digest it names, or
/// whole, which a header says. Others get JSON.
struct PushAnswer {
  let cluster: String
  /// 0: nobody says so.
  let sender: Origin
  /// The digest of a clock that the sender was told lately; 0: none.
  private let base: UInt128
  private let isFramed: Bool

  /// - Throws: `bad-parameter`, `not-acceptable`.
  init(_ call: Call) throws(LaterbaseError) {
    let parameters = try Parameters(call.query, known: ["cluster", "node", "base"])
    cluster = parameters.text("cluster") ?? PullRequest.standardCluster
    sender = try Self.node(parameters)
    base = try Self.base(parameters)
    isFramed = call.headers.accept == MediaType.records
    if !isFramed { try Accepted.json(call.headers.accept) }
  }

  private static func node(_ parameters: Parameters) throws(LaterbaseError) -> Origin {
    guard let text = parameters.text("node") else { return Origin(value: 0) }
    guard let node = Origin(text), node.value != 0 else { throw Parameters.wrong("node", "a node's id, of 13 characters") }
    return node
  }

  private static func base(_ parameters: Parameters) throws(LaterbaseError) -> UInt128 {
    guard let text = parameters.text("base") else { return 0 }
    // The parser takes a sign, and fewer digits.
    guard let base = UInt128(text, radix: 16), Self.text(base) == text else {
      throw Parameters.wrong("base", "32 lower-case hex digits")
    }
    return base
  }

  /// A digest as 32 lower-case hex characters.
  static func text(_ base: UInt128) -> String {
    UInt64(truncatingIfNeeded: base >> 64).hex + UInt64(truncatingIfNeeded: base).hex
  }

  /// What is told when all records are on disk.
  func answer(_ held: PeerClock, in database: String, of node: LaterbaseNode) -> Answer {
    guard isFramed else {
      var body = ByteBuffer()
      Frontend.append(held, to: &body)
      body.append("}")
      return Answer(200, MediaType.json, body)
    }
    let known = node.tell(held.clock, to: sender, base: base, in: database)
    var frame: [UInt8] = []
    Frame.write(PullEnd(held), since: known ?? Clock(), to: &frame)
    let answer = Answer(200, MediaType.records, ByteBuffer(bytes: frame))
    return known == nil ? answer.adding(HTTPPeer.baseHeader, "none") : answer
  }
}
