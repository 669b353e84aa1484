import EventModel
import EventStore

/// What was computed of a view and is not on disk yet: puts over what is stored. Readers of few keys are answered from it, and what comes
/// next is computed over it, so that many events go to the disk at once.
struct Ahead: Sendable {
  /// What is stored, if it is of use.
  let before: ViewHeader
  let after: ViewHeader
  /// The set's before anything was read for it.
  let cuts: UInt64
  /// Sorted by key; the header is not among them.
  let puts: [Put]
  /// Whether all puts are there; else those of keys' rows only.
  let isWhole: Bool

  init(_ slice: Slice) {
    self.init(slice.before, slice.after, slice.cuts, slice.puts.all.sorted { $0.key.raw.compare($1.key.raw) < 0 }, isWhole: true)
  }

  /// What readers need of a slice.
  init(keysOf slice: Slice) { self.init(slice.before, slice.after, slice.cuts, slice.keyRows.all, isWhole: false) }

  private init(_ before: ViewHeader, _ after: ViewHeader, _ cuts: UInt64, _ puts: [Put], isWhole: Bool) {
    (self.before, self.after, self.cuts, self.puts, self.isWhole) = (before, after, cuts, puts, isWhole)
  }

  /// This and a slice that was computed over it; nil: there was a cut in between.
  func adding(_ slice: Slice) -> Ahead? {
    guard isWhole, slice.before == after, slice.cuts == cuts else { return nil }
    var merged: [Put] = []
    var rest = puts[...]
    for put in Ahead(slice).puts {
      let behind = rest.firstIndex { $0.key.raw.compare(put.key.raw) >= 0 } ?? rest.endIndex
      merged += rest[..<behind]
      rest = rest[behind...]
      if rest.first?.key == put.key { rest.removeFirst() }
      merged.append(put)
    }
    return Ahead(before, slice.after, cuts, merged + rest, isWhole: true)
  }

  /// The index of the first put whose key is not below a key.
  func lowerBound(_ key: RawSpan) -> Int {
    var (low, high) = (0, puts.count)
    while low < high {
      let middle = (low + high) / 2
      let other = puts[middle].key
      if other.raw.compare(key) < 0 { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// What it puts under a key of the view: the row's bytes, if any.
  func keyRow(_ key: [UInt8]) -> [UInt8]? {
    let key = ViewKeys.prefix(before.number, .key) + key
    let index = lowerBound(key.raw)
    return index < puts.count && puts[index].key == key ? puts[index].value : nil
  }

  /// Puts everything, unless the view has moved since. In the writer's transaction.
  func apply(_ writer: borrowing any StoreWriter & ~Copyable, _ state: SetState) throws(StoreError) -> Bool {
    guard state.cuts == cuts else { return false }
    return try before.replace(by: after, with: PutList(puts), writer)
  }
}
