/// A hybrid logical clock: when a record was *made*, close to wall time, and rising along every chain of cause.
///
/// | bits | |
/// | --- | --- |
/// | 63…16 | milliseconds since 1970 |
/// | 15…0 | counter within the millisecond |
///
/// The counter overflows into the millisecond, so a clock never wraps and never stands still.
/// Source: Kulkarni et al., "Logical Physical Clocks", OPODIS 2014; the two parts are one integer here.
public struct HLC: Hashable, Comparable, Sendable {
  public let value: UInt64

  public init(value: UInt64) { self.value = value }
  public init(_ instant: Instant, counter: UInt16 = 0) {
    value = UInt64(bitPattern: max(0, instant.milliseconds)) << 16 | UInt64(counter)
  }

  public static let zero = HLC(value: 0)
  public var at: Instant { Instant(milliseconds: Int64(value >> 16)) }
  public var counter: UInt16 { UInt16(truncatingIfNeeded: value) }

  public static func < (a: HLC, b: HLC) -> Bool { a.value < b.value }

  /// The clock of the next record made here: above this one, and not below the wall.
  public func ticked(wall: Instant) -> HLC { max(HLC(wall), HLC(value: value + 1)) }

  /// This clock after a record with clock `other` arrived. One more than `driftMaxMilliseconds` ahead of the wall moves nothing:
  /// the clock is bounded, never the data.
  public func observing(_ other: HLC, wall: Instant, driftMaxMilliseconds: Int64) -> HLC {
    other.isSuspect(wall: wall, driftMaxMilliseconds: driftMaxMilliseconds) ? self : max(self, other)
  }

  /// Whether the clock is ahead of the wall by more than the bound. Computed when asked: it passes with time.
  public func isSuspect(wall: Instant, driftMaxMilliseconds: Int64) -> Bool {
    at.milliseconds > wall.milliseconds + driftMaxMilliseconds
  }
}

extension HLC: CustomStringConvertible {
  /// `2026-03-01T12:00:00.123Z/7`.
  public var description: String {
    var bytes: [UInt8] = []
    write(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends `2026-03-01T12:00:00.123Z/7`.
  public func write(to bytes: inout [UInt8]) {
    at.write(to: &bytes)
    bytes.append(UInt8(ascii: "/"))
    bytes.append(decimal: UInt64(counter))
  }
}

extension [UInt8] {
  /// Appends an integer in decimal.
  public mutating func append(decimal value: UInt64) {
    if value < 10 { return append(UInt8(0x30 + value)) }
    var power: UInt64 = 10
    while value / power >= 10 { power *= 10 }
    while power > 0 {
      append(UInt8(0x30 + value / power % 10))
      power /= 10
    }
  }
}
