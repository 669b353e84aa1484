/// Walking over JSON in normal form: no whitespace, escapes only `\b \t \n \f \r \" \\ \u00xx`. Nothing is validated here, that was done
/// when the bytes were put into normal form; bytes of any other kind give a wrong answer but never a load outside of the span.

extension RawSpan {
  /// The offset of the quote that ends a string, and whether an escape lies before it.
  ///
  /// - Parameter start: the offset after the opening quote.
  /// - Returns: the end of the span, if no quote follows.
  /// - Complexity: O(length), eight bytes a step.
  func stringEnd(from start: Int) -> (end: Int, escaped: Bool) {
    // Unsafe loads: eight bytes at an offset that was checked to leave as many.
    unsafe withUnsafeBytes { bytes in
      let ones: UInt64 = 0x0101_0101_0101_0101
      let highs: UInt64 = 0x8080_8080_8080_8080
      var at = start
      var escaped = false
      while at < bytes.count {
        if at + 8 <= bytes.count {
          let word = unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
          let quotes = word ^ (ones &* 0x22)
          let escapes = word ^ (ones &* 0x5C)
          // The lowest high bit set is exact: a borrow only runs upwards.
          let found = ((quotes &- ones) & ~quotes | (escapes &- ones) & ~escapes) & highs
          if found == 0 {
            at += 8
            continue
          }
          at += found.trailingZeroBitCount / 8
        }
        switch unsafe bytes[at] {
        case UInt8(ascii: "\""): return (at, escaped)
        case UInt8(ascii: "\\"):
          escaped = true
          at += 2
        default: at += 1
        }
      }
      return (bytes.count, escaped)
    }
  }

  /// The offset after the value that begins at `start`.
  ///
  /// - Complexity: O(length of the value).
  func valueEnd(from start: Int) -> Int { value(from: start).end }

  /// The offset after the value that begins at `start`, and whether it is a string with an escape.
  ///
  /// - Complexity: O(length of the value).
  func value(from start: Int) -> (end: Int, escaped: Bool) {
    guard start < byteCount, self[start] == UInt8(ascii: "\"") else { return (plainEnd(from: start), false) }
    let (end, escaped) = stringEnd(from: start + 1)
    return (Swift.min(end + 1, byteCount), escaped)
  }

  /// The end of a value that is no string.
  private func plainEnd(from start: Int) -> Int {
    guard start < byteCount else { return byteCount }
    switch self[start] {
    case UInt8(ascii: "{"), UInt8(ascii: "["): return containerEnd(from: start)
    default:
      var at = start + 1
      while at < byteCount {
        switch self[at] {
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"): return at
        default: at += 1
        }
      }
      return byteCount
    }
  }

  private func containerEnd(from start: Int) -> Int {
    var depth = 0
    var at = start
    while at < byteCount {
      switch self[at] {
      case UInt8(ascii: "\""): at = stringEnd(from: at + 1).end
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if depth == 0 { return at + 1 }
      default: break
      }
      at += 1
    }
    return byteCount
  }

  /// The text between the quotes, escapes resolved.
  func unescaped(_ range: Range<Int>) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(range.count)
    var at = range.lowerBound
    while at < range.upperBound {
      let byte = self[at]
      guard byte == UInt8(ascii: "\\"), at + 1 < range.upperBound else {
        text.append(byte)
        at += 1
        continue
      }
      at += 2
      switch self[at - 1] {
      case UInt8(ascii: "b"): text.append(8)
      case UInt8(ascii: "t"): text.append(9)
      case UInt8(ascii: "n"): text.append(10)
      case UInt8(ascii: "f"): text.append(12)
      case UInt8(ascii: "r"): text.append(13)
      case UInt8(ascii: "u"):
        // Normal form escapes only controls so: two zeros, two digits.
        text.append(at + 4 <= range.upperBound ? Self.hex(self[at + 2]) << 4 | Self.hex(self[at + 3]) : 0)
        at += 4
      case let other: text.append(other)
      }
    }
    return text
  }

  private static func hex(_ digit: UInt8) -> UInt8 { digit <= 0x39 ? digit &- 0x30 : (digit & 0xF) &+ 9 }

  /// The string between the quotes.
  func string(_ range: Range<Int>, escaped: Bool) -> String {
    if escaped { return String(decoding: unescaped(range), as: UTF8.self) }
    return unsafe extracting(range).withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// Whether the string between the quotes is `text`, byte by byte.
  func isString(_ range: Range<Int>, escaped: Bool, equalTo text: RawSpan) -> Bool {
    if escaped { return unescaped(range).raw.equals(text) }
    return range.count == text.byteCount && extracting(range).equals(text)
  }
}

extension RawSpan {
  /// Whether this name comes before another by UTF-16 code units, as normal form sorts members; both in UTF-8.
  ///
  /// UTF-8 sorts by code point. The two orders differ only where one side has a character above U+FFFF (first byte F0…F4, in UTF-16 a
  /// surrogate D800…DFFF) and the other one of U+E000…U+FFFF (first byte EE or EF).
  func precedesAsMember(_ other: RawSpan) -> Bool {
    let common = Swift.min(byteCount, other.byteCount)
    for at in 0..<common {
      let (a, b) = (self[at], other[at])
      guard a != b else { continue }
      if a >= 0xEE, b >= 0xEE, (a >= 0xF0) != (b >= 0xF0) { return a >= 0xF0 }
      return a < b
    }
    return byteCount < other.byteCount
  }
}

extension [UInt8] {
  /// Appends a string in quotes, in normal form.
  package mutating func appendString(_ text: RawSpan) { JSONText.append(string: text, to: &self) }
  /// Appends a string in quotes, in normal form.
  package mutating func appendString(_ text: String) { JSONText.append(string: text, to: &self) }
}
