import Laterbase
import NIOCore
import NIOHTTP1

extension Answer {
  /// The whole answer as it goes over the wire (HTTP/1.1), for the short cut.
  func wire(date: [UInt8], closes: Bool) -> ByteBuffer {
    var body: ByteBuffer?
    if case .bytes(let bytes) = content { body = bytes }
    var wire = ByteBufferAllocator().buffer(capacity: 256 + (body?.readableBytes ?? 0))
    wire.append(code: "HTTP/1.1 ")
    wire.append(decimal: UInt64(status))
    wire.append(code: " ")
    wire.writeString(HTTPResponseStatus(statusCode: status).reasonPhrase)
    wire.append(code: "\r\ndate: ")
    wire.writeBytes(date)
    for (name, value) in fields {
      wire.append(code: "\r\n")
      wire.writeString(name)
      wire.append(code: ": ")
      wire.writeString(value)
    }
    if closes { wire.append(code: "\r\nconnection: close") }
    if status != 304 {
      wire.append(code: "\r\ncontent-length: ")
      wire.append(decimal: UInt64(body?.readableBytes ?? 0))
    }
    wire.append(code: "\r\n\r\n")
    if let body { wire.append(copying: body.readableBytesSpan) }
    return wire
  }
}
