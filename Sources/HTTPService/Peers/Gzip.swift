import CZlib
import EventModel

// `unsafe` in this file: calls of zlib, with pointers that live as long as the call, and a stream that stays where it was allocated, because
// zlib keeps its address.

/// Compresses one body with gzip (RFC 1952), piece by piece: what came goes out behind each piece.
@safe final class Gzip: @unchecked Sendable {
  // Sendable: one task uses it, a piece after the other.
  private let stream: UnsafeMutablePointer<z_stream>

  /// Records are JSON and hashes: more effort than zlib's least costs twice the time and saves a tenth.
  private static let level: Int32 = 1
  private static let roomBytes = 128 << 10

  init() {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    let begun = unsafe czlib_begin_deflate(stream, Self.level)
    precondition(begun == Z_OK, "zlib has no memory")
  }

  deinit {
    unsafe deflateEnd(stream)
    unsafe stream.deallocate()
  }

  /// What a piece comes to; with the last one, the body's end.
  func add(_ bytes: [UInt8], isLast: Bool = false) -> [UInt8] {
    var output: [UInt8] = []
    unsafe bytes.withUnsafeBufferPointer { input in
      unsafe stream.pointee.next_in = unsafe UnsafeMutablePointer(mutating: input.baseAddress)
      unsafe stream.pointee.avail_in = UInt32(input.count)
      repeat {
        unsafe output += [UInt8](unsafeUninitializedCapacity: Self.roomBytes) { room, count in
          unsafe stream.pointee.next_out = room.baseAddress
          unsafe stream.pointee.avail_out = UInt32(room.count)
          _ = unsafe deflate(stream, isLast ? Z_FINISH : Z_SYNC_FLUSH)
          count = unsafe room.count - Int(stream.pointee.avail_out)
        }
      } while unsafe stream.pointee.avail_out == 0
      unsafe stream.pointee.next_in = nil
    }
    return output
  }
}

/// Reads a body that was compressed with gzip, as it comes. What a few bytes come to may be huge: it is handed out in pieces.
@safe final class Gunzip: @unchecked Sendable {
  // Sendable: one task uses it, a piece after the other.
  private let stream: UnsafeMutablePointer<z_stream>
  /// Whether the body's end came, and its checksum was right.
  private(set) var isAtEnd = false

  struct Malformed: Error {}

  private static let roomBytes = 128 << 10

  init() {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    let begun = unsafe czlib_begin_inflate(stream)
    precondition(begun == Z_OK, "zlib has no memory")
  }

  deinit {
    unsafe inflateEnd(stream)
    unsafe stream.deallocate()
  }

  /// Takes a piece.
  /// - Parameter next: called with what it comes to, a part at a time.
  /// - Throws: `Malformed` if it isn't gzip, or bytes follow its end; what `next` throws.
  func add(_ bytes: [UInt8], _ next: ([UInt8]) throws -> Void) throws {
    if bytes.isEmpty { return }
    if isAtEnd { throw Malformed() }
    try unsafe bytes.withUnsafeBufferPointer { input in
      unsafe stream.pointee.next_in = unsafe UnsafeMutablePointer(mutating: input.baseAddress)
      unsafe stream.pointee.avail_in = UInt32(input.count)
      defer { unsafe stream.pointee.next_in = nil }
      var isMore = true
      while isMore {
        let (output, outcome) = inflateSome()
        guard outcome == Z_OK || outcome == Z_STREAM_END || outcome == Z_BUF_ERROR else { throw Malformed() }
        isAtEnd = outcome == Z_STREAM_END
        if !output.isEmpty { try next(output) }
        let left = unsafe stream.pointee.avail_in
        if isAtEnd, left > 0 { throw Malformed() }
        // Without progress it waits for the next piece.
        isMore = unsafe !isAtEnd && outcome == Z_OK && (left > 0 || stream.pointee.avail_out == 0)
      }
    }
  }

  private func inflateSome() -> ([UInt8], Int32) {
    var outcome = Z_OK
    let output = unsafe [UInt8](unsafeUninitializedCapacity: Self.roomBytes) { room, count in
      unsafe stream.pointee.next_out = room.baseAddress
      unsafe stream.pointee.avail_out = UInt32(room.count)
      outcome = unsafe inflate(stream, Z_NO_FLUSH)
      count = unsafe room.count - Int(stream.pointee.avail_out)
      unsafe stream.pointee.next_out = nil
    }
    return (output, outcome)
  }
}
