/// How many rows a key has; in JSON a number.
public struct Count: Reducible, Compact, Hashable {
  public static let commutative = true
  public let count: Int

  public init(_ count: Int = 1) { self.count = count }

  public func joined(_ later: Count) -> Count { Count(count &+ later.count) }

  public init(from decoder: any Decoder) throws { count = try decoder.singleValueContainer().decode(Int.self) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(count)
  }

  public func write(to bytes: inout [UInt8]) { bytes.appendSigned(count) }
  public init(from bytes: inout ArraySlice<UInt8>) throws { count = try bytes.takeSigned() }
}
