import EventModel
import EventStore
import Synchronization

@testable import Laterbase

/// A random source that gives the same numbers for the same seed (SplitMix64).
struct Seeded: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}

extension World {
  /// A world whose clock stands still and whose numbers come from a seed.
  static func still(at instant: Instant = .noon, seed: UInt64 = 1) -> World {
    let random = Mutex(Seeded(seed))
    return World(now: { instant }, random: { random.withLock { $0.next() } })
  }
}

extension Instant {
  /// 2026-03-01T12:00:00Z.
  static let noon = Instant(milliseconds: 1_772_366_400_000)
}

extension [UInt8] {
  init(_ text: String) { self = Array(text.utf8) }
  var text: String { String(decoding: self, as: UTF8.self) }
}

extension Draft {
  var bodies: [String] {
    items.map { item in
      switch item.source {
      case .input: [UInt8](input[item.range]).text
      case .output: [UInt8](output[item.range]).text
      }
    }
  }
}
