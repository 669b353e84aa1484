import Laterbase
import NIOCore

extension ByteBuffer: ByteSink {
  package var byteCount: Int { readableBytes }

  package mutating func append(atMost count: Int, _ body: (inout OutputRawSpan) -> Void) {
    writeWithOutputRawSpan(minimumWritableBytes: count) { body(&$0) }
  }

  /// A copy of the readable bytes.
  var bytes: [UInt8] { [UInt8](readableBytesView) }
}
