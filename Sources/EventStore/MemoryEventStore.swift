package import EventModel
package import Synchronization

/// A store in memory: for tests, simulation, and apps that keep nothing. Snapshots share what they have in common.
///
/// What is "on disk" is what was committed: `MemoryEventStoreProvider` keeps it, so a store that is dropped and opened again is a process
/// that died and came back.
public final class MemoryEventStore: EventStore {
  package struct Contents: Sendable {
    var tables = [SortedBytes](repeating: SortedBytes(), count: Table.allCases.count)
    package var mark: [UInt8]?
    package var place: [UInt8] = []

    package init() {}

    /// The SHA-256 of all rows of some tables.
    package func digest(of tables: [Table]) -> Digest {
      var bytes: [UInt8] = []
      for table in tables {
        for row in self.tables[table.rawValue].chunks.joined() {
          bytes.appendBigEndian(UInt32(table.rawValue))
          Self.add(row.key, to: &bytes)
          Self.add(row.value, to: &bytes)
        }
      }
      return Digest.sha256(bytes.raw)
    }

    private static func add(_ part: [UInt8], to bytes: inout [UInt8]) {
      bytes.appendBigEndian(UInt32(part.count))
      bytes += part
    }

    /// Whether a table has the same rows.
    package func equals(_ other: Contents, _ table: Table) -> Bool {
      tables[table.rawValue].chunks.joined().elementsEqual(other.tables[table.rawValue].chunks.joined()) {
        $0.key == $1.key && $0.value == $1.value
      }
    }
  }

  /// What outlives the store: owned by the mutex.
  package final class Disk: Sendable {
    package let contents: Mutex<Contents>
    package init(_ contents: Contents = Contents()) { self.contents = Mutex(contents) }
  }

  let disk: Disk
  private let writing = Mutex(())

  public convenience init() { self.init(disk: Disk()) }

  package init(disk: Disk) { self.disk = disk }

  public func read<R>(_ body: (borrowing any StoreReader & ~Copyable) throws(StoreError) -> R) throws(StoreError) -> R {
    let tables = MemoryTables(disk.contents.withLock { $0.tables })
    defer { tables.end() }
    let reader: any StoreReader & ~Copyable = MemoryTransaction(tables: tables)
    return try body(reader)
  }

  public func write<R>(
    _ size: WriteSize, _ body: (borrowing any StoreWriter & ~Copyable) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    try writing.withLock { (_: inout Void) throws(StoreError) -> R in
      let tables = MemoryTables(disk.contents.withLock { $0.tables })
      defer { tables.end() }
      let writer: any StoreWriter & ~Copyable = MemoryTransaction(tables: tables)
      let result = try body(writer)
      disk.contents.withLock { $0.tables = tables.tables }
      return result
    }
  }

  public var generation: UInt64 { 1 }
  public func place() -> [UInt8] { disk.contents.withLock { $0.place } }
  public func startMark() -> [UInt8]? { disk.contents.withLock { $0.mark } }
  public func setStartMark(_ mark: [UInt8]) { disk.contents.withLock { $0.mark = mark } }

  public func bytesUsed() -> UInt64 {
    disk.contents.withLock { contents in
      contents.tables.reduce(0) { sum, table in
        sum + table.chunks.reduce(0) { $0 + $1.reduce(0) { $0 + UInt64($1.key.count + $1.value.count) } }
      }
    }
  }

  public func close() {}
}
