internal import EventModel
import Synchronization

/// The tables of one transaction. Values that a put replaced are kept until its end, so that a span handed out stays what it was.
/// Not sendable: it stays in the closure of its transaction.
final class MemoryTables {
  private(set) var tables: [SortedBytes]
  private var retired: [SortedBytes.Row] = []
  private(set) var ended = false

  init(_ tables: [SortedBytes]) { self.tables = tables }

  func end() { ended = true }

  func checkOpen() { precondition(!ended, "used after its transaction") }

  func row(_ table: Table, _ key: RawSpan) -> SortedBytes.Row? {
    checkOpen()
    return tables[table.rawValue].find(key).map { tables[table.rawValue][$0] }
  }

  func put(_ table: Table, _ row: SortedBytes.Row) {
    checkOpen()
    if let old = self.row(table, row.key.raw) { retired.append(old) }
    tables[table.rawValue].put(row)
  }

  func delete(_ table: Table, _ key: RawSpan) -> Bool {
    guard let old = row(table, key) else { return false }
    retired.append(old)
    return tables[table.rawValue].remove(key)
  }
}

/// A transaction over tables in memory.
struct MemoryTransaction: ~Copyable, StoreWriter {
  let tables: MemoryTables

  init(tables: MemoryTables) { self.tables = tables }

  @_lifetime(borrow self)
  func get(_ table: Table, _ key: RawSpan) throws(StoreError) -> RawSpan? {
    guard let row = tables.row(table, key) else { return nil }
    // Safe: the tables keep every row, also a replaced one, until they end, and the transaction holds the tables.
    return unsafe _overrideLifetime(row.value.raw, borrowing: self)
  }

  func cursor(_ table: Table) throws(StoreError) -> any StoreCursor { MemoryCursor(tables, table) }

  func put(_ table: Table, _ key: RawSpan, _ value: RawSpan, rising: Bool) throws(StoreError) {
    tables.put(table, SortedBytes.Row(key: [UInt8](copying: key), value: [UInt8](copying: value)))
  }

  func put(_ table: Table, _ key: RawSpan, _ head: RawSpan, _ tail: RawSpan, rising: Bool) throws(StoreError) {
    var value = [UInt8](copying: head)
    value.append(copying: tail)
    tables.put(table, SortedBytes.Row(key: [UInt8](copying: key), value: value))
  }

  func delete(_ table: Table, _ key: RawSpan) throws(StoreError) -> Bool { tables.delete(table, key) }
}

/// A cursor by key, so that it survives writes of its own transaction.
final class MemoryCursor: StoreCursor {
  private let tables: MemoryTables
  private let table: Table
  private var row: SortedBytes.Row?

  init(_ tables: MemoryTables, _ table: Table) {
    self.tables = tables
    self.table = table
  }

  private var sorted: SortedBytes {
    tables.checkOpen()
    return tables.tables[table.rawValue]
  }

  private func stand(_ place: SortedBytes.Place?) -> Bool {
    let sorted = sorted
    row = place.flatMap { $0 == sorted.end ? nil : sorted[$0] }
    return row != nil
  }

  func seek(_ key: RawSpan) throws(StoreError) -> Bool { stand(sorted.lowerBound(key)) }

  func next() throws(StoreError) -> Bool {
    guard let row else { return stand(sorted.chunks.isEmpty ? nil : SortedBytes.Place(chunk: 0, row: 0)) }
    let place = sorted.lowerBound(row.key.raw)
    guard place != sorted.end, sorted[place].key == row.key else { return stand(place) }
    return stand(sorted.after(place))
  }

  func previous() throws(StoreError) -> Bool {
    guard let row else { return try last() }
    return stand(sorted.before(sorted.lowerBound(row.key.raw)))
  }

  func last() throws(StoreError) -> Bool { stand(sorted.before(sorted.end)) }

  var key: RawSpan {
    @_lifetime(borrow self) get {
      guard let row else { preconditionFailure("a cursor that stands nowhere has no key") }
      // Safe: the tables keep the row until they end.
      return unsafe _overrideLifetime(row.key.raw, borrowing: self)
    }
  }

  var value: RawSpan {
    @_lifetime(borrow self) get {
      guard let row else { preconditionFailure("a cursor that stands nowhere has no value") }
      // Safe: as for the key.
      return unsafe _overrideLifetime(row.value.raw, borrowing: self)
    }
  }
}

/// Databases in memory. What was committed outlives a store, so opening a name again is a restart.
public final class MemoryEventStoreProvider: EventStoreProvider {
  private let disks = Mutex<[String: MemoryEventStore.Disk]>([:])

  public init() {}

  /// All that is on disk now, and beside it: what a cloned disk has, or one that is rolled back to this later.
  package func copy() -> MemoryEventStoreProvider {
    let copy = MemoryEventStoreProvider()
    let now = disks.withLock { $0.mapValues { disk in disk.contents.withLock { $0 } } }
    copy.disks.withLock { $0 = now.mapValues { MemoryEventStore.Disk($0) } }
    return copy
  }

  public func names() throws(StoreError) -> [String] { disks.withLock { $0.keys.sorted() } }

  public func open(_ name: String, create: Bool) throws(StoreError) -> (any EventStore)? {
    disks.withLock { disks in
      if let disk = disks[name] { return MemoryEventStore(disk: disk) }
      guard create else { return nil }
      let disk = MemoryEventStore.Disk()
      disks[name] = disk
      return MemoryEventStore(disk: disk)
    }
  }

  public func remove(_ name: String) throws(StoreError) { disks.withLock { $0[name] = nil } }
}
