/// The identity under which one node appends to one database: 64 random bits, never shared by two nodes.
/// Text: 13 characters of Crockford's base32, the first at most `F`.
public struct Origin: Hashable, Comparable, Sendable {
  public let value: UInt64

  public init(value: UInt64) { self.value = value }

  public init?(text: RawSpan) {
    guard let value = Crockford.read(text, digits: 13, firstMax: 15) else { return nil }
    self.init(value: UInt64(truncatingIfNeeded: value))
  }

  public init?(_ text: String) { self.init(text: [UInt8](text.utf8).raw) }

  public static func < (a: Origin, b: Origin) -> Bool { a.value < b.value }

  /// Appends the 13 characters.
  public func write(to bytes: inout [UInt8]) { Crockford.write(UInt128(value), digits: 13, to: &bytes) }
}

extension Origin: CustomStringConvertible {
  public var description: String {
    var bytes: [UInt8] = []
    write(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// The n-th record of an origin, n = 1, 2, 3 … with no hole.
public struct Dot: Hashable, Comparable, Sendable {
  public let origin: Origin
  public let n: UInt64

  public init(origin: Origin, n: UInt64) {
    self.origin = origin
    self.n = n
  }

  public static func < (a: Dot, b: Dot) -> Bool { a.origin == b.origin ? a.n < b.n : a.origin < b.origin }
}
