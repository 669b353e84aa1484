import EventModel
import EventStore
import StoreConformance
import Synchronization

@testable import Laterbase

extension World {
  /// A world whose clock stands still and whose numbers come from a seed.
  static func still(at instant: Instant = .noon, seed: UInt64 = 1) -> World {
    let random = Mutex(SeededRandom(seed: seed))
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
