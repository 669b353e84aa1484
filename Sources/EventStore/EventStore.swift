/// The tables of a store: seven ordered maps of bytes to bytes, keys compared as unsigned bytes, a prefix first.
///
/// Keys and values, integers big-endian (DESIGN §3):
///
/// | table | key → value |
/// | --- | --- |
/// | meta | name → bytes; see `Meta`. Under names that begin with `clock `: see `KeptClock` |
/// | log | origin (8) ‖ n (8) → record |
/// | ids | ULID (16) ‖ SHA-256(body)[0..<16] → flags (1) ‖ the element's dots in rising order: HLC (8) ‖ origin (8) ‖ n (8) each |
/// | again | origin (8) ‖ n (8) → nothing: every dot of an element with more than one |
/// | arrivals | origin (8) ‖ own HLC (8) → n (8): what a merge brought when; under HLC 0 what was recorded here before |
/// | voids | ULID voided (16) ‖ dot of the void (16) → nothing |
/// | view | views' own: to them one ordered byte map |
public enum Table: Int, CaseIterable, Sendable {
  case meta, log, ids, again, arrivals, voids, view

  public var name: String { "\(self)" }
}

/// A snapshot of a store's tables. Valid inside the closure that was handed it, as are the spans and cursors that it returns;
/// in a write transaction a span is valid until the next put or delete.
public protocol StoreReader: ~Copyable {
  /// The value under a key, or nil. O(log rows).
  @_lifetime(borrow self)
  func get(_ table: Table, _ key: RawSpan) throws(StoreError) -> RawSpan?

  /// A cursor that stands nowhere yet. Using it after the transaction traps.
  func cursor(_ table: Table) throws(StoreError) -> any StoreCursor
}

/// A place in one table's order. A class, so that many can be held at once (a feed merges one a log).
public protocol StoreCursor: AnyObject {
  /// Moves to the first row whose key is not below `key`; false if there is none. O(log rows).
  func seek(_ key: RawSpan) throws(StoreError) -> Bool
  /// Moves one row on (to the first row, if it stands nowhere); false at the end.
  func next() throws(StoreError) -> Bool
  /// Moves one row back (to the last row, if it stands nowhere); false at the beginning.
  func previous() throws(StoreError) -> Bool
  /// Moves to the last row; false if the table is empty.
  func last() throws(StoreError) -> Bool
  /// The key where it stands; traps where it stands nowhere, as after a false.
  var key: RawSpan { @_lifetime(borrow self) get }
  /// The value where it stands.
  var value: RawSpan { @_lifetime(borrow self) get }
}

/// The one write transaction of a store. It sees its own writes.
public protocol StoreWriter: StoreReader, ~Copyable {
  /// Puts a row, replacing the one under the same key.
  /// - Parameter rising: a hint that the key is above every key of the table; ignored if it isn't.
  func put(_ table: Table, _ key: RawSpan, _ value: RawSpan, rising: Bool) throws(StoreError)

  /// Puts a row of a value in two parts, one behind the other.
  func put(_ table: Table, _ key: RawSpan, _ head: RawSpan, _ tail: RawSpan, rising: Bool) throws(StoreError)

  /// Deletes a row; false if there was none.
  @discardableResult
  func delete(_ table: Table, _ key: RawSpan) throws(StoreError) -> Bool
}

extension StoreWriter where Self: ~Copyable {
  public func put(_ table: Table, _ key: RawSpan, _ value: RawSpan) throws(StoreError) { try put(table, key, value, rising: false) }
}

/// What a write transaction is about to bring, so that a store can refuse it before it begins when the disk is nearly full.
public struct WriteSize: Sendable {
  public var bytes: Int
  public var events: Int

  public init(bytes: Int, events: Int) {
    self.bytes = bytes
    self.events = events
  }
}

/// Where one database is kept: seven ordered maps, snapshot reads, one durable write transaction at a time.
///
/// Laws, checked by `StoreConformance` on every implementation:
/// - A read sees one committed state, whole, however long it lasts; it never waits for a write.
/// - When `write` returns, its rows are on disk; when it throws, none of them are, unless the error says `outcomeUnknown`.
/// - After a crash at any moment the store holds exactly the writes of some prefix that includes all that returned.
public protocol EventStore: AnyObject, Sendable {
  /// Runs `body` on a snapshot. Synchronous: nothing may be awaited inside, so no slow client pins old pages.
  func read<R>(_ body: (borrowing any StoreReader & ~Copyable) throws(StoreError) -> R) throws(StoreError) -> R

  /// Runs `body` in the write transaction, on this thread, and commits with a flush; an error aborts it and changes nothing.
  /// `body` may run more than once (a full map is enlarged and the transaction run again), so it must start from the same values.
  func write<R>(_ size: WriteSize, _ body: (borrowing any StoreWriter & ~Copyable) throws(StoreError) -> R) throws(StoreError) -> R

  /// Calls `then` once no read under way has lasted as long as this: at once, or when the last such read ends.
  ///
  /// The pages that a snapshot shows can't be used again while it is read, so whoever writes much and can wait lets the storage not grow.
  /// Default: at once, for stores that it makes no difference to.
  func whenReads(areYoungerThan age: Duration, _ then: @escaping @Sendable () -> Void)

  /// Calls `tell` whenever it shows that what is on disk may not be what was written, beyond single records: from any thread, also inside of
  /// transactions, with words for a person. What was seen before is told at once. One listener at a time; by default there is nothing to tell.
  func whenInDoubt(_ tell: @escaping @Sendable (String) -> Void)

  /// Rises each time the storage is opened. Whoever caches what it read must read it again when this has changed.
  var generation: UInt64 { get }

  /// What tells this very file from a copy of it (for LMDB the data file's inode and birth time), empty where nothing can.
  func place() throws(StoreError) -> [UInt8]

  /// The start mark beside the data: written flushed and atomically, nil if there is none.
  func startMark() throws(StoreError) -> [UInt8]?
  func setStartMark(_ mark: [UInt8]) throws(StoreError)

  /// Bytes in use, dead pages not counted.
  func bytesUsed() throws(StoreError) -> UInt64

  /// Waits for transactions under way, then lets go of the storage. Later calls open it again or throw `closed`.
  func close()
}

extension EventStore {
  public func whenReads(areYoungerThan age: Duration, _ then: @escaping @Sendable () -> Void) { then() }

  public func whenInDoubt(_ tell: @escaping @Sendable (String) -> Void) {}
}

/// Where databases are kept: what a node opens them from.
public protocol EventStoreProvider: Sendable {
  /// The names of the databases that are there, sorted.
  func names() throws(StoreError) -> [String]
  /// Opens a database, or returns nil if it isn't there and `create` is false. At most once at a time for each name.
  func open(_ name: String, create: Bool) throws(StoreError) -> (any EventStore)?
  /// Removes a database whose store was closed.
  func remove(_ name: String) throws(StoreError)
  /// Puts what is kept of a database that can't be opened where nothing looks for databases: it is not there any more, and may be made, or
  /// filled again by peers.
  /// - Returns: where it is now, for a person.
  /// - Throws: `storage` if the provider knows no such place; that is the default.
  func setAside(_ name: String) throws(StoreError) -> String
  /// Where the damaged databases of a name are that were set aside, and are still there, the oldest first. By default none.
  func asides(of name: String) throws(StoreError) -> [String]
}

extension EventStoreProvider {
  public func setAside(_ name: String) throws(StoreError) -> String {
    throw StoreError(.storage, "there is no place to set the database \(name) aside")
  }

  public func asides(of name: String) throws(StoreError) -> [String] { [] }
}
