/// What a slice puts over stored rows, sorted by place; of a deleted row nil.
struct Overlay<Value> {
  private(set) var entries: [(pos: Pos, value: Value?)] = []

  var isEmpty: Bool { entries.isEmpty }

  /// The index of the first entry not below `pos`. O(log entries).
  func lowerBound(_ pos: Pos) -> Int {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].pos < pos { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The entry at a place: nil, if there is none.
  subscript(pos: Pos) -> Value?? {
    let index = lowerBound(pos)
    return index < entries.count && entries[index].pos == pos ? .some(entries[index].value) : nil
  }

  /// Amortised O(1) at the end, else O(entries behind it).
  mutating func set(_ pos: Pos, _ value: Value?) {
    guard let last = entries.last?.pos, last >= pos else { return entries.append((pos, value)) }
    let index = lowerBound(pos)
    if index < entries.count, entries[index].pos == pos {
      entries[index].value = value
    } else {
      entries.insert((pos, value), at: index)
    }
  }

  mutating func removeAll() { entries.removeAll() }
}
