import Foundation

// `unsafe` in this file: POSIX calls with pointers that live as long as the call.

/// Bytes copied over a TCP connection of this machine into a file that is flushed at the end: what a sync does at least.
enum LoopbackCopy {
  private static let chunk = 1 << 18

  static func run(bytes: Int, into path: String) throws -> Duration {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let size = length
    let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        let bound = unsafe bind(listener, $0, size) == 0 && listen(listener, 1) == 0
        return unsafe bound && getsockname(listener, $0, &length) == 0
      }
    }
    precondition(bound, "no socket")
    let start = ContinuousClock.now
    let sender = Thread { [address] in send(bytes, to: address) }
    sender.start()
    let connection = accept(listener, nil, nil)
    let file = unsafe open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
    var buffer = [UInt8](repeating: 0, count: chunk)
    var copied = 0
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(connection, $0.baseAddress, $0.count, 0) }
      if count <= 0 { break }
      let written = unsafe buffer.withUnsafeBytes { unsafe write(file, $0.baseAddress, count) }
      precondition(written == count, "the file can't be written")
      copied += count
    }
    precondition(copied == bytes && fsync(file) == 0, "\(copied) bytes came")
    for descriptor in [connection, listener, file] { close(descriptor) }
    _ = unsafe unlink(path)
    return ContinuousClock.now - start
  }

  private static func send(_ bytes: Int, to address: sockaddr_in) {
    let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = address
    let connected = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    precondition(connected, "no connection")
    let buffer = [UInt8](repeating: 7, count: chunk)
    var left = bytes
    while left > 0 {
      let count = unsafe buffer.withUnsafeBytes { unsafe Glibc.send(connection, $0.baseAddress, min(left, $0.count), 0) }
      precondition(count > 0, "the connection broke")
      left -= count
    }
    close(connection)
  }
}
