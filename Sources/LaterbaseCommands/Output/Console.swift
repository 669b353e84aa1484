#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The two streams of a command: data goes to stdout, messages and progress to stderr.
///
/// Written with write(2), so what was said is out when a call returns, whatever happens to the process then.
/// `unsafe` is the C call, which is handed a buffer of the array that outlives it.
struct Console: Sendable {
  /// Whether a person looks at stdout, or at stderr.
  var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
  var notesAreOnTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Writes data. A reader that has gone (`| head`) is a `Failure` without words.
  func write(_ bytes: [UInt8]) throws(Failure) { try Self.write(bytes, to: STDOUT_FILENO) }

  /// Writes one line of data.
  func print(_ line: String) throws(Failure) { try write(Array(line.utf8) + [0x0A]) }

  /// Says something to the person: one line on stderr. There is no one to tell if that fails.
  func note(_ line: String) { try? Self.write(Array(line.utf8) + [0x0A], to: STDERR_FILENO) }

  /// Replaces the line on which the cursor of stderr's terminal stands.
  func redraw(_ line: String) { try? Self.write(Array("\r\u{1B}[K\(line)".utf8), to: STDERR_FILENO) }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) throws(Failure) {
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        #if canImport(Glibc)
          unsafe Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: buffer[done...]).baseAddress, buffer.count - done)
        #else
          unsafe Darwin.write(descriptor, UnsafeRawBufferPointer(rebasing: buffer[done...]).baseAddress, buffer.count - done)
        #endif
      }
      if count >= 0 {
        done += count
      } else if errno == EPIPE {
        throw Failure(code: 0, message: "")
      } else if errno != EINTR {
        throw .failed("cannot write to descriptor \(descriptor): error \(errno)")
      }
    }
  }
}
