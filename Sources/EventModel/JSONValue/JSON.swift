/// A JSON value, lazily: a range of bytes in normal form (DESIGN.md §2), read where it is asked.
///
/// Values that are equal have equal bytes, so equality and hashing are those of the bytes. A member or an element shares its parent's
/// storage; nothing is copied until `bytes` or a string is asked for.
public struct JSON: Sendable {
  let storage: [UInt8]
  let range: Range<Int>

  /// Takes bytes that are in normal form. Any other bytes give wrong answers; they are not checked.
  public init(normalForm bytes: [UInt8]) { self.init(storage: bytes, range: 0..<bytes.count) }

  /// Reads any JSON text, and brings it into normal form.
  public init(parsing text: [UInt8], depthMax: Int = 64) throws(JSONError) {
    self.init(normalForm: try JSONNormalForm.normalise(text.raw, depthMax: depthMax) ?? text)
  }

  init(storage: [UInt8], range: Range<Int>) {
    self.storage = storage
    self.range = range
  }

  /// What a JSON value can be.
  public enum Kind: String, Sendable { case null, boolean, number, string, array, object }

  /// The bytes, borrowed.
  public var raw: RawSpan {
    @_lifetime(borrow self) get { storage.raw.extracting(range) }
  }

  /// A copy of the bytes; no copy if the value is all that its storage holds.
  public var bytes: [UInt8] { range.count == storage.count ? storage : [UInt8](storage[range]) }

  public var kind: Kind {
    guard !range.isEmpty else { return .null }
    return switch storage[range.lowerBound] {
    case UInt8(ascii: "{"): .object
    case UInt8(ascii: "["): .array
    case UInt8(ascii: "\""): .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): .boolean
    case UInt8(ascii: "n"): .null
    default: .number
    }
  }

  public var isNull: Bool { kind == .null }

  /// The boolean, if it is one.
  public var bool: Bool? { raw.bool }

  /// The string, if it is one.
  public var string: String? { raw.text }

  /// The number as an integer, exactly: nil if it is no number, has a fraction, or lies outside of the type's range.
  public func integer<I: FixedWidthInteger>(as type: I.Type = I.self) -> I? { kind == .number ? raw.integer(as: type) : nil }

  /// The number, if it is a whole one and fits.
  public var int: Int? { integer() }

  /// The nearest double; nil if it is no number, or beyond the greatest double.
  public var double: Double? { kind == .number ? raw.double() : nil }
}

extension JSON {
  /// Where one member of an object lies in the storage.
  struct Member {
    var name: Range<Int>
    var escaped: Bool
    var value: Range<Int>
    /// Whether it is a string with an escape.
    var valueEscaped: Bool
  }

  /// Calls `body` for each member until it says false. Other values than objects have none.
  func forEachMember(_ body: (Member) -> Bool) {
    guard kind == .object else { return }
    let bytes = storage.raw
    var at = range.lowerBound + 1
    while at < range.upperBound, bytes[at] == UInt8(ascii: "\"") {
      let name = bytes.stringEnd(from: at + 1)
      let value = name.end + 2
      guard value < range.upperBound else { return }
      let (end, escaped) = bytes.value(from: value)
      guard end <= range.upperBound, value < end,
        body(Member(name: at + 1..<name.end, escaped: name.escaped, value: value..<end, valueEscaped: escaped))
      else { return }
      at = end + 1
    }
  }

  /// Calls `body` with each element's range until it says false. Other values than arrays have none.
  func forEachElement(_ body: (Range<Int>) -> Bool) {
    guard kind == .array, range.count > 2 else { return }
    var at = range.lowerBound + 1
    while at < range.upperBound - 1 {
      let end = storage.raw.valueEnd(from: at)
      guard end < range.upperBound, end > at, body(at..<end) else { return }
      at = end + 1
    }
  }

  /// The member of this name; nil if there is none, or this is no object. A member that is `null` is JSON's null.
  ///
  /// - Complexity: O(length up to the member).
  public subscript(name: String) -> JSON? {
    var name = name
    // Unsafe: the buffer lives as long as the closure, the span no longer.
    return name.withUTF8 { text in
      let wanted = UnsafeRawBufferPointer(text)
      var found: JSON?
      forEachMember { member in
        guard unsafe storage.raw.isString(member.name, escaped: member.escaped, equalTo: wanted.bytes) else { return true }
        found = JSON(storage: storage, range: member.value)
        return false
      }
      return found
    }
  }

  /// The element at this index; nil outside of the array, or if this is none.
  ///
  /// - Complexity: O(length up to the element).
  public subscript(index: Int) -> JSON? {
    var found: JSON?
    var left = index
    forEachElement { range in
      if left == 0 { found = JSON(storage: storage, range: range) }
      left -= 1
      return left >= 0
    }
    return found
  }

  /// The elements of an array, in order; nil if this is none.
  public var elements: [JSON]? {
    guard kind == .array else { return nil }
    var all: [JSON] = []
    forEachElement { range in
      all.append(JSON(storage: storage, range: range))
      return true
    }
    return all
  }

  /// The members of an object, sorted by name; nil if this is none.
  public var members: [(name: String, value: JSON)]? {
    guard kind == .object else { return nil }
    var all: [(name: String, value: JSON)] = []
    forEachMember { member in
      all.append((storage.raw.string(member.name, escaped: member.escaped), JSON(storage: storage, range: member.value)))
      return true
    }
    return all
  }
}

extension JSON: Hashable {
  public static func == (a: JSON, b: JSON) -> Bool { a.raw.equals(b.raw) }
  public func hash(into hasher: inout Hasher) { unsafe raw.withUnsafeBytes { unsafe hasher.combine(bytes: $0) } }
}

extension JSON: CustomStringConvertible {
  /// The text in normal form.
  public var description: String { raw.string(0..<raw.byteCount, escaped: false) }
}
