/// The members of one object, found once; looked up by name from where the last look-up ended, so that reading them in their order (a
/// dictionary's) is linear, and a handful in any order is as good.
final class MemberDecoding<Key: CodingKey>: KeyedDecodingContainerProtocol {
  private let decoder: ValueDecoder
  private let members: [JSON.Member]
  private var next = 0

  init(decoder: ValueDecoder) {
    self.decoder = decoder
    var members: [JSON.Member] = []
    members.reserveCapacity(8)
    decoder.json.forEachMember { member in
      members.append(member)
      return true
    }
    self.members = members
  }

  var codingPath: [any CodingKey] { decoder.codingPath }

  var allKeys: [Key] {
    let storage = decoder.json.storage
    return members.compactMap { Key(stringValue: storage.raw.string($0.name, escaped: $0.escaped)) }
  }

  private func range(_ key: some CodingKey) -> Range<Int>? {
    var name = key.stringValue
    let storage = decoder.json.storage
    // Unsafe: the buffer lives as long as the closure, the span no longer.
    return name.withUTF8 { text in
      let wanted = unsafe UnsafeRawBufferPointer(text).bytes
      for step in 0..<members.count {
        let at = next + step < members.count ? next + step : next + step - members.count
        if storage.raw.isString(members[at].name, escaped: members[at].escaped, equalTo: wanted) {
          next = at + 1 == members.count ? 0 : at + 1
          return members[at].value
        }
      }
      return nil
    }
  }

  /// A member's value as it lies; nil if there is none. The path to it is made only when it is nested, or wrong.
  private func json(_ key: Key) -> JSON? { range(key).map { JSON(storage: decoder.json.storage, range: $0) } }

  private func member(_ key: some CodingKey) throws -> ValueDecoder {
    guard let range = range(key) else {
      throw DecodingError.keyNotFound(key, DecodingError.Context(codingPath: codingPath, debugDescription: "is missing"))
    }
    return at(range, key)
  }

  private func at(_ range: Range<Int>, _ key: some CodingKey) -> ValueDecoder {
    ValueDecoder(
      json: JSON(storage: decoder.json.storage, range: range), path: .member(decoder.path, key), options: decoder.options)
  }

  func contains(_ key: Key) -> Bool { range(key) != nil }
  func decodeNil(forKey key: Key) throws -> Bool { try member(key).json.isNull }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws -> KeyedDecodingContainer<Nested> {
    try member(key).container(keyedBy: type)
  }
  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { try member(key).unkeyedContainer() }
  func superDecoder() throws -> any Decoder { try member(IndexKey(stringValue: "super")) }
  func superDecoder(forKey key: Key) throws -> any Decoder { try member(key) }

  func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try json(key)?.bool ?? member(key).bool() }
  func decode(_ type: String.Type, forKey key: Key) throws -> String { try json(key)?.string ?? member(key).string() }
  func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try json(key)?.double ?? member(key).double() }
  func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try member(key).float() }
  func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try json(key)?.integer() ?? member(key).integer(type) }
  func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try json(key)?.integer() ?? member(key).integer(type) }
  func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try json(key)?.integer() ?? member(key).integer(type) }
  func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try json(key)?.integer() ?? member(key).integer(type) }
  func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try json(key)?.integer() ?? member(key).integer(type) }
  func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 { try json(key)?.integer() ?? member(key).integer(type) }
  func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try json(key)?.integer() ?? member(key).integer(type) }
  func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try json(key)?.integer() ?? member(key).integer(type) }
  func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try json(key)?.integer() ?? member(key).integer(type) }
  func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try json(key)?.integer() ?? member(key).integer(type) }
  func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try json(key)?.integer() ?? member(key).integer(type) }
  func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 { try json(key)?.integer() ?? member(key).integer(type) }
  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try member(key).value(type) }

  // The common ones with one look-up instead of the default's three.
  func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try ifPresent(key, \.bool) { try $0.bool() } }
  func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { try ifPresent(key, \.string) { try $0.string() } }
  func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { try ifPresent(key, \.double) { try $0.double() } }
  func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try ifPresent(key, \.int) { try $0.integer(type) } }
  func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
    guard let json = json(key), !json.isNull else { return nil }
    return try member(key).value(type)
  }

  private func ifPresent<T>(_ key: Key, _ read: (JSON) -> T?, else decode: (ValueDecoder) throws -> T) throws -> T? {
    guard let json = json(key), !json.isNull else { return nil }
    return try read(json) ?? decode(member(key))
  }
}
