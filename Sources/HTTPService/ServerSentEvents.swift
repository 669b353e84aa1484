import EventModel
import Laterbase
import NIOCore

/// Writes server-sent events (WHATWG HTML §9.2): text in which a blank line ends each event.
struct ServerSentEvents: Sendable {
  private(set) var buffer = ByteBuffer()

  var isEmpty: Bool { buffer.readableBytes == 0 }

  /// An event whose data is one line: JSON in normal form is.
  mutating func event(_ name: StaticString, data: [UInt8]) {
    buffer.append(code: "event: ")
    buffer.append(code: name)
    buffer.append(code: "\ndata: ")
    buffer.append(copying: data.raw)
    buffer.append(code: "\n\n")
  }

  /// What a client says when it comes back (`Last-Event-ID`). It stands alone, so nothing is dispatched for it.
  mutating func id(_ id: String) {
    buffer.append(code: "id: ")
    buffer.append(id)
    buffer.append(code: "\n\n")
  }

  /// A line that says nothing, but that the connection lives.
  mutating func heartbeat() { buffer.append(code: ":\n\n") }
}
