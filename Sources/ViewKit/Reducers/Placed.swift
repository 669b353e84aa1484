import EventModel

/// A value, and when the event that it comes from happened. In JSON, always, `[value, id, digest]`.
struct Placed<Value: Codable & Sendable>: Codable, Sendable {
  let value: Value
  let when: Happened

  init(_ value: Value, _ when: Happened) { (self.value, self.when) = (value, when) }

  init(from decoder: any Decoder) throws {
    var container = try decoder.unkeyedContainer()
    value = try container.decode(Value.self)
    when = Happened(id: try container.decode(ULID.self), digest: try container.decode(UInt128.self))
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.unkeyedContainer()
    try container.encode(value)
    try container.encode(when.id)
    try container.encode(when.digest)
  }
}

extension Placed: Equatable where Value: Equatable {}
extension Placed: Hashable where Value: Hashable {}

extension Placed: Compact where Value: Compact {
  func write(to bytes: inout [UInt8]) {
    when.write(to: &bytes)
    value.write(to: &bytes)
  }
  init(from bytes: inout ArraySlice<UInt8>) throws {
    when = try Happened(from: &bytes)
    value = try Value(from: &bytes)
  }
}

extension Array {
  /// The first `limit` elements of two sorted arrays. An element of the second comes before one of the first only where `precedes` says
  /// so: of equals those of this array are first.
  func merged(_ other: [Element], limit: Int, _ precedes: (Element, Element) -> Bool) -> [Element] {
    var merged: [Element] = []
    merged.reserveCapacity(Swift.min(count + other.count, Swift.max(limit, 0)))
    var (i, j) = (0, 0)
    while merged.count < limit, i < count || j < other.count {
      if j == other.count || i < count && !precedes(other[j], self[i]) {
        merged.append(self[i])
        i += 1
      } else {
        merged.append(other[j])
        j += 1
      }
    }
    return merged
  }
}

extension Array where Element: Compact {
  /// Appends how many there are, and each.
  func writeAll(to bytes: inout [UInt8]) {
    bytes.appendVariable(UInt128(count))
    for element in self { element.write(to: &bytes) }
  }

  init(takingAll bytes: inout ArraySlice<UInt8>) throws {
    self = []
    for _ in 0..<(try bytes.takeVariable()) { append(try Element(from: &bytes)) }
  }
}
