import EventModel
import EventStore
import Laterbase
import NIOCore
import ViewEngine
import ViewKit

extension Frontend {
  /// `GET /db/{db}/v/{view}/_restatements`. A page ends after 8 MiB, whatever its limit: `after` goes on.
  func restatements(_ name: String, _ view: String, _ call: Call) async throws(LaterbaseError) -> Answer {
    let form = try Accepted.list(call.headers.accept)
    let parameters = try Parameters(call.query, known: ["after", "limit", "feed", "timeout"])
    let limit = try parameters.count("limit", default: 1000)
    let waits = try parameters.isLongPoll()
    let timeout = try parameters.timeout(default: .seconds(30))
    let cursor = RestatementCursor(node: node.id, database: name, view: view)
    let after = try parameters.text("after").map { (text) throws(LaterbaseError) in try cursor.place(text) }
    let database = try await opened(name)
    let deadline = ContinuousClock.now + timeout
    let page = try await untilShutdown { () throws(LaterbaseError) in
      var place = after
      while true {
        let seen = database.set.changes.version
        let left = max(.milliseconds(1), deadline - .now)
        let page = try await database.restatements(view, from: place, limit: limit, timeout: waits ? left : timeout)
        guard waits, page.restatements.isEmpty, ContinuousClock.now < deadline, !Task.isCancelled, !database.set.changes.isClosed else {
          return page
        }
        place = page.place
        await database.waitForChange(after: seen, until: deadline)
      }
    }
    return try Answer(200, form.mediaType, Self.body(page, cursor.text(page.place), form)).adding("vary", "accept").notCached()
  }

  private static func body(_ page: RestatementPage, _ after: String, _ form: ListForm) throws(LaterbaseError) -> ByteBuffer {
    var body = ByteBuffer()
    if form == .array { body.append(code: "{\"restatements\":[") }
    for (index, restatement) in page.restatements.enumerated() {
      if index > 0, form == .array { body.append(code: ",") }
      var key: [UInt8] = []
      do throws(KeyError) { try KeyBytes.writeJSON(restatement.key.raw, to: &key) } catch {
        throw LaterbaseError(.storage, "a restatement's key: \(error)")
      }
      body.append(code: "{\"key\":")
      body.append(copying: key.raw)
      for (name, value) in [("before", restatement.before), ("after", restatement.after)] {
        body.append(",\"\(name)\":")
        if let value { body.append(copying: value.raw) } else { body.append(code: "null") }
      }
      body.append(",\"event\":\"\(restatement.event)\",\"late\":\"\(Duration.text(milliseconds: restatement.lateMilliseconds))\"}")
      if form == .lines { body.append(code: "\n") }
    }
    body.append(form == .array ? "],\"after\":\"\(after)\"}" : "{\"after\":\"\(after)\"}\n")
    return body
  }
}

/// Where a client goes on in a list that is this node's own: base64url of node (8) ‖ CRC32C of database, a zero byte, view (4) ‖ view's
/// number (4) ‖ serial (8), big-endian.
struct RestatementCursor: Sendable {
  let node: Origin
  private let list: UInt32

  init(node: Origin, database: String, view: String) {
    self.node = node
    list = CRC32C.checksum([UInt8]("\(database)\0\(view)".utf8).raw)
  }

  func text(_ place: RestatementPlace) -> String {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(node.value)
    bytes.appendBigEndian(list)
    bytes.appendBigEndian(place.number)
    bytes.appendBigEndian(place.serial)
    return Base64URL.encode(bytes.raw)
  }

  /// - Throws: `gone` if another node, or another list, gave it out; `bad-parameter` if nobody did.
  func place(_ text: String) throws(LaterbaseError) -> RestatementPlace {
    guard let bytes = Base64URL.decode([UInt8](text.utf8).raw), bytes.count == 24 else {
      throw Parameters.wrong("after", "a cursor that a page gave out")
    }
    guard bytes.raw.bigEndian(at: 0) == node.value, bytes.raw.bigEndian(at: 8) == list else {
      throw LaterbaseError(.gone, "this cursor is another node's or another view's: start without one")
    }
    return RestatementPlace(number: bytes.raw.bigEndian(at: 12), serial: bytes.raw.bigEndian(at: 16))
  }
}

extension Duration {
  /// The largest unit of which there are at least two: `26h`, `3d`, `90s`.
  static func text(milliseconds: Int64) -> String {
    for (unit, length) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] as [(String, Int64)]
    where milliseconds >= 2 * length {
      return "\(milliseconds / length)\(unit)"
    }
    return "\(milliseconds)ms"
  }
}
