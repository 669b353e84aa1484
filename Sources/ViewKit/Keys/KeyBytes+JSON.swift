package import EventModel

extension KeyBytes {
  /// The bytes of a key.
  package static func bytes(of key: some ViewKey) throws(KeyError) -> [UInt8] {
    var bytes = KeyBytes()
    key.encode(into: &bytes)
    return try bytes.checked()
  }

  /// The bytes of a URL's key, for any type of key.
  package static func bytes(of json: JSON) throws(KeyError) -> [UInt8] {
    var bytes = KeyBytes()
    bytes.append(json)
    return try bytes.checked()
  }

  /// The bytes of a URL's `startkey` or `endkey`. As in CouchDB `{}` comes after everything: `endkey=["HAM",{}]`.
  package static func bound(_ json: JSON) throws(KeyError) -> [UInt8] {
    var bytes = KeyBytes()
    bytes.appendBound(json)
    return try bytes.checked()
  }

  private mutating func appendBound(_ json: JSON) {
    if json.members?.isEmpty == true { return appendHigh() }
    guard let elements = json.elements else { return append(json) }
    openArray()
    for element in elements { appendBound(element) }
    closeArray()
  }

  /// Appends the JSON of a key's bytes, in normal form.
  ///
  /// - Throws: if they are no key's. What was appended then is of no use.
  package static func writeJSON(_ key: RawSpan, to out: inout [UInt8]) throws(KeyError) {
    guard try writeValue(key, from: 0, to: &out) == key.byteCount else { throw KeyError.damaged }
  }

  /// Where in a key's bytes the text of its string lies, if it is one that JSON writes as it is.
  package static func plainString(in key: RawSpan) -> Range<Int>? {
    guard key.byteCount >= 2, key[0] == Tag.string, key[key.byteCount - 1] == Tag.end else { return nil }
    return key.skipPlain(from: 1) == key.byteCount - 1 ? 1..<key.byteCount - 1 : nil
  }

  /// The JSON of a key's bytes.
  package static func json(_ key: [UInt8]) throws(KeyError) -> JSON {
    var text: [UInt8] = []
    try writeJSON(key.raw, to: &text)
    return JSON(normalForm: text)
  }

  /// - Returns: the offset after the value.
  private static func writeValue(_ key: RawSpan, from start: Int, to out: inout [UInt8]) throws(KeyError) -> Int {
    guard start < key.byteCount else { throw KeyError.damaged }
    switch key[start] {
    case Tag.null: out.append(contentsOf: "null".utf8)
    case Tag.no: out.append(contentsOf: "false".utf8)
    case Tag.yes: out.append(contentsOf: "true".utf8)
    case Tag.zero: out.append(UInt8(ascii: "0"))
    case Tag.high: out.append(contentsOf: "{}".utf8)
    case Tag.negative, Tag.positive: return try writeNumber(key, from: start, to: &out)
    case Tag.string: return try writeString(key, from: start + 1, to: &out)
    case Tag.array: return try writeArray(key, from: start + 1, to: &out)
    default: throw KeyError.damaged
    }
    return start + 1
  }

  private static func writeArray(_ key: RawSpan, from start: Int, to out: inout [UInt8]) throws(KeyError) -> Int {
    var at = start
    out.append(UInt8(ascii: "["))
    while at < key.byteCount, key[at] != Tag.end {
      if at > start { out.append(UInt8(ascii: ",")) }
      at = try writeValue(key, from: at, to: &out)
    }
    guard at < key.byteCount else { throw KeyError.damaged }
    out.append(UInt8(ascii: "]"))
    return at + 1
  }

  private static func writeString(_ key: RawSpan, from start: Int, to out: inout [UInt8]) throws(KeyError) -> Int {
    var at = key.skipPlain(from: start)
    if at < key.byteCount, key[at] == 0, at + 1 == key.byteCount || key[at + 1] != 0xFF {
      out.append(UInt8(ascii: "\""))
      out.append(copying: key.extracting(start..<at))
      out.append(UInt8(ascii: "\""))
      return at + 1
    }
    while at < key.byteCount, key[at] != 0 { at += 1 }
    // Few strings have a zero byte in them.
    if at < key.byteCount, at + 1 == key.byteCount || key[at + 1] != 0xFF {
      out.appendString(key.extracting(start..<at))
      return at + 1
    }
    var text = [UInt8](copying: key.extracting(start..<at))
    while at < key.byteCount {
      if key[at] == 0 {
        guard at + 1 < key.byteCount, key[at + 1] == 0xFF else {
          out.appendString(text.raw)
          return at + 1
        }
        at += 1
        text.append(0)
      } else {
        text.append(key[at])
      }
      at += 1
    }
    throw KeyError.damaged
  }

  private static func writeNumber(_ key: RawSpan, from start: Int, to out: inout [UInt8]) throws(KeyError) -> Int {
    let negative = key[start] == Tag.negative
    let flip: UInt8 = negative ? 0xFF : 0
    guard start + 3 < key.byteCount else { throw KeyError.damaged }
    let exponent = Int(key.bigEndian(at: start + 1, as: UInt16.self) ^ (negative ? 0xFFFF : 0)) - 1 << 15
    var digits: [UInt8] = []
    var at = start + 3
    while at < key.byteCount {
      let pair = key[at] ^ flip
      at += 1
      guard pair > 0 else {
        if digits.last == 0 { digits.removeLast() }
        ExactDecimal(negative: negative, digits: digits, exponent: exponent).write(to: &out)
        return at
      }
      guard pair <= 100 else { throw KeyError.damaged }
      digits.append((pair - 1) / 10)
      digits.append((pair - 1) % 10)
    }
    throw KeyError.damaged
  }
}
