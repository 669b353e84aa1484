public import EventModel

/// What a view's rows are grouped and sorted by. Its bytes sort null < false < true < numbers by value < strings by UTF-8 < arrays, and
/// a URL's JSON gives the same bytes. At most 480 bytes; an event whose key is longer is skipped.
///
/// Its `Codable` form must be the JSON that `encode` says. An enum of strings or integers needs only to name the protocol.
public protocol ViewKey: Codable, Hashable, Sendable {
  func encode(into bytes: inout KeyBytes)
}

extension ViewKey where Self: RawRepresentable, RawValue: ViewKey {
  public func encode(into bytes: inout KeyBytes) { rawValue.encode(into: &bytes) }
}

extension ViewKey where Self: FixedWidthInteger {
  public func encode(into bytes: inout KeyBytes) { bytes.append(self) }
}

extension Int: ViewKey {}
extension Int32: ViewKey {}
extension Int64: ViewKey {}
extension UInt: ViewKey {}
extension UInt32: ViewKey {}
extension UInt64: ViewKey {}

extension Double: ViewKey {
  public func encode(into bytes: inout KeyBytes) { bytes.append(self) }
}

extension Bool: ViewKey {
  public func encode(into bytes: inout KeyBytes) { bytes.append(self) }
}

extension String: ViewKey {
  public func encode(into bytes: inout KeyBytes) { bytes.append(self) }
}

/// Its text, so sorted by time.
extension Instant: ViewKey {
  public func encode(into bytes: inout KeyBytes) { bytes.append(description) }
}

/// Its text, so sorted by time of happening.
extension ULID: ViewKey {
  public func encode(into bytes: inout KeyBytes) { bytes.append(description) }
}

extension Optional: ViewKey where Wrapped: ViewKey {
  public func encode(into bytes: inout KeyBytes) {
    if let self { self.encode(into: &bytes) } else { bytes.appendNull() }
  }
}

extension Array: ViewKey where Element: ViewKey {
  public func encode(into bytes: inout KeyBytes) {
    bytes.appendArray { bytes in
      for element in self { element.encode(into: &bytes) }
    }
  }
}

/// Any JSON but objects.
extension JSON: ViewKey {
  public func encode(into bytes: inout KeyBytes) { bytes.append(self) }
}

/// A compound key, in JSON an array: `startkey=["HAM"]`, `group_level=1`.
public struct Key<each Part: ViewKey>: ViewKey {
  public let parts: (repeat each Part)

  public init(_ parts: repeat each Part) { self.parts = (repeat each parts) }

  public func encode(into bytes: inout KeyBytes) {
    bytes.openArray()
    for part in repeat each parts { part.encode(into: &bytes) }
    bytes.closeArray()
  }

  public static func == (a: Key, b: Key) -> Bool {
    for (left, right) in repeat (each a.parts, each b.parts) {
      guard left == right else { return false }
    }
    return true
  }

  public func hash(into hasher: inout Hasher) {
    for part in repeat each parts { part.hash(into: &hasher) }
  }

  public init(from decoder: any Decoder) throws {
    var container = try decoder.unkeyedContainer()
    self.init(repeat try container.decode((each Part).self))
    guard container.isAtEnd else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "a key of fewer parts was expected")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.unkeyedContainer()
    for part in repeat each parts { try container.encode(part) }
  }
}
