/// The token: how a clock travels in a URL, a header or JSON.
///
/// base64url without `=` of: version 1 (1 byte) ‖ count (LEB128) ‖ entries by rising origin: origin (8), n ≥ 1 (LEB128), digest (8) ‖
/// CRC32C of all before (4). LEB128 unsigned, shortest form; at most 1 MiB of bytes. Any other form is refused: a token has one text.
extension Clock {
  public static let tokenBytesMax = 1 << 20

  /// The clock as a token.
  public var token: String { Base64URL.encode(tokenBytes.raw) }

  /// Appends the token.
  public func write(to text: inout [UInt8]) { Base64URL.write(tokenBytes.raw, to: &text) }

  /// The bytes behind the token.
  public var tokenBytes: [UInt8] {
    var bytes: [UInt8] = [1]
    bytes.reserveCapacity(8 + entries.count * 20)
    bytes.append(leb128: UInt64(entries.count))
    for entry in entries {
      bytes.appendBigEndian(entry.origin.value)
      bytes.append(leb128: entry.n)
      bytes.appendBigEndian(entry.digest)
    }
    bytes.appendBigEndian(CRC32C.checksum(bytes.raw))
    return bytes
  }

  /// Reads a token.
  /// - Returns: nil for any but the one form of a clock.
  public init?(token: String) {
    guard token.utf8.count <= Self.tokenBytesMax * 4 / 3 + 4, let bytes = Base64URL.decode([UInt8](token.utf8).raw) else { return nil }
    self.init(tokenBytes: bytes.raw)
  }

  /// Reads the bytes behind a token.
  public init?(tokenBytes bytes: RawSpan) {
    guard bytes.byteCount >= 6, bytes.byteCount <= Self.tokenBytesMax, bytes[0] == 1 else { return nil }
    let end = bytes.byteCount - 4
    guard CRC32C.checksum(bytes.extracting(first: end)) == bytes.bigEndian(at: end, as: UInt32.self) else { return nil }
    var at = 1
    guard let count = bytes.leb128(at: &at, end: end), count <= UInt64(end) / 17 else { return nil }
    var entries: [Entry] = []
    entries.reserveCapacity(Int(count))
    for _ in 0..<count {
      guard at + 8 <= end else { return nil }
      let origin = Origin(value: bytes.bigEndian(at: at))
      at += 8
      guard let n = bytes.leb128(at: &at, end: end), n >= 1, at + 8 <= end else { return nil }
      if let last = entries.last, last.origin >= origin { return nil }
      entries.append(Entry(origin: origin, n: n, digest: bytes.bigEndian(at: at)))
      at += 8
    }
    guard at == end else { return nil }
    self.init(rising: entries)
  }
}

extension [UInt8] {
  /// Appends an unsigned LEB128, shortest form.
  public mutating func append(leb128 value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }
}

extension RawSpan {
  /// Reads an unsigned LEB128 in shortest form that ends before `end`, and moves `at` behind it.
  public func leb128(at: inout Int, end: Int) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while at < end, shift < 64 {
      let byte = self[at]
      at += 1
      if shift == 63, byte > 1 { return nil }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return byte == 0 && shift > 0 ? nil : value }
      shift += 7
    }
    return nil
  }
}

/// base64url without padding (RFC 4648, section 5), strict: unused bits must be zero.
public enum Base64URL {
  private static let alphabet = [UInt8]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
    return values
  }()

  public static func encode(_ bytes: RawSpan) -> String {
    var text: [UInt8] = []
    write(bytes, to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends the text of the bytes.
  static func write(_ bytes: RawSpan, to text: inout [UInt8]) {
    text.reserveCapacity(text.count + (bytes.byteCount * 4 + 2) / 3)
    let alphabet = alphabet
    var buffer: UInt32 = 0
    var bits = 0
    for i in 0..<bytes.byteCount {
      buffer = buffer << 8 | UInt32(bytes[i])
      bits += 8
      while bits >= 6 {
        bits -= 6
        text.append(alphabet[Int(buffer >> UInt32(bits) & 63)])
      }
    }
    if bits > 0 { text.append(alphabet[Int(buffer << UInt32(6 - bits) & 63)]) }
  }

  public static func decode(_ text: RawSpan) -> [UInt8]? {
    guard text.byteCount % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.byteCount * 3 / 4)
    var buffer: UInt32 = 0
    var bits = 0
    for i in 0..<text.byteCount {
      let value = values[Int(text[i])]
      guard value < 64 else { return nil }
      buffer = buffer << 6 | UInt32(value)
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
      }
    }
    return buffer & (1 << UInt32(bits) - 1) == 0 ? bytes : nil
  }
}
