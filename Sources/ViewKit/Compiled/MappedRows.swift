import EventModel

/// What events were mapped to: their rows, in bytes that lie side by side, so that a million of them need no allocation each.
package struct MappedRows: Sendable {
  package struct Row: Sendable {
    /// Which of the events.
    package let event: Int
    /// Which of the event's rows.
    package let index: Int
    /// Where in `bytes` its key lies.
    package let key: Range<Int>
    /// Where in `bytes` the row lies as it is stored.
    package let row: Range<Int>
  }

  package private(set) var rows: [Row] = []
  package private(set) var bytes: [UInt8] = []
  /// Which events the view skips, and why.
  package private(set) var refused: [(event: Int, why: Refusal)] = []
  /// How many events there are.
  package private(set) var events = 0
  /// Where those of the event under way begin.
  private var start = (row: 0, byte: 0)

  package init() {}

  /// Forgets the events, and keeps the memory.
  package mutating func removeAll() {
    rows.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
    refused.removeAll()
    (events, start) = (0, (0, 0))
  }

  mutating func add<Row>(_ key: some ViewKey, _ row: Row, _ coding: StoredCoding<Row>, rowBytesMax: Int) throws {
    let start = bytes.count
    try KeyBytes.append(key, to: &bytes)
    let middle = bytes.count
    try coding.write(row, to: &bytes)
    guard bytes.count - middle <= rowBytesMax else {
      throw Refusal("", "a row of \(bytes.count - middle) bytes, at most \(rowBytesMax) are taken")
    }
    rows.append(Self.Row(event: events, index: rows.count - self.start.row, key: start..<middle, row: middle..<bytes.count))
  }

  /// - Parameter refused: why the event has no rows.
  mutating func endEvent(refused why: Refusal? = nil) {
    if let why {
      rows.removeLast(rows.count - start.row)
      bytes.removeLast(bytes.count - start.byte)
      refused.append((events, why))
    }
    events += 1
    start = (rows.count, bytes.count)
  }
}
