/// JSON in normal form (RFC 8785 with exact decimals): equal values have equal bytes, whatever client wrote them.
///
/// - No whitespace; members sorted by UTF-16 code units; a name at most once in an object.
/// - Strings escape only the quote, the backslash and controls: `\b \t \n \f \r`, else `\u00xx` in lower-case hex. No Unicode normalisation.
/// - A number is the exact decimal in the notation that ECMA-262's Number::toString would choose: `1.50` is `1.5`, `1e2` is `100`, and
///   2⁶⁴−1 stays itself.
public enum JSONNormalForm {
  /// Brings a JSON text into normal form.
  ///
  /// - Parameters:
  ///   - input: one JSON value, with whitespace around it if need be. At most 1 GiB.
  ///   - depthMax: how many objects and arrays may lie in each other, at most 1000.
  /// - Returns: the value in normal form, or nil if that is what the input is, byte for byte.
  /// - Throws: what is wrong with the text, and where.
  /// - Complexity: O(n), and O(m log m) for an object of m members that aren't sorted.
  public static func normalise(_ input: RawSpan, depthMax: Int = 64) throws(JSONError) -> [UInt8]? {
    guard input.byteCount <= JSONTape.valueBytesMax else { throw JSONError(.tooLong, at: JSONTape.valueBytesMax) }
    if input.startsWithByteOrderMark { throw JSONError(.byteOrderMark, at: 0) }
    var tape = JSONTape(depthMax: depthMax)
    let start = input.skipWhitespace(from: 0)
    var at = start
    let value = try tape.scanValue(input, &at, depth: 0)
    let end = input.skipWhitespace(from: at)
    guard end == input.byteCount else { throw JSONError(.notWhitespace, at: end) }
    if value.form == .input, value.range == 0..<input.byteCount { return nil }
    var output: [UInt8] = []
    tape.append(value, input, inputBytes: at - start, to: &output)
    return output
  }
}

extension RawSpan {
  var startsWithByteOrderMark: Bool { byteCount >= 3 && self[0] == 0xEF && self[1] == 0xBB && self[2] == 0xBF }
}
