public import EventModel

/// What the store knows of the world outside: a wall clock and a random source. Injected, so that a simulation can replace both.
public struct World: Sendable {
  /// The wall clock.
  public let now: @Sendable () -> Instant
  /// 64 random bits.
  public let random: @Sendable () -> UInt64

  public init(now: @escaping @Sendable () -> Instant, random: @escaping @Sendable () -> UInt64) {
    self.now = now
    self.random = random
  }

  /// 128 random bits.
  public func random128() -> UInt128 { UInt128(random()) << 64 | UInt128(random()) }
}
