/// Conditions on the members of an event's top level, all of which must hold. They are matched on the body's bytes: equal values have equal
/// bytes in normal form, so nothing is decoded.
public struct MemberFilter: Sendable {
  private struct Condition {
    /// In quotes, as in a body.
    let name: [UInt8]
    /// The values of which it must have one.
    let values: [[UInt8]]
  }

  private var conditions: [Condition] = []

  /// As many conditions can be asked for.
  public static let conditionsMax = 16

  /// Takes every event.
  public init() {}

  public var isEmpty: Bool { conditions.isEmpty }
  public var count: Int { conditions.count }

  /// Takes only events whose member of this name has one of these values. Each name at most once.
  public mutating func require(_ name: String, oneOf values: [JSON]) {
    conditions.append(Condition(name: JSON(name).bytes, values: values.map(\.bytes)))
  }

  /// Whether a body in normal form has all that is asked for.
  /// - Complexity: O(bytes up to the last member that is asked for).
  public func matches(_ body: RawSpan) -> Bool {
    var left = conditions.count
    var at = 1
    while left > 0, at < body.byteCount, body[at] == UInt8(ascii: "\"") {
      let nameEnd = body.stringEnd(from: at + 1).end + 1
      let end = body.valueEnd(from: nameEnd + 1)
      guard nameEnd + 1 < end else { return false }
      for condition in conditions where body.extracting(at..<nameEnd).equals(condition.name.raw) {
        guard condition.values.contains(where: { body.extracting(nameEnd + 1..<end).equals($0.raw) }) else { return false }
        left -= 1
      }
      at = end + 1
    }
    return left == 0
  }
}
