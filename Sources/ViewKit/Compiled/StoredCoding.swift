import EventModel

/// How rows and totals of a type are stored: as it writes itself if it is `Compact`, else as its JSON in normal form, with reducers'
/// whole states and every double, finite or not. What is read back is what was written.
struct StoredCoding<Value: Codable & Sendable>: Sendable {
  private let write: @Sendable (Value, inout [UInt8]) throws -> Void
  private let read: @Sendable ([UInt8]) throws -> Value

  init() {
    if let type = Value.self as? any Compact.Type {
      self = Self.compact(type)
    } else {
      let encoder = EventEncoder(userInfo: StoredForm.userInfo, nonFinite: .text)
      let decoder = EventDecoder(userInfo: StoredForm.userInfo, nonFiniteText: true)
      self.init(write: { try encoder.encode($0, to: &$1) }, read: { try decoder.decode(Value.self, from: JSON(normalForm: $0)) })
    }
  }

  private init(write: @escaping @Sendable (Value, inout [UInt8]) throws -> Void, read: @escaping @Sendable ([UInt8]) throws -> Value) {
    (self.write, self.read) = (write, read)
  }

  private static func compact<C: Compact>(_ type: C.Type) -> StoredCoding {
    StoredCoding(
      write: { value, bytes in (value as? C)?.write(to: &bytes) },
      read: { bytes in
        var rest = bytes[...]
        guard let value = try C(from: &rest) as? Value, rest.isEmpty else { throw CompactError() }
        return value
      })
  }

  func bytes(_ value: Value) throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
    try write(value, &bytes)
    return bytes
  }

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
