// Reading JSON a word at a time. A scan looks at eight bytes at once for the few that matter inside a string: the quote, the backslash,
// control characters and whatever is not ASCII (SIMD within a register; the idea of finding a zero byte is Mycroft's, 1987).
//
// Invariant: every load is checked against the span's bounds; `unsafe` marks only that a load ignores types, which is harmless for
// integers, as they have no invalid bit pattern.

extension RawSpan {
  /// The eight bytes at `offset`, the first in the lowest bits. Traps outside the span.
  @inline(__always) func word(at offset: Int) -> UInt64 {
    precondition(offset >= 0 && offset &+ 8 <= byteCount)
    return unsafe UInt64(littleEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
  }

  /// Up to eight bytes from `offset`, the first in the highest bits, zeros after them. Traps outside the span.
  @inline(__always) func prefix(at offset: Int, count: Int) -> UInt64 {
    if offset &+ 8 <= byteCount {
      let word = bigEndian(at: offset, as: UInt64.self)
      return count >= 8 ? word : word & ~(UInt64.max >> UInt64(8 * count))
    }
    var word: UInt64 = 0
    for i in 0..<Swift.min(count, 8) { word |= UInt64(self[offset + i]) << UInt64(56 - 8 * i) }
    return word
  }

  /// Where the first byte from `offset` on stands that is not plain inside a string, or the end of the span.
  /// Plain are the ASCII characters that are neither a control, a quote, nor a backslash.
  @inline(__always) package func skipPlain(from offset: Int) -> Int {
    precondition(offset >= 0)
    var at = offset
    while at &+ 16 <= byteCount, Self.special(in: word(at: at)) | Self.special(in: word(at: at &+ 8)) == 0 { at &+= 16 }
    while at &+ 8 <= byteCount {
      let special = Self.special(in: word(at: at))
      if special != 0 { return at &+ special.trailingZeroBitCount >> 3 }
      at &+= 8
    }
    while at < byteCount, Self.isPlain(self[at]) { at &+= 1 }
    return at
  }

  /// Bit 7 of each byte that is not plain; above the lowest one also of bytes that are.
  @inline(__always) static func special(in word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    // Exchanging 0x20…0x23 in pairs brings the quote below 0x21 and the space above it, so one comparison finds both kinds.
    let controlOrQuote = (word ^ ones &* 2) &- ones &* 0x21
    let backslash = (word ^ ones &* 0x5C) &- ones
    return (controlOrQuote | backslash | word) & (ones &* 0x80)
  }

  @inline(__always) static func isPlain(_ byte: UInt8) -> Bool { byte >= 0x20 && byte < 0x80 && byte != 0x22 && byte != 0x5C }

  /// The offset of the first byte from `offset` on that is no JSON whitespace, or the end of the span.
  func skipWhitespace(from offset: Int) -> Int {
    var at = offset
    while at < byteCount {
      switch self[at] {
      case 0x20, 0x09, 0x0A, 0x0D: at &+= 1
      default: return at
      }
    }
    return at
  }

  /// Goes past one character of UTF-8 beyond ASCII, whose first byte is at `offset`.
  /// - Throws: `.notUTF8` for overlong forms, surrogates, code points past U+10FFFF, and stray or missing bytes.
  func skipUTF8(at offset: Int) throws(JSONError) -> Int {
    func follows(_ distance: Int, _ low: UInt8 = 0x80, _ high: UInt8 = 0xBF) -> Bool {
      let at = offset &+ distance
      return at < byteCount && self[at] >= low && self[at] <= high
    }
    // Table 3-7 of the Unicode Standard, "Well-Formed UTF-8 Byte Sequences".
    switch self[offset] {
    case 0xC2...0xDF: if follows(1) { return offset &+ 2 }
    case 0xE0: if follows(1, 0xA0), follows(2) { return offset &+ 3 }
    case 0xED: if follows(1, 0x80, 0x9F), follows(2) { return offset &+ 3 }
    case 0xE1...0xEF: if follows(1), follows(2) { return offset &+ 3 }
    case 0xF0: if follows(1, 0x90), follows(2), follows(3) { return offset &+ 4 }
    case 0xF1...0xF3: if follows(1), follows(2), follows(3) { return offset &+ 4 }
    case 0xF4: if follows(1, 0x80, 0x8F), follows(2), follows(3) { return offset &+ 4 }
    default: break
    }
    throw JSONError(.notUTF8, at: offset)
  }
}
