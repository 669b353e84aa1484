import EventModel
import EventStore

/// A row of the table to be put, or deleted if its value is nil.
typealias Put = (key: [UInt8], value: [UInt8]?)

/// Rows to be put or deleted, one after the other. Their bytes lie side by side: a slice has thousands of them.
struct PutList: Sendable {
  private struct Ends {
    let key: Int
    /// nil: the row is to be deleted.
    let value: Int?
  }

  private var bytes: [UInt8] = []
  private var ends: [Ends] = []

  init() {}

  init(_ puts: [Put]) {
    for (key, value) in puts { append(key, value) }
  }

  var count: Int { ends.count }
  /// Of all keys and values.
  var byteCount: Int { bytes.count }
  /// Whether any row is put.
  var puts: Bool { ends.contains { $0.value != nil } }

  /// Each with memory of its own.
  var all: [Put] {
    (0..<count).map { index in
      var value: [UInt8]?
      if let bytes = self.value(index) { value = [UInt8](copying: bytes) }
      return ([UInt8](copying: key(index)), value)
    }
  }

  mutating func append(_ key: [UInt8], _ value: [UInt8]?) {
    bytes.append(contentsOf: key)
    let end = bytes.count
    if let value { bytes.append(contentsOf: value) }
    ends.append(Ends(key: end, value: value == nil ? nil : bytes.count))
  }

  /// Puts what `write` writes at a place behind a prefix.
  mutating func append(_ prefix: [UInt8], _ pos: Pos, _ write: (inout [UInt8]) -> Void) {
    bytes.append(contentsOf: prefix)
    pos.write(to: &bytes)
    let end = bytes.count
    write(&bytes)
    ends.append(Ends(key: end, value: bytes.count))
  }

  /// Deletes what is at a place behind a prefix.
  mutating func delete(_ prefix: [UInt8], _ pos: Pos) {
    bytes.append(contentsOf: prefix)
    pos.write(to: &bytes)
    ends.append(Ends(key: bytes.count, value: nil))
  }

  mutating func append(contentsOf other: PutList) {
    let start = bytes.count
    bytes.append(contentsOf: other.bytes)
    for end in other.ends { ends.append(Ends(key: start + end.key, value: end.value.map { start + $0 })) }
  }

  mutating func reserve(_ count: Int, bytes: Int) {
    ends.reserveCapacity(count)
    self.bytes.reserveCapacity(bytes)
  }

  @_lifetime(borrow self)
  func key(_ index: Int) -> RawSpan {
    bytes.raw.extracting((index == 0 ? 0 : ends[index - 1].value ?? ends[index - 1].key)..<ends[index].key)
  }

  /// nil: the row is to be deleted.
  @_lifetime(borrow self)
  func value(_ index: Int) -> RawSpan? {
    guard let end = ends[index].value else { return nil }
    return bytes.raw.extracting(ends[index].key..<end)
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
