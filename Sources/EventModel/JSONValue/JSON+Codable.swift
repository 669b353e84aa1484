/// `EventDecoder` and `EventEncoder` take a `JSON` as the bytes it is; other coders go through the kinds of values.
extension JSON: Codable {
  public init(from decoder: any Decoder) throws {
    if let decoder = decoder as? ValueDecoder {
      self = decoder.json
      return
    }
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self.init(value)
    } else if let value = try? container.decode(Int64.self) {
      self.init(value)
    } else if let value = try? container.decode(UInt64.self) {
      self.init(value)
    } else if let value = try? container.decode(Double.self), let number = JSON(value) {
      self = number
    } else if let value = try? container.decode(String.self) {
      self.init(value)
    } else if let value = try? container.decode([JSON].self) {
      self.init(value)
    } else {
      self.init(members: try container.decode([String: JSON].self).lazy.map { (name: $0.key, value: $0.value) })
    }
  }

  public func encode(to encoder: any Encoder) throws {
    if let encoder = encoder as? ValueEncoder { return try encoder.encode(self) }
    var container = encoder.singleValueContainer()
    switch kind {
    case .null: try container.encodeNil()
    case .boolean: try container.encode(bool)
    case .string: try container.encode(string)
    case .array: try container.encode(elements)
    case .object: try container.encode(Dictionary(members ?? [], uniquingKeysWith: { _, last in last }))
    case .number:
      if let value = integer(as: Int64.self) {
        try container.encode(value)
      } else if let value = integer(as: UInt64.self) {
        try container.encode(value)
      } else {
        try container.encode(double)
      }
    }
  }
}
