/// What a scan of a string has found.
struct ScannedString {
  /// How its characters are written.
  enum Spelling: UInt8 {
    /// No escape: the bytes between the quotes are the string's UTF-8.
    case plain
    /// Escapes, each as normal form has it.
    case escaped
    /// Escapes of which normal form writes at least one otherwise.
    case other
  }

  /// The offset of the closing quote.
  var end: Int
  var spelling: Spelling
}

extension RawSpan {
  /// Scans a string whose first byte after the opening quote is at `start`.
  @inline(__always) func scanString(from start: Int) throws(JSONError) -> ScannedString {
    let stop = skipPlain(from: start)
    if stop < byteCount, self[stop] == UInt8(ascii: "\"") { return ScannedString(end: stop, spelling: .plain) }
    return try scanString(goingOnFrom: stop)
  }

  private func scanString(goingOnFrom start: Int) throws(JSONError) -> ScannedString {
    var at = start
    var spelling = ScannedString.Spelling.plain
    while at < byteCount {
      switch self[at] {
      case UInt8(ascii: "\""):
        return ScannedString(end: at, spelling: spelling)
      case UInt8(ascii: "\\"):
        let escape = try scanEscape(at: at)
        if !escape.normal { spelling = .other } else if spelling == .plain { spelling = .escaped }
        at = escape.end
      case 0..<0x20:
        throw JSONError(.controlCharacter, at: at)
      case 0x80...:
        at = try skipUTF8(at: at)
      default:
        at = skipPlain(from: at)
      }
    }
    throw JSONError(.unexpectedEnd, at: byteCount)
  }

  /// One escape, or a pair of them that is one character.
  private struct Escape {
    var scalar: UInt32
    var end: Int
    /// Whether normal form writes this very escape.
    var normal: Bool
  }

  private func scanEscape(at start: Int) throws(JSONError) -> Escape {
    guard start + 1 < byteCount else { throw JSONError(.unexpectedEnd, at: byteCount) }
    let letter = self[start + 1]
    guard letter == UInt8(ascii: "u") else {
      guard let scalar = Self.shortEscapes.scalar(of: letter) else { throw JSONError(.escape, at: start) }
      return Escape(scalar: UInt32(scalar), end: start + 2, normal: letter != UInt8(ascii: "/"))
    }
    let unit = try codeUnit(escapedAt: start)
    switch unit {
    case 0xD800...0xDBFF:
      guard start + 7 < byteCount, self[start + 6] == UInt8(ascii: "\\"), self[start + 7] == UInt8(ascii: "u") else {
        throw JSONError(.loneSurrogate, at: start)
      }
      let second = try codeUnit(escapedAt: start + 6)
      guard second >= 0xDC00, second <= 0xDFFF else { throw JSONError(.loneSurrogate, at: start) }
      return Escape(scalar: 0x10000 + (unit - 0xD800) << 10 + (second - 0xDC00), end: start + 12, normal: false)
    case 0xDC00...0xDFFF:
      throw JSONError(.loneSurrogate, at: start)
    case 0..<0x20:
      // Lower-case hex, and only where there is no shorter escape. The first three digits are 0, 0 and 0 or 1.
      let last = self[start + 5]
      let upper = last >= UInt8(ascii: "A") && last <= UInt8(ascii: "F")
      return Escape(scalar: unit, end: start + 6, normal: !upper && Self.shortEscapes.letter(of: UInt8(unit)) == nil)
    default:
      return Escape(scalar: unit, end: start + 6, normal: false)
    }
  }

  /// The four hexadecimal digits of the `\u` at `start`.
  private func codeUnit(escapedAt start: Int) throws(JSONError) -> UInt32 {
    var unit: UInt32 = 0
    for at in start + 2..<start + 6 {
      guard at < byteCount else { throw JSONError(.unexpectedEnd, at: byteCount) }
      let digit: UInt8
      switch self[at] {
      case 0x30...0x39: digit = self[at] - 0x30
      case 0x41...0x46: digit = self[at] - 0x37
      case 0x61...0x66: digit = self[at] - 0x57
      default: throw JSONError(.escape, at: start)
      }
      unit = unit << 4 | UInt32(digit)
    }
    return unit
  }

  private static var shortEscapes: ShortEscapes { ShortEscapes() }

  /// Appends the UTF-8 of a string's text between its quotes, which has been scanned.
  func appendUnescaped(_ text: Range<Int>, to bytes: inout [UInt8]) throws(JSONError) {
    let input = extracting(0..<text.upperBound)
    var at = text.lowerBound
    while at < text.upperBound {
      let stop = input.firstBackslash(from: at)
      bytes.append(copying: input.extracting(at..<stop))
      guard stop < text.upperBound else { return }
      let escape = try input.scanEscape(at: stop)
      if let scalar = Unicode.Scalar(escape.scalar) { bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter) }
      at = escape.end
    }
  }

  private func firstBackslash(from start: Int) -> Int {
    var at = skipPlain(from: start)
    while at < byteCount, self[at] != UInt8(ascii: "\\") { at = skipPlain(from: at + 1) }
    return at
  }
}

/// The escapes of one letter, RFC 8259 section 7.
struct ShortEscapes {
  /// What a letter after a backslash stands for.
  func scalar(of letter: UInt8) -> UInt8? {
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): letter
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "t"): 0x09
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "f"): 0x0C
    case UInt8(ascii: "r"): 0x0D
    default: nil
    }
  }

  /// The letter that normal form writes after a backslash for a character, if there is one.
  func letter(of scalar: UInt8) -> UInt8? {
    switch scalar {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): scalar
    case 0x08: UInt8(ascii: "b")
    case 0x09: UInt8(ascii: "t")
    case 0x0A: UInt8(ascii: "n")
    case 0x0C: UInt8(ascii: "f")
    case 0x0D: UInt8(ascii: "r")
    default: nil
    }
  }
}

/// Writes JSON in normal form, byte by byte. For renderers: what they write needs no pass of `JSONNormalForm` if they sort members.
public enum JSONText {
  /// Appends a string in quotes, escaped as normal form has it.
  ///
  /// - Parameter utf8: the string's bytes; valid UTF-8, else the text is no JSON.
  /// - Complexity: O(length), eight bytes at a time where nothing is escaped.
  public static func append(string utf8: RawSpan, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    var from = 0
    var at = utf8.skipPlain(from: 0)
    while at < utf8.byteCount {
      let byte = utf8[at]
      if byte < 0x80 {
        bytes.append(copying: utf8.extracting(from..<at))
        appendEscape(of: byte, to: &bytes)
        from = at + 1
      }
      at = utf8.skipPlain(from: at + 1)
    }
    bytes.append(copying: utf8.extracting(from..<at))
    bytes.append(UInt8(ascii: "\""))
  }

  /// Appends a string in quotes, escaped as normal form has it, from its UTF-8.
  public static func append(string utf8: [UInt8], to bytes: inout [UInt8]) { append(string: utf8.raw, to: &bytes) }

  /// Appends a string in quotes, escaped as normal form has it.
  public static func append(string: String, to bytes: inout [UInt8]) {
    var string = string
    string.withUTF8 { utf8 in append(string: unsafe utf8.span.bytes, to: &bytes) }
  }

  private static func appendEscape(of byte: UInt8, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\\"))
    if let letter = ShortEscapes().letter(of: byte) { return bytes.append(letter) }
    bytes.append(contentsOf: [0x75, 0x30, 0x30, 0x30 + byte >> 4])
    bytes.append(byte & 0xF < 10 ? 0x30 + byte & 0xF : 0x57 + byte & 0xF)
  }
}
