// One pass over the input finds all that is wrong with it and where each value's normal form lies; what is written comes after, and only
// if something isn't normal.
//
// Invariants: `open` holds the pieces of the containers that are being scanned, innermost last. A container that is normal as it stands
// leaves nothing behind but its range of the input. Of any other, the pieces (an object's sorted) move to `closed`, so that a
// container's pieces are contiguous there, and those of the containers in it come before them. Names that are written with escapes,
// and strings and numbers that are written otherwise than normal form has them, are put into `scratch` in normal form.
// Ranges of 32 bits keep a piece at 32 bytes: an input is shorter than 4 GiB, and a value in it than `valueBytesMax`, as the scratch space
// may become three times as long.

/// The scan of one JSON value, and the space it needs, which is used again for the next.
struct JSONTape: ~Copyable {
  static let valueBytesMax = 1 << 30

  let depthMax: Int
  /// A container that goes on beyond this offset of the input is refused.
  var lengthLimit = Int.max
  var open: [JSONPiece] = []
  var closed: [JSONPiece] = []
  var scratch: [UInt8] = []
  var unescaped: [UInt8] = []

  init(depthMax: Int) {
    precondition(depthMax >= 1 && depthMax <= 1000, "the scan's recursion is as deep as its input's nesting")
    self.depthMax = depthMax
    // What most events need, in one allocation.
    open.reserveCapacity(16)
  }

  /// Forgets the last value. The space is kept, unless a rare event made it large.
  mutating func removeAll() {
    if !open.isEmpty { open.removeAll(keepingCapacity: open.capacity <= Self.keptMax) }
    if !closed.isEmpty { closed.removeAll(keepingCapacity: closed.capacity <= Self.keptMax) }
    if !scratch.isEmpty { scratch.removeAll(keepingCapacity: scratch.capacity <= 32 * Self.keptMax) }
    if unescaped.count > 32 * Self.keptMax { unescaped = [] }
  }

  private static let keptMax = 8192

  /// Scans the value at `at`, and moves `at` behind it.
  ///
  /// - Parameter depth: how many containers it lies in.
  mutating func scanValue(_ input: RawSpan, _ at: inout Int, depth: Int) throws(JSONError) -> JSONValue {
    guard at < input.byteCount else { throw JSONError(.unexpectedEnd, at: at) }
    let start = at
    switch input[at] {
    case UInt8(ascii: "\""):
      let string = try input.scanString(from: at &+ 1)
      at = string.end &+ 1
      return string.spelling == .other ? try rewriteString(input, start + 1..<string.end) : JSONValue(.input, start..<at)
    case UInt8(ascii: "-"), 0x30...0x39:
      let number = try input.scanNumber(from: at)
      at = number.end
      if let decimal = number.decimal { return rewriteNumber(input, start..<at, decimal) }
    case UInt8(ascii: "{"): return try scanObject(input, &at, depth: depth)
    case UInt8(ascii: "["): return try scanArray(input, &at, depth: depth)
    case UInt8(ascii: "t"): try Self.scan("true", input, &at)
    case UInt8(ascii: "f"): try Self.scan("false", input, &at)
    case UInt8(ascii: "n"): try Self.scan("null", input, &at)
    default: throw JSONError(.unexpectedByte, at: at)
    }
    return JSONValue(.input, start..<at)
  }

  private static func scan(_ literal: StaticString, _ input: RawSpan, _ at: inout Int) throws(JSONError) {
    for offset in 0..<literal.utf8CodeUnitCount {
      guard at < input.byteCount else { throw JSONError(.unexpectedEnd, at: at) }
      // Safe: the offset is within the literal, which is static.
      guard unsafe input[at] == literal.utf8Start[offset] else { throw JSONError(.unexpectedByte, at: at) }
      at &+= 1
    }
  }

  private mutating func rewriteString(_ input: RawSpan, _ text: Range<Int>) throws(JSONError) -> JSONValue {
    let start = scratch.count
    try unescape(input, text)
    JSONText.append(string: unescaped, to: &scratch)
    return JSONValue(.scratch, start..<scratch.count)
  }

  mutating func unescape(_ input: RawSpan, _ text: Range<Int>) throws(JSONError) {
    unescaped.removeAll(keepingCapacity: true)
    try input.appendUnescaped(text, to: &unescaped)
  }

  private mutating func rewriteNumber(_ input: RawSpan, _ text: Range<Int>, _ decimal: JSONDecimal) -> JSONValue {
    let start = scratch.count
    input.append(decimal, to: &scratch)
    guard scratch.raw.extracting(start..<scratch.count).equals(input.extracting(text)) else {
      return JSONValue(.scratch, start..<scratch.count)
    }
    scratch.removeSubrange(start...)
    return JSONValue(.input, text)
  }
}
