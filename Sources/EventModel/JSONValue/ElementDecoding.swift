/// The elements of one array, found one after the other.
struct ElementDecoding: UnkeyedDecodingContainer {
  private let decoder: ValueDecoder
  private let ranges: [Range<Int>]
  private(set) var currentIndex = 0

  init(decoder: ValueDecoder) {
    self.decoder = decoder
    var ranges: [Range<Int>] = []
    decoder.json.forEachElement { range in
      ranges.append(range)
      return true
    }
    self.ranges = ranges
  }

  var codingPath: [any CodingKey] { decoder.codingPath }
  var count: Int? { ranges.count }
  var isAtEnd: Bool { currentIndex == ranges.count }

  /// The element to be decoded; the place moves on only when that succeeds.
  private func current(_ type: Any.Type) throws -> ValueDecoder {
    guard !isAtEnd else {
      let context = DecodingError.Context(codingPath: codingPath + [IndexKey(currentIndex)], debugDescription: "is missing")
      throw DecodingError.valueNotFound(type, context)
    }
    return ValueDecoder(
      json: JSON(storage: decoder.json.storage, range: ranges[currentIndex]), path: .element(decoder.path, currentIndex),
      options: decoder.options)
  }

  private mutating func next<T>(_ type: T.Type, _ read: (ValueDecoder) throws -> T) throws -> T {
    let value = try read(current(type))
    currentIndex += 1
    return value
  }

  mutating func decodeNil() throws -> Bool {
    let isNull = try current(Any?.self).json.isNull
    if isNull { currentIndex += 1 }
    return isNull
  }

  mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
    try next(KeyedDecodingContainer<Nested>.self) { try $0.container(keyedBy: type) }
  }
  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try next((any UnkeyedDecodingContainer).self) { try $0.unkeyedContainer() }
  }
  mutating func superDecoder() throws -> any Decoder { try next((any Decoder).self) { $0 } }

  mutating func decode(_ type: Bool.Type) throws -> Bool { try next(type) { try $0.bool() } }
  mutating func decode(_ type: String.Type) throws -> String { try next(type) { try $0.string() } }
  mutating func decode(_ type: Double.Type) throws -> Double { try next(type) { try $0.double() } }
  mutating func decode(_ type: Float.Type) throws -> Float { try next(type) { try $0.float() } }
  mutating func decode(_ type: Int.Type) throws -> Int { try next(type) { try $0.integer(type) } }
  mutating func decode(_ type: Int8.Type) throws -> Int8 { try next(type) { try $0.integer(type) } }
  mutating func decode(_ type: Int16.Type) throws -> Int16 { try next(type) { try $0.integer(type) } }
  mutating func decode(_ type: Int32.Type) throws -> Int32 { try next(type) { try $0.integer(type) } }
  mutating func decode(_ type: Int64.Type) throws -> Int64 { try next(type) { try $0.integer(type) } }
  mutating func decode(_ type: Int128.Type) throws -> Int128 { try next(type) { try $0.integer(type) } }
  mutating func decode(_ type: UInt.Type) throws -> UInt { try next(type) { try $0.integer(type) } }
  mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try next(type) { try $0.integer(type) } }
  mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try next(type) { try $0.integer(type) } }
  mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try next(type) { try $0.integer(type) } }
  mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try next(type) { try $0.integer(type) } }
  mutating func decode(_ type: UInt128.Type) throws -> UInt128 { try next(type) { try $0.integer(type) } }
  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try next(type) { try $0.value(type) } }
}
