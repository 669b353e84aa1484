import EventModel

extension KeyBytes {
  /// How many of a key's first bytes the keys of its group begin with (`isOfGroup`): of an array the first `level` elements, of another key, or an
  /// array of fewer, the whole key. Keys of one group lie side by side.
  ///
  /// - Throws: if they are no key's bytes.
  package static func groupBytes(_ key: RawSpan, level: Int) throws(KeyError) -> Int {
    if level == 0 { return 0 }
    guard key.byteCount > 0, key[0] == Tag.array else { return key.byteCount }
    var at = 1
    for _ in 0..<level {
      guard at < key.byteCount else { throw KeyError.damaged }
      if key[at] == Tag.end { return key.byteCount }
      at = try valueEnd(key, from: at)
    }
    return at
  }

  /// Whether a key is one of a group: it begins with what its keys have in common, and no string in that goes on, with a NUL (00 FF).
  package static func isOfGroup(_ key: RawSpan, _ common: RawSpan) -> Bool {
    key.starts(with: common) && (key.byteCount == common.byteCount || key[common.byteCount] != 0xFF)
  }

  /// The key that a group is shown under: what its keys begin with, as a key of its own; null, if that is nothing.
  /// - Parameter isWhole: whether it is a key already.
  package static func groupKey(_ common: [UInt8], isWhole: Bool) -> [UInt8] {
    if common.isEmpty { return [Tag.null] }
    return isWhole ? common : common + [Tag.end]
  }

  /// The offset after the value that begins at `start`.
  private static func valueEnd(_ key: RawSpan, from start: Int) throws(KeyError) -> Int {
    var at = start + 1
    switch key[start] {
    case Tag.negative, Tag.positive:
      let end = key[start] == Tag.negative ? ~Tag.end : Tag.end
      at += 2
      while at < key.byteCount, key[at] != end { at += 1 }
    case Tag.string:
      while at < key.byteCount, key[at] != 0 || at + 1 < key.byteCount && key[at + 1] == 0xFF { at += key[at] == 0 ? 2 : 1 }
    case Tag.array:
      while at < key.byteCount, key[at] != Tag.end { at = try valueEnd(key, from: at) }
    default: return at
    }
    guard at < key.byteCount else { throw KeyError.damaged }
    return at + 1
  }
}

extension KeyError {
  static var damaged: KeyError { KeyError("bytes that are no key") }
}
