/// The encoder that a type's `encode(to:)` gets, and its own single-value container.
struct ValueEncoder: Encoder, SingleValueEncodingContainer {
  let node: EncodedNode
  let options: EventEncoder
  let path: DecodingPath

  var codingPath: [any CodingKey] { path.keys }
  var userInfo: [CodingUserInfoKey: Any] { options.userInfo }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    node.become(.object)
    return KeyedEncodingContainer(MemberEncoding<Key>(encoder: self))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    node.become(.array)
    return ElementEncoding(encoder: self)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { self }

  private func single(_ write: (inout [UInt8]) throws -> Void) rethrows {
    node.become(.single)
    node.bytes.removeAll(keepingCapacity: true)
    try write(&node.bytes)
  }

  func encodeNil() { single { $0.append(contentsOf: "null".utf8) } }
  func encode(_ value: Bool) { single { $0.appendBool(value) } }
  func encode(_ value: String) { single { $0.appendString(value) } }
  func encode(_ value: Double) throws { try single { try appendFloating(value, to: &$0, path) } }
  func encode(_ value: Float) throws { try single { try appendFloating(value, to: &$0, path) } }
  func encode(_ value: Int) { single { $0.appendNumber(value) } }
  func encode(_ value: Int8) { single { $0.appendNumber(value) } }
  func encode(_ value: Int16) { single { $0.appendNumber(value) } }
  func encode(_ value: Int32) { single { $0.appendNumber(value) } }
  func encode(_ value: Int64) { single { $0.appendNumber(value) } }
  func encode(_ value: Int128) { single { $0.appendNumber(value) } }
  func encode(_ value: UInt) { single { $0.appendNumber(value) } }
  func encode(_ value: UInt8) { single { $0.appendNumber(value) } }
  func encode(_ value: UInt16) { single { $0.appendNumber(value) } }
  func encode(_ value: UInt32) { single { $0.appendNumber(value) } }
  func encode(_ value: UInt64) { single { $0.appendNumber(value) } }
  func encode(_ value: UInt128) { single { $0.appendNumber(value) } }

  func encode<T: Encodable>(_ value: T) throws {
    if T.self == JSON.self, let json = value as? JSON {
      single { $0.append(copying: json.raw) }
    } else {
      try value.encode(to: self)
    }
  }

  /// Appends any value as a part of this one.
  func append<T: Encodable>(_ value: T, to bytes: inout [UInt8], _ path: DecodingPath) throws {
    if T.self == JSON.self, let json = value as? JSON { return bytes.append(copying: json.raw) }
    if T.self == String.self, let text = value as? String { return bytes.appendString(text) }
    let child = ValueEncoder(node: EncodedNode(), options: options, path: path)
    try value.encode(to: child)
    if let fault = child.node.fault { throw fault }
    child.node.write(to: &bytes)
  }

  func appendFloating<F: BinaryFloatingPoint & CustomStringConvertible>(
    _ value: F, to bytes: inout [UInt8], _ path: @autoclosure () -> DecodingPath
  ) throws {
    if bytes.appendNumber(value) { return }
    switch options.nonFinite {
    case .null: bytes.append(contentsOf: "null".utf8)
    case .text: bytes.appendString(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity")
    case .refused:
      let context = EncodingError.Context(codingPath: path().keys, debugDescription: "JSON has no number \(value)")
      throw EncodingError.invalidValue(value, context)
    }
  }
}

extension [UInt8] {
  fileprivate mutating func appendBool(_ value: Bool) { append(contentsOf: (value ? "true" : "false").utf8) }
}

/// The members of an object that is being encoded.
struct MemberEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let encoder: ValueEncoder

  var codingPath: [any CodingKey] { encoder.codingPath }

  @inline(__always) private func put(_ key: Key, _ write: (inout [UInt8]) throws -> Void) rethrows {
    try encoder.node.appendMember(key.stringValue, write)
  }

  private func nested(_ key: some CodingKey) -> ValueEncoder {
    ValueEncoder(node: encoder.node.appendNode(key.stringValue), options: encoder.options, path: .member(encoder.path, key))
  }

  func encodeNil(forKey key: Key) { put(key) { $0.append(contentsOf: "null".utf8) } }
  func encode(_ value: Bool, forKey key: Key) { put(key) { $0.appendBool(value) } }
  func encode(_ value: String, forKey key: Key) { put(key) { $0.appendString(value) } }
  func encode(_ value: Double, forKey key: Key) throws {
    try put(key) { try encoder.appendFloating(value, to: &$0, .member(encoder.path, key)) }
  }
  func encode(_ value: Float, forKey key: Key) throws {
    try put(key) { try encoder.appendFloating(value, to: &$0, .member(encoder.path, key)) }
  }
  func encode(_ value: Int, forKey key: Key) { put(key) { $0.appendNumber(value) } }
  func encode(_ value: Int8, forKey key: Key) { put(key) { $0.appendNumber(value) } }
  func encode(_ value: Int16, forKey key: Key) { put(key) { $0.appendNumber(value) } }
  func encode(_ value: Int32, forKey key: Key) { put(key) { $0.appendNumber(value) } }
  func encode(_ value: Int64, forKey key: Key) { put(key) { $0.appendNumber(value) } }
  func encode(_ value: Int128, forKey key: Key) { put(key) { $0.appendNumber(value) } }
  func encode(_ value: UInt, forKey key: Key) { put(key) { $0.appendNumber(value) } }
  func encode(_ value: UInt8, forKey key: Key) { put(key) { $0.appendNumber(value) } }
  func encode(_ value: UInt16, forKey key: Key) { put(key) { $0.appendNumber(value) } }
  func encode(_ value: UInt32, forKey key: Key) { put(key) { $0.appendNumber(value) } }
  func encode(_ value: UInt64, forKey key: Key) { put(key) { $0.appendNumber(value) } }
  func encode(_ value: UInt128, forKey key: Key) { put(key) { $0.appendNumber(value) } }
  func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
    try put(key) { try encoder.append(value, to: &$0, .member(encoder.path, key)) }
  }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
    nested(key).container(keyedBy: type)
  }
  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { nested(key).unkeyedContainer() }
  func superEncoder() -> any Encoder { nested(IndexKey(stringValue: "super")) }
  func superEncoder(forKey key: Key) -> any Encoder { nested(key) }
}

/// The elements of an array that is being encoded.
struct ElementEncoding: UnkeyedEncodingContainer {
  let encoder: ValueEncoder

  var codingPath: [any CodingKey] { encoder.codingPath }
  var count: Int { encoder.node.count }

  @inline(__always) private func put(_ write: (inout [UInt8]) throws -> Void) rethrows { try encoder.node.appendElement(write) }

  private var place: DecodingPath { .element(encoder.path, count) }

  private func nested() -> ValueEncoder {
    let path = place
    return ValueEncoder(node: encoder.node.appendNode(), options: encoder.options, path: path)
  }

  func encodeNil() { put { $0.append(contentsOf: "null".utf8) } }
  func encode(_ value: Bool) { put { $0.appendBool(value) } }
  func encode(_ value: String) { put { $0.appendString(value) } }
  func encode(_ value: Double) throws { try put { try encoder.appendFloating(value, to: &$0, place) } }
  func encode(_ value: Float) throws { try put { try encoder.appendFloating(value, to: &$0, place) } }
  func encode(_ value: Int) { put { $0.appendNumber(value) } }
  func encode(_ value: Int8) { put { $0.appendNumber(value) } }
  func encode(_ value: Int16) { put { $0.appendNumber(value) } }
  func encode(_ value: Int32) { put { $0.appendNumber(value) } }
  func encode(_ value: Int64) { put { $0.appendNumber(value) } }
  func encode(_ value: Int128) { put { $0.appendNumber(value) } }
  func encode(_ value: UInt) { put { $0.appendNumber(value) } }
  func encode(_ value: UInt8) { put { $0.appendNumber(value) } }
  func encode(_ value: UInt16) { put { $0.appendNumber(value) } }
  func encode(_ value: UInt32) { put { $0.appendNumber(value) } }
  func encode(_ value: UInt64) { put { $0.appendNumber(value) } }
  func encode(_ value: UInt128) { put { $0.appendNumber(value) } }
  func encode<T: Encodable>(_ value: T) throws { try put { try encoder.append(value, to: &$0, place) } }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
    nested().container(keyedBy: type)
  }
  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { nested().unkeyedContainer() }
  func superEncoder() -> any Encoder { nested() }
}
