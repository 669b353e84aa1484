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

extension ViewHeader {
  /// Puts rows, and the header that comes with them in the place of this one; false: another one is there.
  func replace(by after: ViewHeader, with puts: PutList, _ writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) -> Bool {
    guard let row = try writer.get(.view, key.raw), row.equals(bytes.raw) else { return false }
    for index in 0..<puts.count {
      let key = puts.key(index)
      if let value = puts.value(index) { try writer.put(.view, key, value) } else { try writer.delete(.view, key) }
    }
    try writer.put(.view, after.key.raw, after.bytes.raw)
    return true
  }
}

/// Where a slice reads what is there: what is stored, with what is ahead of it. Lives as long as its transaction.
struct SliceSource {
  /// For scans, and for single rows.
  let rows: any StoreCursor
  private let single: any StoreCursor

  init(_ ahead: Ahead?, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) {
    let (rows, single) = (try reader.cursor(.view), try reader.cursor(.view))
    self.rows = ahead.map { AheadCursor($0, rows) } ?? rows
    self.single = ahead.map { AheadCursor($0, single) } ?? single
  }

  /// Whether there is a row.
  func has(_ key: [UInt8]) throws(StoreError) -> Bool {
    guard try single.seek(key.raw) else { return false }
    return single.key.equals(key.raw)
  }

  /// What `read` makes of a row's value; nil: there is none.
  func get<R>(_ key: [UInt8], _ read: (RawSpan) throws(StoreError) -> R) throws(StoreError) -> R? {
    try has(key) ? read(single.value) : nil
  }
}

/// A cursor over the table of views as if what is ahead were in it.
///
/// `unsafe` in this file: bytes of a put, which its array keeps as long as this object lives; and those that the stored cursor lends.
final class AheadCursor: StoreCursor {
  private let stored: any StoreCursor
  private let ahead: Ahead
  /// The first put that isn't below the place, and whether the stored cursor stands on the first such row.
  private var at = 0
  private var isStored = false
  /// Whether the row is a put.
  private var isPut = false

  init(_ ahead: Ahead, _ stored: any StoreCursor) { (self.ahead, self.stored) = (ahead, stored) }

  private var stands: Bool { isPut || isStored }

  func seek(_ key: RawSpan) throws(StoreError) -> Bool {
    (at, isStored) = (ahead.lowerBound(key), try stored.seek(key))
    return try settle()
  }

  func next() throws(StoreError) -> Bool {
    let least: [UInt8] = []
    guard stands else { return try seek(least.raw) }
    let (stored, ahead) = (stored, ahead)
    if isPut {
      let key = ahead.puts[at].key
      if isStored, stored.key.equals(key.raw) { isStored = try stored.next() }
      at += 1
    } else {
      isStored = try stored.next()
    }
    return try settle()
  }

  /// Passes over what is deleted.
  private func settle() throws(StoreError) -> Bool {
    let (stored, ahead) = (stored, ahead)
    isPut = false
    while at < ahead.puts.count {
      let put = ahead.puts[at]
      let order = isStored ? put.key.raw.compare(stored.key) : -1
      if order > 0 { break }
      if put.value != nil {
        isPut = true
        return true
      }
      if order == 0 { isStored = try stored.next() }
      at += 1
    }
    return isStored
  }

  func previous() throws(StoreError) -> Bool {
    guard stands else { return try last() }
    let stored = stored
    let bound = [UInt8](copying: key)
    let found = try stored.seek(bound.raw) ? stored.previous() : stored.last()
    return try standBefore(ahead.lowerBound(bound.raw), found)
  }

  func last() throws(StoreError) -> Bool { try standBefore(ahead.puts.count, stored.last()) }

  /// Moves to the last row of the first puts and of those up to the stored cursor's place, if that has any.
  private func standBefore(_ end: Int, _ found: Bool) throws(StoreError) -> Bool {
    let (stored, ahead) = (stored, ahead)
    var (end, found) = (end, found)
    while end > 0 {
      let put = ahead.puts[end - 1]
      let order = found ? put.key.raw.compare(stored.key) : 1
      if order < 0 { break }
      if put.value != nil { return try seek(put.key.raw) }
      if order == 0 { found = try stored.previous() }
      end -= 1
    }
    guard found else {
      (isPut, isStored) = (false, false)
      return false
    }
    let key = [UInt8](copying: stored.key)
    return try seek(key.raw)
  }

  var key: RawSpan {
    @_lifetime(borrow self) get {
      let (stored, ahead) = (stored, ahead)
      if isPut {
        let bytes = ahead.puts[at].key
        return unsafe _overrideLifetime(bytes.raw, borrowing: self)
      }
      return unsafe _overrideLifetime(stored.key, borrowing: self)
    }
  }

  var value: RawSpan {
    @_lifetime(borrow self) get {
      let (stored, ahead) = (stored, ahead)
      if isPut, let bytes = ahead.puts[at].value { return unsafe _overrideLifetime(bytes.raw, borrowing: self) }
      return unsafe _overrideLifetime(stored.value, borrowing: self)
    }
  }
}
