import NIOPosix
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

// `unsafe` in this file: calls of the C library with pointers that live as long as the call.

/// A bare connection to a server on this machine. Blocking calls run on a thread that the server doesn't need.
final class Wire: Sendable {
  private let socket: Int32
  private let isOpen = Atomic(true)
  private let buffer = Mutex<[UInt8]>([])

  init(_ port: Int) throws {
    #if canImport(Glibc)
      socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      socket = Darwin.socket(AF_INET, SOCK_STREAM, 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var wait = timeval(tv_sec: 600, tv_usec: 0)
    _ = unsafe setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
    let connected = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if connected != 0 { throw WireError() }
  }

  deinit { close() }

  /// Closes, once.
  func close() {
    let open = isOpen.exchange(false, ordering: .relaxed)
    #if canImport(Glibc)
      if open { _ = Glibc.close(socket) }
    #else
      if open { _ = Darwin.close(socket) }
    #endif
  }

  struct WireError: Error {}

  func send(_ text: String) async { await send([UInt8](text.utf8)) }

  /// Sends; a server that closed meanwhile is no error.
  func send(_ bytes: [UInt8]) async {
    // What the connection takes at once goes at once: the threads may all be waiting for answers.
    let sent = put(bytes, from: 0, waits: false)
    if sent < bytes.count { await elsewhere { [self] in _ = put(bytes, from: sent, waits: true) } }
  }

  /// Sends until all is gone, the connection takes no more, or the server closed it; returns how far it came.
  private func put(_ bytes: [UInt8], from start: Int, waits: Bool) -> Int {
    var at = start
    while at < bytes.count {
      let sent = unsafe bytes.withUnsafeBytes { bytes in
        let rest = unsafe bytes.baseAddress.map { unsafe $0 + at }
        // A closed connection must not raise SIGPIPE.
        #if canImport(Glibc)
          return unsafe Glibc.send(socket, rest, bytes.count - at, Int32(MSG_NOSIGNAL) | (waits ? 0 : Int32(MSG_DONTWAIT)))
        #else
          return unsafe Darwin.send(socket, rest, bytes.count - at, waits ? 0 : MSG_DONTWAIT)
        #endif
      }
      if sent <= 0 { break }
      at += sent
    }
    return at
  }

  /// All that comes until the text has what is wanted, or the server closes.
  func read(until wanted: @escaping @Sendable (String) -> Bool = { _ in false }) async -> String {
    await elsewhere { [self] in
      while true {
        let text = String(decoding: buffer.withLock { $0 }, as: UTF8.self)
        if wanted(text) || !receive() { return text }
      }
    }
  }

  /// Forgets what was read.
  func clear() { buffer.withLock { $0 = [] } }

  private func receive() -> Bool {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let got = unsafe chunk.withUnsafeMutableBytes { unsafe recv(socket, $0.baseAddress, $0.count, 0) }
    if got <= 0 { return false }
    buffer.withLock { $0.append(contentsOf: chunk[..<got]) }
    return true
  }

  /// Threads of our own: on Linux those of Dispatch are the ones that tasks run on.
  private static let threads: NIOThreadPool = {
    let threads = NIOThreadPool(numberOfThreads: 64)
    threads.start()
    return threads
  }()

  private func elsewhere<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
    await withCheckedContinuation { continuation in Self.threads.submit { _ in continuation.resume(returning: body()) } }
  }

  /// Sends one request text, and reads until the server closes.
  static func talk(_ port: Int, _ text: String) async throws -> String {
    let wire = try Wire(port)
    await wire.send(text)
    return await wire.read()
  }
}

extension String {
  /// The statuses of the answers in a text that came over a wire.
  var statuses: [Int] {
    split(separator: "HTTP/1.1 ", omittingEmptySubsequences: false).dropFirst().compactMap { Int($0.prefix(3)) }
  }
}
