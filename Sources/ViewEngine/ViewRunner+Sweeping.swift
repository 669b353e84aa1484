import EventModel
import EventStore
import ViewKit

// What is left of views that nobody reads any more.

extension ViewRunner {
  /// Deletes rows of what is left of other versions, a slice of them; false: there is nothing.
  func sweep() async throws(StoreError) -> Bool {
    let leftover = try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      try headers(reader).leftovers.first
    }
    guard let leftover else { return false }
    return try await Self.sweep(leftover, set, options)
  }

  /// Deletes rows of a view that nobody reads any more, a slice of them; false: there is nothing left.
  static func sweep(_ header: ViewHeader, _ set: EventSet, _ options: ViewEngineOptions) async throws(StoreError) -> Bool {
    let keys = try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) -> [[UInt8]] in
      try Self.keys(of: header, max: options.rowsMax, reader)
    }
    guard !keys.isEmpty else { return false }
    await set.untilReads(areYoungerThan: options.readAgeMax)
    let size = WriteSize(bytes: keys.reduce(0) { $0 + $1.count }, events: keys.count)
    try await set.slice(size) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      for key in keys { try writer.delete(.view, key.raw) }
    }
    return true
  }

  /// Keys of a view, at most `max`: its last ones first, so that the header goes when nothing else is left.
  private static func keys(
    of header: ViewHeader, max: Int, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) -> [[UInt8]] {
    var keys: [[UInt8]] = []
    let cursor = try reader.cursor(.view)
    let end = header.number < .max ? ViewKeys.prefix(header.number + 1, .header) : nil
    var found = if let end, try cursor.seek(end.raw) { try cursor.previous() } else { try cursor.last() }
    while found, keys.count < max, cursor.key.bigEndian(at: 0, as: UInt32.self) == header.number {
      keys.append([UInt8](copying: cursor.key))
      found = try cursor.previous()
    }
    return keys
  }
}
