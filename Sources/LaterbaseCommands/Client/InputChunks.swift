import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The bytes of stdin, or of files one after the other, in chunks. A file's last line gets a newline if it has none.
///
/// Reads block, so they run on NIO's pool of threads. `unsafe` is read(2) into a buffer that outlives the call.
struct InputChunks: AsyncSequence, Sendable {
  /// Paths; `-` is stdin.
  let paths: [String]

  private static let chunkBytes = 256 << 10

  func makeAsyncIterator() -> Iterator { Iterator(paths: paths) }

  struct Iterator: AsyncIteratorProtocol {
    private var left: ArraySlice<String>
    private var file: (path: String, descriptor: Int32)?
    private var endsInNewline = true

    init(paths: [String]) { left = paths[...] }

    mutating func next() async throws -> ByteBuffer? {
      while true {
        if file == nil {
          guard let path = left.popFirst() else { return nil }
          file = (path, try Self.open(path))
        }
        guard let (path, descriptor) = file else { return nil }
        let chunk = try await NIOThreadPool.singleton.runIfActive { try Self.read(path, descriptor) }
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

    private static func read(_ path: String, _ descriptor: Int32) throws(Failure) -> [UInt8] {
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
}
