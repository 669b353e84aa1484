import EventModel
import Laterbase
import NIOCore

/// Writes server-sent events (WHATWG HTML §9.2): text in which a blank line ends each event.
enum ServerSentEvents {
  /// An event whose data is one line: JSON in normal form is.
  static func event(_ name: StaticString, data: [UInt8], to page: inout ByteBuffer) {
    page.append(code: "event: ")
    page.append(code: name)
    page.append(code: "\ndata: ")
    page.append(copying: data.raw)
    page.append(code: "\n\n")
  }

  /// What a client says when it comes back (`Last-Event-ID`). It stands alone, so nothing is dispatched for it.
  static func id(_ id: String, to page: inout ByteBuffer) {
    page.append(code: "id: ")
    page.append(id)
    page.append(code: "\n\n")
  }

  /// A line that says nothing, but that the connection lives.
  static func heartbeat(to page: inout ByteBuffer) { page.append(code: ":\n\n") }
}
