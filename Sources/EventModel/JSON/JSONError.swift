/// Why a text is no JSON by the strict rules of a request: RFC 8259, and no duplicate member names, no byte order mark, only valid
/// UTF-8, no lone surrogates, bounded nesting and bounded numbers.
public struct JSONError: Error, Hashable, Sendable {
  public enum Reason: UInt8, Hashable, Sendable {
    case unexpectedEnd, unexpectedByte, notWhitespace, byteOrderMark, notUTF8, loneSurrogate, controlCharacter, escape
    case number, numberOutOfRange, duplicateName, tooDeep
    /// Longer than what reads it takes.
    case tooLong
  }

  public let reason: Reason
  /// Where it is, in bytes from the start of the input: the first byte that can't be right, or the start of the string's escape, name,
  /// number or container that is meant.
  public let offset: Int

  public init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }
}

extension JSONError: CustomStringConvertible {
  /// What is wrong, without where.
  public var detail: String {
    switch reason {
    case .unexpectedEnd: "the text ends in the middle of a value"
    case .unexpectedByte: "this byte can't stand here"
    case .notWhitespace: "something follows the value"
    case .byteOrderMark: "a byte order mark is not allowed"
    case .notUTF8: "this is not valid UTF-8"
    case .loneSurrogate: "a surrogate stands alone"
    case .controlCharacter: "a control character must be escaped in a string"
    case .escape: "JSON has no such escape"
    case .number: "this is not a number by JSON's grammar"
    case .numberOutOfRange: "a number may have 1024 digits and be of the order of 10 to the power of ±9999"
    case .duplicateName: "this object has the same member name twice"
    case .tooDeep: "objects and arrays are nested too deeply"
    case .tooLong: "the value is too long"
    }
  }

  public var description: String { "\(detail), at byte \(offset)" }
}
