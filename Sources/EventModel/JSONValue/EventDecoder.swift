/// Decodes Swift values from JSON in normal form: a `Decoder` straight over the bytes, several times as fast as Foundation's.
///
/// Integers are exact; a number that doesn't fit is an error. A `JSON` inside of a type is a range of the same storage. Errors are
/// `DecodingError`s; `JSONPointer` names their place.
public struct EventDecoder: Sendable {
  public var userInfo: [CodingUserInfoKey: any Sendable]
  /// Read `"Infinity"`, `"-Infinity"` and `"NaN"` where a floating-point number is wanted: see `EventEncoder.NonFinite.text`.
  public var nonFiniteText: Bool

  public init(userInfo: [CodingUserInfoKey: any Sendable] = [:], nonFiniteText: Bool = false) {
    (self.userInfo, self.nonFiniteText) = (userInfo, nonFiniteText)
  }

  /// - Throws: `DecodingError`, and whatever the type's own `init(from:)` throws.
  public func decode<T: Decodable>(_ type: T.Type = T.self, from json: JSON) throws -> T {
    try ValueDecoder(json: json, path: .root, options: self).value(type)
  }
}

/// A place within the decoded value, kept as a chain so that a path is made only for an error.
indirect enum DecodingPath {
  case root
  case member(DecodingPath, any CodingKey)
  case element(DecodingPath, Int)

  var keys: [any CodingKey] {
    var keys: [any CodingKey] = []
    var place = self
    while true {
      switch place {
      case .root: return keys.reversed()
      case .member(let parent, let key): (place, _) = (parent, keys.append(key))
      case .element(let parent, let index): (place, _) = (parent, keys.append(IndexKey(index)))
      }
    }
  }
}

/// A place in an array, or `super`, as a key.
struct IndexKey: CodingKey {
  let stringValue: String
  let intValue: Int?

  init(_ index: Int) { (stringValue, intValue) = (String(index), index) }
  init?(intValue: Int) { self.init(intValue) }
  init(stringValue: String) { (self.stringValue, intValue) = (stringValue, nil) }
}

/// One value to be decoded: the decoder that a type's `init(from:)` gets, and its own single-value container. A class, so that handing it
/// on copies a reference, not what is in it.
final class ValueDecoder: Decoder, SingleValueDecodingContainer {
  let json: JSON
  let path: DecodingPath
  let options: EventDecoder

  init(json: JSON, path: DecodingPath, options: EventDecoder) { (self.json, self.path, self.options) = (json, path, options) }

  var userInfo: [CodingUserInfoKey: Any] { options.userInfo }
  var codingPath: [any CodingKey] { path.keys }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard json.kind == .object else { throw mismatch([String: JSON].self, "an object") }
    return KeyedDecodingContainer(MemberDecoding<Key>(decoder: self))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard json.kind == .array else { throw mismatch([JSON].self, "an array") }
    return ElementDecoding(decoder: self)
  }

  func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

  func mismatch(_ type: Any.Type, _ wanted: String) -> DecodingError {
    let context = DecodingError.Context(codingPath: codingPath, debugDescription: "\(wanted) was expected, not \(json.kind.phrase)")
    return json.isNull ? .valueNotFound(type, context) : .typeMismatch(type, context)
  }
}

extension JSON.Kind {
  fileprivate var phrase: String {
    switch self {
    case .null: "null"
    case .array: "an array"
    case .object: "an object"
    default: "a \(rawValue)"
    }
  }
}

extension ValueDecoder {
  /// Any type: those whose JSON is read directly, else by its own `init(from:)`.
  func value<T: Decodable>(_ type: T.Type) throws -> T {
    let json = json
    if type == JSON.self { return same(json) }
    if type == String.self { return same(try string()) }
    if type == Instant.self, let instant = json.raw.instant { return same(instant) }
    if type == ULID.self, let ulid = json.raw.ulid { return same(ulid) }
    return try T(from: self)
  }

  func string() throws -> String {
    guard let string = json.string else { throw mismatch(String.self, "a string") }
    return string
  }

  func bool() throws -> Bool {
    guard let bool = json.bool else { throw mismatch(Bool.self, "a boolean") }
    return bool
  }

  func integer<I: FixedWidthInteger>(_ type: I.Type) throws -> I {
    guard json.kind == .number else { throw mismatch(type, "a whole number") }
    guard let value = json.integer(as: type) else {
      throw corrupted("\(json) is no whole number from \(I.min) to \(I.max)")
    }
    return value
  }

  func double() throws -> Double {
    guard json.kind == .number else { return try nonFinite() }
    guard let value = json.double else { throw corrupted("\(json) is beyond the greatest double") }
    return value
  }

  func float() throws -> Float {
    guard json.kind == .number else { return try Float(nonFinite()) }
    guard let value = Float(json.description), value.isFinite else { throw corrupted("\(json) is beyond the greatest float") }
    return value
  }

  private func nonFinite() throws -> Double {
    switch options.nonFiniteText ? json.string : nil {
    case "NaN": return .nan
    case "Infinity": return .infinity
    case "-Infinity": return -.infinity
    default: throw mismatch(Double.self, "a number")
    }
  }

  private func corrupted(_ text: String) -> DecodingError {
    .dataCorrupted(DecodingError.Context(codingPath: codingPath, debugDescription: text))
  }

  func decodeNil() -> Bool { json.isNull }
  func decode(_ type: Bool.Type) throws -> Bool { try bool() }
  func decode(_ type: String.Type) throws -> String { try string() }
  func decode(_ type: Double.Type) throws -> Double { try double() }
  func decode(_ type: Float.Type) throws -> Float { try float() }
  func decode(_ type: Int.Type) throws -> Int { try integer(type) }
  func decode(_ type: Int8.Type) throws -> Int8 { try integer(type) }
  func decode(_ type: Int16.Type) throws -> Int16 { try integer(type) }
  func decode(_ type: Int32.Type) throws -> Int32 { try integer(type) }
  func decode(_ type: Int64.Type) throws -> Int64 { try integer(type) }
  func decode(_ type: Int128.Type) throws -> Int128 { try integer(type) }
  func decode(_ type: UInt.Type) throws -> UInt { try integer(type) }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try integer(type) }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try integer(type) }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try integer(type) }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try integer(type) }
  func decode(_ type: UInt128.Type) throws -> UInt128 { try integer(type) }
  func decode<T: Decodable>(_ type: T.Type) throws -> T { try value(type) }
}
