import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The bytes of stdin, or of files one after the other, in chunks, cut into the bodies of requests: one ends where the input stands still
/// behind a whole line, so that what slowly comes is recorded soon, and no server waits for it. A file's last line gets a newline if it has
/// none.
///
/// Reads block, so they run on NIO's pool of threads. `unsafe` is poll(2), and read(2) into a buffer that outlives the call.
actor InputChunks {
  /// How long the input may stand still in the middle of a request.
  private static let idleMilliseconds: Int32 = 500
  private static let chunkBytes = 256 << 10

  private var left: ArraySlice<String>
  private var file: (path: String, descriptor: Int32)?
  private var endsInNewline = true
  private var isAsked = false

  /// - Parameter paths: files; `-` is stdin.
  init(paths: [String]) { left = paths[...] }

  /// The next request's body: waits for its first bytes; nil at the end of the input, but that an empty input is one empty body.
  func body() async throws(Failure) -> Body? {
    defer { isAsked = true }
    let first = try await next(waits: true)
    return first == nil && isAsked ? nil : Body(first: first, input: self)
  }

  /// A request's body, to be read once.
  struct Body: AsyncSequence, Sendable {
    fileprivate let first: ByteBuffer?
    fileprivate let input: InputChunks

    func makeAsyncIterator() -> Iterator { Iterator(first: first, input: input) }

    struct Iterator: AsyncIteratorProtocol {
      fileprivate var first: ByteBuffer?
      fileprivate let input: InputChunks

      mutating func next() async throws -> ByteBuffer? {
        if let first = first.take() { return first }
        return try await input.next(waits: false)
      }
    }
  }

  /// - Parameter waits: whether to wait for bytes behind a whole line.
  private func next(waits: Bool) async throws(Failure) -> ByteBuffer? {
    while true {
      if file == nil {
        guard let path = left.popFirst() else { return nil }
        file = (path, try Self.open(path))
      }
      guard let (path, descriptor) = file else { return nil }
      let idle = waits || !endsInNewline ? -1 : Self.idleMilliseconds
      guard let chunk = try await Self.elsewhere({ () throws(Failure) in try Self.read(path, descriptor, idle) }) else { return nil }
      if let last = chunk.last {
        endsInNewline = last == UInt8(ascii: "\n")
        return ByteBuffer(bytes: chunk)
      }
      if descriptor != STDIN_FILENO { _ = close(descriptor) }
      file = nil
      if !endsInNewline {
        endsInNewline = true
        return ByteBuffer(bytes: [UInt8(ascii: "\n")])
      }
    }
  }

  private static func elsewhere<R: Sendable>(_ work: @escaping @Sendable () throws(Failure) -> R) async throws(Failure) -> R {
    do { return try await NIOThreadPool.singleton.runIfActive { try work() } } catch {
      throw error as? Failure ?? .failed("the input cannot be read")
    }
  }

  private static func open(_ path: String) throws(Failure) -> Int32 {
    if path == "-" { return STDIN_FILENO }
    #if canImport(Glibc)
      let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
    #else
      let descriptor = unsafe Darwin.open(path, O_RDONLY | O_CLOEXEC)
    #endif
    if descriptor < 0 { throw .failed("\(path): \(errno == ENOENT ? "there is no such file" : "cannot be read")") }
    return descriptor
  }

  /// The next bytes; none at the end, nil if the input stood still for `idle` milliseconds (-1: it may for ever).
  private static func read(_ path: String, _ descriptor: Int32, _ idle: Int32) throws(Failure) -> [UInt8]? {
    var asked = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    if unsafe poll(&asked, 1, idle) == 0 { return nil }
    var failed = false
    let chunk = unsafe [UInt8](unsafeUninitializedCapacity: chunkBytes) { buffer, count in
      var got = -1
      repeat {
        #if canImport(Glibc)
          got = unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        #else
          got = unsafe Darwin.read(descriptor, buffer.baseAddress, buffer.count)
        #endif
      } while got < 0 && errno == EINTR
      failed = got < 0
      count = Swift.max(got, 0)
    }
    if failed { throw .failed("\(path): cannot be read") }
    return chunk
  }
}
