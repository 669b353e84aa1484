internal import EventModel

/// The sum of the 32-byte `ids` keys as big-endian integers mod 2²⁵⁶: equal sets have equal sums, in whatever order they grew.
public struct AuditSum: Hashable, Sendable {
  /// Most significant word first.
  public private(set) var high: UInt128
  public private(set) var low: UInt128

  public init(high: UInt128 = 0, low: UInt128 = 0) {
    self.high = high
    self.low = low
  }

  /// Adds an element; adding commutes and associates.
  public mutating func add(_ id: ElementID) {
    let (sum, carry) = low.addingReportingOverflow(id.digest)
    low = sum
    high = high &+ id.ulid.value &+ (carry ? 1 : 0)
  }

  /// Takes away an element that was added.
  mutating func subtract(_ id: ElementID) {
    let (difference, borrow) = low.subtractingReportingOverflow(id.digest)
    low = difference
    high = high &- id.ulid.value &- (borrow ? 1 : 0)
  }
}
