import EventModel
import ViewKit

/// A map of strings to any JSON.
let keyValues = Database("kv", of: KeyValueEvent.self) {
  KeyValues()
}

/// A write to the map, or the deletion of a key.
///
///     {"key":"colour","value":"red"}
///     {"key":"colour","deleted":true}
struct KeyValueEvent: EventType, Codable {
  /// In bytes of UTF-8: an entry of a view is short, and what it can't hold is refused when it is written, not lost when it is read.
  static let keyBytesMax = 200
  static let valueBytesMax = 4000

  private enum CodingKeys: CodingKey { case key, value, deleted }

  let key: String
  /// Nil: deleted. `null` is a value.
  let value: JSON?

  init(key: String, value: JSON?) { (self.key, self.value) = (key, value) }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    key = try container.decode(String.self, forKey: .key)
    value = container.contains(.value) ? try container.decode(JSON.self, forKey: .value) : nil
    let deleted = try container.decodeIfPresent(Bool.self, forKey: .deleted) ?? false
    guard !key.isEmpty, key.utf8.count <= Self.keyBytesMax else { throw Refusal("/key", "1 to \(Self.keyBytesMax) bytes were expected") }
    guard deleted || value != nil else { throw Refusal("/value", "is missing; `\"deleted\":true` takes the key away") }
    guard !deleted || value == nil else { throw Refusal("/deleted", "a key that is deleted has no value") }
    if let value, value.raw.byteCount > Self.valueBytesMax {
      throw Refusal("/value", "\(value.raw.byteCount) bytes are more than \(Self.valueBytesMax)")
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(key, forKey: .key)
    if let value { try container.encode(value, forKey: .value) } else { try container.encode(true, forKey: .deleted) }
  }
}
