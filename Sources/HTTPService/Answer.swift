import EventModel
import Laterbase
import NIOCore
import Replication

/// What is answered, before any framework sees it.
struct Answer: Sendable {
  /// Writes what is left of a long body, a piece at a time.
  typealias Stream = @Sendable (_ write: @escaping @Sendable (ByteBuffer) async throws -> Void) async throws -> Void

  enum Content: Sendable {
    case none
    case bytes(ByteBuffer)
    case stream(Stream)
  }

  var status: Int
  /// Names in lower case.
  var fields: [(name: String, value: String)] = []
  var content = Content.none

  init(_ status: Int) { self.status = status }

  /// An answer with a body.
  init(_ status: Int, _ type: String, _ body: ByteBuffer) {
    self.status = status
    fields = [("content-type", type)]
    content = .bytes(body)
  }

  static func json(_ value: JSON) -> Answer {
    var body = ByteBuffer()
    body.append(copying: value.raw)
    return Answer(200, MediaType.json, body)
  }

  mutating func add(_ name: String, _ value: String) { fields.append((name, value)) }

  func adding(_ name: String, _ value: String) -> Answer {
    var answer = self
    answer.add(name, value)
    return answer
  }

  /// Events may change in what is said about them (`_voided_by`), and belong to whoever asked.
  func notCached() -> Answer { adding("cache-control", "private, no-cache") }
}

// MARK: Problems
extension Answer {
  /// The problem document of an error (RFC 9457).
  init(_ error: LaterbaseError) {
    var body = ByteBuffer()
    body.append("{\"type\":\"urn:laterbase:problem:\(error.slug.rawValue)\",\"title\":")
    body.append(quoted: error.slug.title)
    body.append(",\"status\":\(error.slug.status),\"detail\":")
    body.append(quoted: error.detail)
    Self.append(error.faults, to: &body)
    if let progress = error.progress {
      body.append(",\"committed_lines\":\(progress.lines),\"recorded\":\(progress.recorded),\"known\":\(progress.known),\"clock\":")
      body.append(progress.clock.map { "\"\($0.token)\"" } ?? "null")
    }
    if let catchUp = error.catchUp { body.append(",\"records_done\":\(catchUp.done),\"records_left\":\(catchUp.left)") }
    Self.append(error.holders, to: &body)
    body.append("}")
    self.init(error.slug.status, MediaType.problem, body)
    switch error.slug {
    case .busy, .behind, .notReady, .storage, .outcomeUnknown: add("retry-after", "1")
    case .diskFull: add("retry-after", "30")
    default: break
    }
  }

  private static func append(_ holders: [Member], to body: inout ByteBuffer) {
    guard !holders.isEmpty else { return }
    let objects = holders.map { holder in
      JSON(members: [
        (name: "id", value: JSON(holder.id.description)), (name: "name", value: JSON(holder.name)),
        (name: "address", value: holder.address.map { JSON($0) } ?? .null),
      ])
    }
    body.append(",\"holders\":")
    body.append(copying: JSON(objects).raw)
  }

  private static func append(_ faults: [LaterbaseError.Fault], to body: inout ByteBuffer) {
    guard !faults.isEmpty else { return }
    body.append(",\"errors\":[")
    for (index, fault) in faults.enumerated() {
      if index > 0 { body.append(",") }
      body.append("{\"index\":\(fault.index)")
      if let line = fault.line { body.append(",\"line\":\(line)") }
      if let pointer = fault.pointer {
        body.append(",\"pointer\":")
        body.append(quoted: pointer)
      }
      body.append(",\"detail\":")
      body.append(quoted: fault.detail)
      body.append("}")
    }
    body.append("]")
  }
}
