import EventModel

/// Keys, each once, numbered as they come: a hash table that is asked with bytes as they lie in a buffer.
struct KeyTable: Sendable {
  private(set) var keys: [[UInt8]] = []
  private var hashes: [Int] = []
  /// Each key's number where its hash says, or behind that; −1: free. At most half of them are taken.
  private var slots: [Int32] = []

  /// The number of a key; a new one's is the next.
  ///
  /// - Complexity: O(length), amortised.
  mutating func number(_ key: RawSpan) -> Int32 {
    if keys.count * 2 >= slots.count { grow() }
    var hasher = Hasher()
    // Unsafe: the hasher reads the bytes while the span is borrowed.
    unsafe key.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    let hash = hasher.finalize()
    var at = hash & (slots.count - 1)
    while slots[at] >= 0 {
      let number = Int(slots[at])
      let other = keys[number]
      if hashes[number] == hash, other.raw.equals(key) { return slots[at] }
      at = (at + 1) & (slots.count - 1)
    }
    slots[at] = Int32(truncatingIfNeeded: keys.count)
    keys.append([UInt8](copying: key))
    hashes.append(hash)
    return slots[at]
  }

  private mutating func grow() {
    slots = [Int32](repeating: -1, count: max(slots.count * 2, 64))
    for (number, hash) in hashes.enumerated() {
      var at = hash & (slots.count - 1)
      while slots[at] >= 0 { at = (at + 1) & (slots.count - 1) }
      slots[at] = Int32(truncatingIfNeeded: number)
    }
  }
}
