import EventModel
import EventStore

/// The store's keys from a lower to an upper bound.
struct KeyRange {
  /// Inclusive.
  private(set) var low: [UInt8]
  /// Exclusive; nil: none.
  private(set) var high: [UInt8]?

  /// - Parameter prefix: what all keys of the view begin with in the store.
  init(_ query: ViewQuery, _ prefix: [UInt8]) {
    // The least key above a key is that key and a zero byte.
    func above(_ key: [UInt8]) -> [UInt8] { prefix + key + [0] }
    low = prefix + (query.prefix ?? [])
    high = ViewKeys.after(low)
    let (least, most) = query.descending ? (query.end, query.start) : (query.start, query.end)
    if let least { begin(at: query.descending && !query.inclusiveEnd ? above(least) : prefix + least) }
    if let most { end(before: query.descending || query.inclusiveEnd ? above(most) : prefix + most) }
  }

  mutating func begin(at key: [UInt8]) {
    if key.raw.compare(low.raw) > 0 { low = key }
  }

  mutating func end(before key: [UInt8]) {
    if let high, high.raw.compare(key.raw) <= 0 { return }
    high = key
  }

  func contains(_ key: RawSpan) -> Bool { !isAbove(key) && !isBelow(key) }

  /// Whether all of the range is above a key.
  func isAbove(_ key: RawSpan) -> Bool { key.compare(low.raw) < 0 }

  /// Whether all of the range is below a key.
  func isBelow(_ key: RawSpan) -> Bool {
    guard let high else { return false }
    return key.compare(high.raw) >= 0
  }
}

/// A place among the keys of a view that a query names, and those keys' rows. Lives as long as its cursor's transaction.
struct KeyWalk {
  private let cursor: any StoreCursor
  private let prefix: [UInt8]
  private var range: KeyRange
  /// In the store's bytes; nil: all of the range.
  private var named: [[UInt8]]?
  private var index = 0
  private let descending: Bool
  /// Named keys' rows are read from it first.
  private let over: Ahead?
  /// The named key where it stands, and its row if that is one of `over`.
  private var namedKey: [UInt8] = []
  private var rowOver: [UInt8] = []

  init(
    _ query: ViewQuery, _ number: UInt32, _ over: Ahead?, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) {
    self.over = over
    let prefix = ViewKeys.prefix(number, .key)
    (self.prefix, range, descending) = (prefix, KeyRange(query, prefix), query.descending)
    if case .these(let keys) = query.keys { named = keys.map { prefix + $0 } }
    cursor = try reader.cursor(.view)
  }

  /// The key where it stands, in the view's bytes.
  var key: RawSpan {
    @_lifetime(borrow self) get { namedKey.isEmpty ? cursor.key.extracting(droppingFirst: prefix.count) : namedKey.raw }
  }

  /// The key's row.
  var row: RawSpan {
    @_lifetime(borrow self) get { rowOver.isEmpty ? cursor.value : rowOver.raw }
  }

  // MARK: In the order of the answer

  /// What a cursor says of where it stands: the key, or its index.
  func place(into bytes: inout [UInt8]) {
    if named == nil { bytes.append(copying: key) } else { bytes.appendBigEndian(UInt16(truncatingIfNeeded: index)) }
  }

  /// Goes back to the place before the one where it stands, which must have been passed: what a cursor says of that.
  mutating func placeBefore() throws(StoreError) -> [UInt8] {
    if named != nil { index -= 1 } else { _ = try descending ? cursor.next() : cursor.previous() }
    var bytes: [UInt8] = []
    place(into: &bytes)
    return bytes
  }

  /// Moves to the first key, or the first behind a place, or at it.
  mutating func first(from place: ArraySlice<UInt8>?, inclusive: Bool) throws(StoreError) -> Bool {
    if named != nil {
      index = place.map { $0.reduce(0) { $0 << 8 | Int($1) } + (inclusive ? 0 : 1) } ?? 0
      return try land(1)
    }
    if let place {
      let key = prefix + place
      if descending { range.end(before: inclusive ? key + [0] : key) } else { range.begin(at: inclusive ? key : key + [0]) }
    }
    return try descending ? seek(before: nil) : seek(from: nil)
  }

  mutating func advance() throws(StoreError) -> Bool {
    if named != nil {
      index += 1
      return try land(1)
    }
    return try descending ? cursor.previous() && !range.isAbove(cursor.key) : cursor.next() && !range.isBelow(cursor.key)
  }

  /// Moves to the named key of the index, or the next one that the view has.
  private mutating func land(_ step: Int) throws(StoreError) -> Bool {
    guard let named else { return false }
    while named.indices.contains(index) {
      let key = named[index]
      namedKey = [UInt8](key[prefix.count...])
      rowOver = over?.keyRow(namedKey) ?? []
      if !rowOver.isEmpty { return true }
      if try cursor.seek(key.raw), cursor.key.equals(key.raw) { return true }
      index += step
    }
    return false
  }

  // MARK: In key order

  /// Brings named keys in key order, each once.
  mutating func sort() {
    named = named.map { keys in
      let sorted = keys.sorted { $0.raw.compare($1.raw) < 0 }
      return sorted.enumerated().filter { $0.offset == 0 || sorted[$0.offset - 1] != $0.element }.map(\.element)
    }
  }

  /// Moves to the first key not below a bound. Named keys must be sorted.
  mutating func seek(from bound: [UInt8]?) throws(StoreError) -> Bool {
    if let named {
      index = bound.map { Self.lowerBound(named, $0) } ?? 0
      return try land(1)
    }
    let low = bound.map { $0.raw.compare(range.low.raw) > 0 ? $0 : range.low } ?? range.low
    return try cursor.seek(low.raw) && range.contains(cursor.key)
  }

  /// Moves to the last key below a bound. Named keys must be sorted.
  mutating func seek(before bound: [UInt8]?) throws(StoreError) -> Bool {
    if let named {
      index = (bound.map { Self.lowerBound(named, $0) } ?? named.count) - 1
      return try land(-1)
    }
    var range = range
    if let bound { range.end(before: bound) }
    let found = if let high = range.high, try cursor.seek(high.raw) { try cursor.previous() } else { try cursor.last() }
    return found && range.contains(cursor.key)
  }

  private static func lowerBound(_ keys: [[UInt8]], _ bound: [UInt8]) -> Int {
    var (low, high) = (0, keys.count)
    while low < high {
      let middle = (low + high) / 2
      let key = keys[middle]
      if key.raw.compare(bound.raw) < 0 { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Moves to the next key in key order. Named keys must be sorted.
  mutating func next() throws(StoreError) -> Bool {
    if named != nil {
      index += 1
      return try land(1)
    }
    return try cursor.next() && range.contains(cursor.key)
  }

  /// A key as the bounds take it.
  func bound(_ key: [UInt8]) -> [UInt8] { prefix + key }

  /// The bound behind a group's keys: above a value that follows, and not above a string that goes on with a NUL.
  func end(of common: [UInt8]) -> [UInt8] { prefix + common + [0xFF] }
}
