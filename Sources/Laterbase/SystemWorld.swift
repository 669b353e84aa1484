import EventModel
public import EventStore
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

// `unsafe` in this file: calls of the C library with pointers that live as long as the call.

extension World {
  /// This machine's clock and random source.
  public static let system: World = {
    let source = RandomSource()
    return World(now: wallClock, random: { source.next() })
  }()

  private static func wallClock() -> Instant {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Instant(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }
}

/// The system's random bytes, a block at a time: one call of the kernel costs more than the bytes do. The mutex owns the block.
final class RandomSource: Sendable {
  private struct Block {
    var words = [UInt64](repeating: 0, count: 512)
    var used = 512
  }

  private let block = Mutex(Block())

  /// 64 random bits. About 20 ns.
  func next() -> UInt64 {
    block.withLock { block in
      if block.used == block.words.count {
        unsafe block.words.withUnsafeMutableBytes { unsafe Self.fill($0) }
        block.used = 0
      }
      let word = block.words[block.used]
      // What was handed out is not kept.
      block.words[block.used] = 0
      block.used += 1
      return word
    }
  }

  private static func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    var done = 0
    // No more than 256 bytes at a time, by getentropy(3).
    while done < bytes.count, let start = bytes.baseAddress {
      let count = min(256, bytes.count - done)
      guard unsafe getentropy(start + done, count) == 0 else { preconditionFailure("the system has no random source: \(errno)") }
      done += count
    }
  }
}
