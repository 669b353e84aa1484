/// The identity of an event: when it *happened*, and 80 bits that set it apart.
///
/// | bits | |
/// | --- | --- |
/// | 127…80 | milliseconds since 1970 of when the event happened |
/// | 79…0 | random, or from an external key, or counting up within a request |
///
/// Ordered as integers, so by time of happening first; its 16 bytes big-endian and its text sort the same way.
/// Text: 26 characters of Crockford's base32. Source: github.com/ulid/spec.
public struct ULID: Hashable, Comparable, Sendable {
  public let value: UInt128

  public init(value: UInt128) { self.value = value }

  /// - Parameter low80: the 80 low bits; higher ones are cut.
  public init(at instant: Instant, low80: UInt128) {
    value = UInt128(UInt64(bitPattern: instant.milliseconds)) << 80 | (low80 & Self.low80Mask)
  }

  public static let low80Mask: UInt128 = (1 << 80) - 1
  /// The bit that random numbers leave clear, so that counting up within a request can't reach the time.
  public static let topRandomBit: UInt128 = 1 << 79

  /// When the event happened.
  public var at: Instant { Instant(milliseconds: Int64(UInt64(truncatingIfNeeded: value >> 80))) }
  public var low80: UInt128 { value & Self.low80Mask }

  public static func < (a: ULID, b: ULID) -> Bool { a.value < b.value }
}

extension ULID {
  /// Reads 26 characters of Crockford's base32, the first at most `7`.
  public init?(text: RawSpan) {
    guard let value = Crockford.read(text, digits: 26, firstMax: 7) else { return nil }
    self.init(value: value)
  }

  public init?(_ text: String) { self.init(text: [UInt8](text.utf8).raw) }

  /// Reads a UUID of version 7 (RFC 9562): 36 characters, variant 10; its 128 bits are the ULID.
  public init?(uuidV7 text: RawSpan) {
    guard text.byteCount == 36 else { return nil }
    var value: UInt128 = 0
    for i in 0..<36 {
      let byte = text[i]
      if i == 8 || i == 13 || i == 18 || i == 23 {
        guard byte == UInt8(ascii: "-") else { return nil }
        continue
      }
      let nibble: UInt8
      switch byte {
      case 0x30...0x39: nibble = byte - 0x30
      case 0x41...0x46: nibble = byte - 0x37
      case 0x61...0x66: nibble = byte - 0x57
      default: return nil
      }
      value = value << 4 | UInt128(nibble)
    }
    guard value >> 76 & 0xF == 7, value >> 62 & 3 == 2 else { return nil }
    self.init(value: value)
  }

  /// Appends the 26 characters.
  public func write(to bytes: inout [UInt8]) { Crockford.write(value, digits: 26, to: &bytes) }
}

extension ULID: CustomStringConvertible {
  public var description: String {
    var bytes: [UInt8] = []
    write(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// In JSON, a ULID is its text.
extension ULID: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let ulid = ULID(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a ULID")
    }
    self = ulid
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
