import EventModel
import EventStore

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
