// A sketch within a composed row is a JSON string: its bytes in Z85 (ZeroMQ RFC 32), five characters for four bytes, none of which
// needs an escape. One to three bytes at the end take one character more than they are, as if zeros followed.

extension Encoder {
  /// Encodes the stored bytes of a sketch as a string.
  func encodeSketch(_ sketch: some Compact) throws {
    var bytes: [UInt8] = []
    sketch.write(to: &bytes)
    var container = singleValueContainer()
    try container.encode(Z85.text(bytes))
  }
}

extension Decoder {
  /// Reads what `encodeSketch` wrote: an answer says less.
  func sketch<Sketch: Compact>() throws -> Sketch {
    let container = try singleValueContainer()
    guard var bytes = Z85.bytes(try container.decode(String.self))?[...], let sketch = try? Sketch(from: &bytes), bytes.isEmpty else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "the stored bytes of a sketch were expected")
    }
    return sketch
  }
}

enum Z85 {
  private static let alphabet = [UInt8]("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#".utf8)
  private static let digits: [UInt8] = {
    var digits = [UInt8](repeating: 85, count: 256)
    for (digit, character) in alphabet.enumerated() { digits[Int(character)] = UInt8(digit) }
    return digits
  }()

  static func text(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count / 4 * 5 + 4)
    for start in stride(from: 0, to: bytes.count, by: 4) {
      let taken = min(4, bytes.count - start)
      var word: UInt32 = 0
      for at in start..<start + 4 { word = word << 8 | UInt32(at < bytes.count ? bytes[at] : 0) }
      var power: UInt32 = 85 * 85 * 85 * 85
      for _ in 0...taken {
        text.append(alphabet[Int(word / power % 85)])
        power /= 85
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// - Returns: nil for text that `text` does not write.
  static func bytes(_ string: String) -> [UInt8]? {
    let text = [UInt8](string.utf8)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 5 * 4 + 4)
    for start in stride(from: 0, to: text.count, by: 5) {
      let taken = min(5, text.count - start)
      var word: UInt64 = 0
      for at in start..<start + 5 {
        // The greatest digit stands for those that were left out, so that rounding down gives the bytes.
        let digit = at < text.count ? digits[Int(text[at])] : 84
        guard digit < 85 else { return nil }
        word = word * 85 + UInt64(digit)
      }
      guard taken > 1, word >> 32 == 0 else { return nil }
      for byte in 0..<taken - 1 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(24 - 8 * byte))) }
    }
    return bytes
  }
}
