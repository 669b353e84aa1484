import EventStore

/// How long to wait after failures: 0.1 s, doubling to 3 s, with jitter, so that many who lost one peer don't come back together.
struct Backoff: Sendable {
  private var delayMilliseconds: Int64 = 0
  /// Nothing succeeded or failed yet.
  private(set) var isFirst = true
  var isFailing: Bool { delayMilliseconds > 0 }

  mutating func succeeded() { (delayMilliseconds, isFirst) = (0, false) }

  mutating func failed() { (delayMilliseconds, isFirst) = (min(max(100, delayMilliseconds * 2), 3000), true) }

  /// Nil while nothing failed. Between half of the delay and all of it.
  func pause(_ world: World) -> Duration? {
    guard delayMilliseconds > 0 else { return nil }
    let half = UInt64(delayMilliseconds / 2)
    return .milliseconds(Int64(half + world.random() % (half + 1)))
  }
}
