import EventModel

/// How rows and totals of a type are stored: as it writes itself if it is `Compact`, else as its JSON in normal form, with reducers'
/// whole states and every double, finite or not. What is read back is what was written.
struct StoredCoding<Value: Codable & Sendable>: Sendable {
  private let write: @Sendable (Value, inout [UInt8]) throws -> Void
  private let read: @Sendable ([UInt8]) throws -> Value

  init() {
    if let type = Value.self as? any Compact.Type, let compact = Self.compact(type) {
      self = compact
    } else {
      let encoder = EventEncoder(userInfo: StoredForm.userInfo, nonFinite: .text)
      let decoder = EventDecoder(userInfo: StoredForm.userInfo, nonFiniteText: true)
      self.init(write: { try encoder.encode($0, to: &$1) }, read: { try decoder.decode(Value.self, from: JSON(normalForm: $0)) })
    }
  }

  private init(write: @escaping @Sendable (Value, inout [UInt8]) throws -> Void, read: @escaping @Sendable ([UInt8]) throws -> Value) {
    (self.write, self.read) = (write, read)
  }

  /// - Parameter type: this type itself, known as one that writes itself.
  private static func compact<C: Compact>(_ type: C.Type) -> StoredCoding? {
    let write: @Sendable (C, inout [UInt8]) throws -> Void = { value, bytes in value.write(to: &bytes) }
    let read: @Sendable ([UInt8]) throws -> C = { bytes in
      var rest = bytes[...]
      let value = try C(from: &rest)
      guard rest.isEmpty else { throw CompactError() }
      return value
    }
    guard let write = write as? @Sendable (Value, inout [UInt8]) throws -> Void, let read = read as? @Sendable ([UInt8]) throws -> Value
    else { return nil }
    return StoredCoding(write: write, read: read)
  }

  func bytes(_ value: Value) throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
    try write(value, &bytes)
    return bytes
  }

  /// Appends a value's bytes; what was appended where it throws is of no use.
  func write(_ value: Value, to bytes: inout [UInt8]) throws { try write(value, &bytes) }

  func value(_ bytes: [UInt8]) throws -> Value { try read(bytes) }
}

extension ViewKey {
  /// The key of its bytes.
  package init(keyBytes: [UInt8]) throws { self = try EventDecoder().decode(Self.self, from: KeyBytes.json(keyBytes)) }
}

/// Reading a view by its own types, where it runs.
extension ReduceView {
  /// The value of a key's total; see `CompiledView`.
  package func value(ofTotal total: [UInt8], key: RowKey) throws -> Value? { finish(try StoredCoding<Row>().value(total), key) }
}

extension FoldView {
  /// The value of a key's total; see `CompiledView`.
  package func value(ofTotal total: [UInt8], key: RowKey) throws -> Value? { finish(try StoredCoding<State>().value(total), key) }
}
