public import EventModel

/// A key's bytes: values one behind the other, each of which sorts as JSON values do and ends itself.
///
/// | value | bytes |
/// | --- | --- |
/// | end of an array | 00 |
/// | null, false, true | 01, 02, 03 |
/// | number below, equal to, above zero | 04 ‖ complement of the rest of 06; 05; 06 ‖ exponent + 2¹⁵ (2) ‖ digits, two a byte (value + 1; the last padded by 0) ‖ 00 |
/// | string | 07 ‖ UTF-8, with 00 as 00 FF ‖ 00 |
/// | array | 08 ‖ values ‖ 00 |
/// | after every array (in a bound only: `{}`) | 09 |
///
/// A number is its exact decimal ±0.d₁…d_k × 10ⁿ with no trailing zeros and the exponent n, so that 1, 1.0 and 1e0 have the same bytes
/// whatever type they came from. A double is its shortest digits, which are its JSON. Since each value ends itself, and 00 is below
/// every first byte and FF above, a shorter array or string sorts before those that it begins.
///
/// `unsafe` in this file: a string's own bytes, looked at while it lends them.
public struct KeyBytes: Sendable {
  /// The longest key.
  public static let bytesMax = 480

  package private(set) var bytes: [UInt8] = []
  /// Where the key begins in them.
  private var start = 0
  /// The first thing that can't be in a key.
  private var fault: KeyError?

  enum Tag {
    static let end: UInt8 = 0
    static let null: UInt8 = 1
    static let no: UInt8 = 2
    static let yes: UInt8 = 3
    static let negative: UInt8 = 4
    static let zero: UInt8 = 5
    static let positive: UInt8 = 6
    static let string: UInt8 = 7
    static let array: UInt8 = 8
    static let high: UInt8 = 9
  }

  init() {}

  public mutating func appendNull() { bytes.append(Tag.null) }
  public mutating func append(_ value: Bool) { bytes.append(value ? Tag.yes : Tag.no) }
  public mutating func append(_ number: some FixedWidthInteger) { append(ExactDecimal(describing: number)) }
  /// Infinities and NaN are no keys: the event is skipped.
  public mutating func append(_ number: Double) { append(number.isFinite ? ExactDecimal(describing: number) : nil) }

  public mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { utf8 in
      bytes.reserveCapacity(bytes.count + utf8.count + 2)
      bytes.append(Tag.string)
      if unsafe !utf8.contains(0) {
        unsafe bytes.append(contentsOf: utf8)
      } else {
        for index in utf8.indices {
          let byte = unsafe utf8[index]
          bytes.append(byte)
          if byte == 0 { bytes.append(0xFF) }
        }
      }
    }
    bytes.append(Tag.end)
  }

  /// Appends an array of what `elements` appends.
  public mutating func appendArray(_ elements: (inout KeyBytes) -> Void) {
    openArray()
    elements(&self)
    closeArray()
  }

  mutating func openArray() { bytes.append(Tag.array) }
  mutating func closeArray() { bytes.append(Tag.end) }

  /// Appends any JSON but objects.
  public mutating func append(_ json: JSON) {
    switch json.kind {
    case .null: appendNull()
    case .boolean: append(json.bool == true)
    case .number: append(ExactDecimal(json.raw))
    case .string: append(json.string ?? "")
    case .array:
      openArray()
      for element in json.elements ?? [] { append(element) }
      closeArray()
    case .object: fail("an object is no key")
    }
  }

  mutating func appendHigh() { bytes.append(Tag.high) }

  private mutating func append(_ number: ExactDecimal?) {
    guard let number, abs(number.exponent) < 1 << 15 else { return fail("not a number that can be a key") }
    guard !number.digits.isEmpty else { return bytes.append(Tag.zero) }
    let flip: UInt8 = number.negative ? 0xFF : 0
    bytes.append(number.negative ? Tag.negative : Tag.positive)
    bytes.appendBigEndian(UInt16(number.exponent + 1 << 15) ^ (number.negative ? 0xFFFF : 0))
    for at in stride(from: 0, to: number.digits.count, by: 2) {
      let second = at + 1 < number.digits.count ? number.digits[at + 1] : 0
      bytes.append((number.digits[at] * 10 + second + 1) ^ flip)
    }
    bytes.append(Tag.end ^ flip)
  }

  private mutating func fail(_ detail: String) { fault = fault ?? KeyError(detail) }

  /// The bytes, if they are a key.
  func checked() throws(KeyError) -> [UInt8] {
    if let fault { throw fault }
    let count = bytes.count - start
    guard count <= Self.bytesMax else { throw KeyError("a key is at most \(Self.bytesMax) bytes long, this is \(count)") }
    return bytes
  }

  /// Appends the bytes of a key. What was appended of one that is none is of no use.
  static func append(_ key: some ViewKey, to bytes: inout [UInt8]) throws(KeyError) {
    var all = KeyBytes()
    swap(&all.bytes, &bytes)
    all.start = all.bytes.count
    key.encode(into: &all)
    defer { swap(&all.bytes, &bytes) }
    _ = try all.checked()
  }
}

/// Why a value is no key.
public struct KeyError: Error, Sendable, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}
