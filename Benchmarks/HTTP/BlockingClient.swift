import Foundation

/// One connection, on the calling thread: sends a request and waits for the whole answer, as a driver of a database does. No event loop
/// takes part, so what is measured is the server and two system calls.
///
/// `unsafe`: POSIX sockets, and the buffers that they are handed, which live as long as the call.
final class BlockingClient {
  private let socket: Int32
  private var received = [UInt8](repeating: 0, count: 1 << 20)

  init(port: Int) throws {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var one: Int32 = 1
    unsafe setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let connected = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe connect(socket, $0, 16) }
    }
    guard connected == 0 else { throw POSIXError(.ECONNREFUSED) }
  }

  deinit { close(socket) }

  /// - Returns: the answer's status, and how many bytes it had.
  @discardableResult func ask(_ request: [UInt8]) throws -> (status: Int, bytes: Int) {
    try send(request)
    var (count, end, total) = (0, 0, 0)
    while true {
      let got = unsafe received.withUnsafeMutableBytes { buffer in
        unsafe recv(socket, buffer.baseAddress?.advanced(by: count), buffer.count - count, 0)
      }
      guard got > 0 else { throw POSIXError(.ECONNRESET) }
      (count, total) = (count + got, total + got)
      if end == 0 { end = try headEnd(count) }
      if case let length? = length(end) {
        if total >= end + length { return (status, total) }
      } else if received[max(0, count - 5)..<count].elementsEqual("0\r\n\r\n".utf8) {
        return (status, total)
      }
      // Of a long answer only the head and the end matter.
      if count > received.count - (128 << 10) { count = end + 5 }
    }
  }

  private func send(_ request: [UInt8]) throws {
    var sent = 0
    while sent < request.count {
      let count = unsafe request.withUnsafeBytes { unsafe Glibc.send(socket, $0.baseAddress?.advanced(by: sent), $0.count - sent, 0) }
      guard count > 0 else { throw POSIXError(.ECONNRESET) }
      sent += count
    }
  }

  /// The beginning of the last answer, to say what was wrong.
  var last: String { String(decoding: received.prefix(1000).prefix { $0 != 0 }, as: UTF8.self) }

  private var status: Int { received[9..<12].reduce(0) { $0 * 10 + Int($1 & 0x0F) } }

  /// Bytes of the head; 0: it isn't there yet.
  private func headEnd(_ count: Int) throws -> Int { find("\r\n\r\n", before: count).map { $0 + 4 } ?? 0 }

  /// What `content-length` says, however it is written; nil: the answer comes in chunks.
  private func length(_ end: Int) -> Int? {
    if end == 0 { return .max / 2 }
    guard let name = find("ontent-", before: end).flatMap({ find("ength: ", before: end, from: $0) }) else { return nil }
    return received[(name + 7)...].prefix { $0 >= 0x30 && $0 <= 0x39 }.reduce(0) { $0 * 10 + Int($1 & 0x0F) }
  }

  /// Where some bytes begin.
  private func find(_ text: StaticString, before end: Int, from start: Int = 0) -> Int? {
    let text = unsafe UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    return unsafe received.withUnsafeBytes { buffer in
      var at = start
      while at + text.count <= end {
        if unsafe buffer[at] == text[0], unsafe buffer[at..<at + text.count].elementsEqual(text) { return at }
        at += 1
      }
      return nil
    }
  }
}
