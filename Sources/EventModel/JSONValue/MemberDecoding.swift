/// The members of one object, found once; looked up by name from where the last look-up ended, so that reading them in their order (a
/// dictionary's) is linear, and a handful in any order is as good.
final class MemberDecoding<Key: CodingKey>: KeyedDecodingContainerProtocol {
  private let decoder: ValueDecoder
  private let storage: [UInt8]
  private let members: [JSON.Member]
  private var next = 0

  init(decoder: ValueDecoder) {
    self.decoder = decoder
    let json = decoder.json
    storage = json.storage
    var members: [JSON.Member] = []
    members.reserveCapacity(8)
    json.forEachMember { member in
      members.append(member)
      return true
    }
    self.members = members
  }

  var codingPath: [any CodingKey] { decoder.codingPath }

  var allKeys: [Key] {
    let storage = storage
    return members.compactMap { Key(stringValue: storage.raw.string($0.name, escaped: $0.escaped)) }
  }

  private func find(_ key: some CodingKey, in storage: [UInt8]) -> JSON.Member? {
    var name = key.stringValue
    // Unsafe: the buffer lives as long as the closure, the span no longer.
    return name.withUTF8 { text in
      let wanted = unsafe UnsafeRawBufferPointer(text).bytes
      for step in 0..<members.count {
        let at = next + step < members.count ? next + step : next + step - members.count
        let member = members[at]
        if storage.raw.isString(member.name, escaped: member.escaped, equalTo: wanted) {
          next = at + 1 == members.count ? 0 : at + 1
          return member
        }
      }
      return nil
    }
  }

  private func member(_ key: some CodingKey) throws -> ValueDecoder {
    guard let member = find(key, in: storage) else {
      throw DecodingError.keyNotFound(key, DecodingError.Context(codingPath: codingPath, debugDescription: "is missing"))
    }
    return at(member, key)
  }

  private func at(_ member: JSON.Member, _ key: some CodingKey) -> ValueDecoder {
    ValueDecoder(json: JSON(storage: storage, range: member.value), path: .member(decoder.path, key), options: decoder.options)
  }

  func contains(_ key: Key) -> Bool { find(key, in: storage) != nil }
  func decodeNil(forKey key: Key) throws -> Bool { try member(key).json.isNull }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws -> KeyedDecodingContainer<Nested> {
    try member(key).container(keyedBy: type)
  }
  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { try member(key).unkeyedContainer() }
  func superDecoder() throws -> any Decoder { try member(IndexKey(stringValue: "super")) }
  func superDecoder(forKey key: Key) throws -> any Decoder { try member(key) }

  /// A member's value, read where it lies: `read` gets its bytes, and whether it is a string with an escape. The path to it, and a decoder,
  /// are made only where it is none of that kind, to say so.
  @inline(__always) private func read<T>(
    _ key: Key, _ read: (RawSpan, Bool) -> T?, else decode: (ValueDecoder) throws -> T
  ) throws -> T {
    let storage = storage
    if let member = find(key, in: storage), let value = read(storage.raw.extracting(member.value), member.valueEscaped) { return value }
    return try decode(member(key))
  }

  @inline(__always) private func integer<I: FixedWidthInteger>(_ key: Key) throws -> I {
    try read(key, { value, _ in value.isNumber ? value.integer(as: I.self) : nil }) { try $0.integer(I.self) }
  }

  func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try read(key, { value, _ in value.bool }) { try $0.bool() } }
  func decode(_ type: String.Type, forKey key: Key) throws -> String { try read(key, { $0.text(escaped: $1) }) { try $0.string() } }
  func decode(_ type: Double.Type, forKey key: Key) throws -> Double {
    try read(key, { value, _ in value.isNumber ? value.double() : nil }) { try $0.double() }
  }
  func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try member(key).float() }
  func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try integer(key) }
  func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try integer(key) }
  func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try integer(key) }
  func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try integer(key) }
  func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try integer(key) }
  func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 { try integer(key) }
  func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try integer(key) }
  func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try integer(key) }
  func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try integer(key) }
  func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try integer(key) }
  func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try integer(key) }
  func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 { try integer(key) }
  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    if type == Instant.self { return same(try read(key, { value, _ in value.instant }) { try $0.value(Instant.self) }) }
    if type == ULID.self { return same(try read(key, { value, _ in value.ulid }) { try $0.value(ULID.self) }) }
    return try member(key).value(type)
  }

  // The common ones with one look-up instead of the default's three.
  func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? {
    try ifPresent(key, { value, _ in value.bool }) { try $0.bool() }
  }
  func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
    try ifPresent(key, { $0.text(escaped: $1) }) { try $0.string() }
  }
  func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? {
    try ifPresent(key, { value, _ in value.isNumber ? value.double() : nil }) { try $0.double() }
  }
  func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? {
    try ifPresent(key, { value, _ in value.isNumber ? value.integer(as: type) : nil }) { try $0.integer(type) }
  }
  func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
    if type == Instant.self { return try ifPresent(key, { value, _ in value.instant }) { try $0.value(Instant.self) }.map(same) }
    if type == ULID.self { return try ifPresent(key, { value, _ in value.ulid }) { try $0.value(ULID.self) }.map(same) }
    return try ifPresent(key, { _, _ in nil }) { try $0.value(type) }
  }

  @inline(__always) private func ifPresent<T>(
    _ key: Key, _ read: (RawSpan, Bool) -> T?, else decode: (ValueDecoder) throws -> T
  ) throws -> T? {
    let storage = storage
    guard let member = find(key, in: storage), !storage.raw.extracting(member.value).isNull else { return nil }
    return try read(storage.raw.extracting(member.value), member.valueEscaped) ?? decode(at(member, key))
  }
}

/// A value of a type that is the same by another name.
func same<Known, T>(_ value: Known) -> T {
  precondition(T.self == Known.self)
  // Safe: it is the same type. A cast would look both up.
  return unsafe unsafeBitCast(value, to: T.self)
}

/// One value in normal form, read as it lies: nil where it is of another kind.
extension RawSpan {
  var isNull: Bool { byteCount == 0 || self[0] == UInt8(ascii: "n") }

  var isNumber: Bool { byteCount > 0 && (self[0] == UInt8(ascii: "-") || self[0] >= 0x30 && self[0] <= 0x39) }

  var bool: Bool? {
    guard byteCount > 0 else { return nil }
    return self[0] == UInt8(ascii: "t") ? true : self[0] == UInt8(ascii: "f") ? false : nil
  }

  var text: String? {
    guard byteCount > 1, self[0] == UInt8(ascii: "\"") else { return nil }
    let (end, escaped) = stringEnd(from: 1)
    return string(1..<end, escaped: escaped)
  }

  /// The string, of which it is known whether it has an escape.
  func text(escaped: Bool) -> String? {
    guard byteCount > 1, self[0] == UInt8(ascii: "\"") else { return nil }
    return string(1..<byteCount - 1, escaped: escaped)
  }

  var instant: Instant? {
    guard byteCount > 1, self[0] == UInt8(ascii: "\"") else { return nil }
    return Instant(rfc3339: extracting(1..<byteCount - 1))
  }

  var ulid: ULID? {
    guard byteCount > 1, self[0] == UInt8(ascii: "\"") else { return nil }
    return ULID(text: extracting(1..<byteCount - 1))
  }
}
