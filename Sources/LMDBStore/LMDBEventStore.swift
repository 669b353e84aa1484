import CLMDB
public import EventStore

// `unsafe` in this file: calls of LMDB with the write transaction that this thread began.

/// A database on LMDB: one environment in one folder, `data.mdb`, `lock.mdb` and `start`.
///
/// Any number of threads may read (1000 at a time), one writes. The environment is opened when it is needed and closed when `close` is called or,
/// under a provider, when others are needed more; `generation` rises with each opening. After `close` every call throws `closed`.
/// Writing inside a read of the same store, or closing inside any of its transactions, would wait for itself: both trap.
public final class LMDBEventStore: EventStore {
  /// The folder that holds the environment.
  public let folder: String
  private let gate: Gate
  private let life: Life
  private let writing = Monitor()

  /// Opens the database in a folder, or makes it there. Nothing is written to one that exists.
  ///
  /// The caller sees to it that no other process writes to the folder; `LMDBEventStoreProvider` does so for all that it opens.
  /// - Parameters:
  ///   - create: makes the folder and an empty database if there is none; its files are on disk when this returns.
  ///   - readOnly: for looking at a database beside the process that writes it; writes throw `storage`.
  /// - Throws: `storage` if there is none and `create` is false, `damaged` or `format` if it can't be read.
  public convenience init(folder: String, create: Bool = true, readOnly: Bool = false) throws(StoreError) {
    try self.init(folder: folder, create: create, readOnly: readOnly, mapBytes: nil, openSet: nil)
  }

  /// - Parameter mapBytes: the first map, to see it grow.
  package convenience init(folder: String, mapBytes: Int) throws(StoreError) {
    try self.init(folder: folder, create: true, readOnly: false, mapBytes: mapBytes, openSet: nil)
  }

  /// - Parameter uncleanEnds: how many processes in a row that had the folder before this one were killed, or crashed.
  init(
    folder: String, create: Bool, readOnly: Bool, mapBytes: Int?, openSet: OpenSet?, uncleanEnds: Int = 0
  ) throws(StoreError) {
    let life = Life(folder: folder, mapBytes: mapBytes, readOnly: readOnly, create: create, uncleanEnds: uncleanEnds)
    (self.folder, self.life) = (folder, life)
    gate = Gate(openSet: openSet) { () throws(StoreError) in try life.open() }
    try gate.withEnvironment { (_) throws(StoreError) in }
  }

  deinit { gate.close() }

  // MARK: reading

  public func read<R>(_ body: (borrowing any StoreReader & ~Copyable) throws(StoreError) -> R) throws(StoreError) -> R {
    let state = try gate.beginReading()
    defer { gate.endReading(state) }
    return try body(ReadTransaction(state))
  }

  /// `read` with the transaction's own type, for loops in which the protocol's indirection counts.
  public func reading<R>(_ body: (borrowing ReadTransaction) throws(StoreError) -> R) throws(StoreError) -> R {
    let state = try gate.beginReading()
    defer { gate.endReading(state) }
    return try body(ReadTransaction(state))
  }

  public func whenReads(areYoungerThan age: Duration, _ then: @escaping @Sendable () -> Void) {
    gate.whenReads(areYoungerThan: age, then)
  }

  // MARK: writing

  public func write<R>(_ size: WriteSize, _ body: (borrowing any StoreWriter & ~Copyable) throws(StoreError) -> R) throws(StoreError) -> R {
    try writeUntilItFits(size) { (state) throws(StoreError) in try body(WriteTransaction(state)) }
  }

  /// `write` with the transaction's own type, for loops in which the protocol's indirection counts.
  public func writing<R>(_ size: WriteSize, _ body: (borrowing WriteTransaction) throws(StoreError) -> R) throws(StoreError) -> R {
    try writeUntilItFits(size) { (state) throws(StoreError) in try body(WriteTransaction(state)) }
  }

  /// One write transaction at a time; when the map is full, again in a larger one.
  private func writeUntilItFits<R>(_ size: WriteSize, _ body: (TransactionState) throws(StoreError) -> R) throws(StoreError) -> R {
    if Held.transaction(of: ObjectIdentifier(gate)) != nil { fatalError("a write inside a transaction of the same store") }
    if life.readOnly { throw StoreError(.storage, "\(folder) was opened for reading only") }
    writing.lock()
    defer { writing.unlock() }
    while true {
      try checkRoom(size)
      switch try attempt(size, body) {
      case .done(let result): return result
      case .mapFull(let mapBytes): life.grow(beyond: mapBytes)
      case .stale: break
      }
      gate.reopen()
    }
  }

  private enum Attempt<R> {
    case done(R)
    /// Nothing was written: the map of so many bytes is full.
    case mapFull(Int)
    /// Nothing was tried: the environment must be opened anew.
    case stale
  }

  private func attempt<R>(_ size: WriteSize, _ body: (TransactionState) throws(StoreError) -> R) throws(StoreError) -> Attempt<R> {
    let state: TransactionState
    switch try gate.beginWriting() {
    case .success(let begun): state = begun
    case .failure(let failure):
      if failure.code.isMapFull { return .mapFull(failure.mapBytes) }
      life.doubt.note(failure.code, failure.code.error("write to", folder).message)
      if failure.code.isMapTooSmall || failure.code.isPanic { return .stale }
      throw failure.code.error("write to", folder)
    }
    let makesTables = !state.hasTables
    let result = Result { () throws(StoreError) in
      if makesTables { try makeTables(state) }
      return try body(state)
    }
    if let failure = state.failure {
      unsafe mdb_txn_abort(state.handle)
      gate.endWriting(state, madeTables: false)
      if failure.isMapFull { return .mapFull(state.environment.mapBytes) }
      throw refused(failure, "write to", size)
    }
    guard case .success(let value) = result else {
      unsafe mdb_txn_abort(state.handle)
      gate.endWriting(state, madeTables: false)
      return .done(try result.get())
    }
    let code = unsafe LMDBCode(mdb_txn_commit(state.handle))
    let isBroken = !code.isSuccess && !code.isMapFull && isBroken(state.environment)
    gate.endWriting(state, madeTables: makesTables && code.isSuccess)
    if code.isSuccess { return .done(value) }
    if code.isMapFull { return .mapFull(state.environment.mapBytes) }
    if isBroken { throw reopenedAfterUnknown(code) }
    throw refused(code, "commit to", size)
  }

  private func makeTables(_ state: TransactionState) throws(StoreError) {
    do throws(StoreError) {
      state.hasTables = try unsafe Environment.openTables(in: state.handle, folder, create: true)
    } catch {
      // Making seven rows fails as any put may; the state's code decides what becomes of the transaction.
      if state.failure == nil { throw error }
    }
  }

  // MARK: failures

  /// After a failed commit LMDB refuses to begin again exactly if writing the meta page failed.
  private func isBroken(_ environment: Environment) -> Bool {
    var begun: OpaquePointer?
    let code = unsafe LMDBCode(mdb_txn_begin(environment.handle, nil, 0, &begun))
    if code.isSuccess { unsafe mdb_txn_abort(begun) }
    return code.isPanic
  }

  /// What the disk holds is unknown until it was flushed and read again: no transaction runs before that.
  private func reopenedAfterUnknown(_ code: LMDBCode) -> StoreError {
    life.doubt.tell("commit to \(folder): \(code.text)")
    life.flushNext()
    gate.reopen()
    // An error in opening comes back with the next transaction, which opens it again.
    try? gate.withEnvironment { (_) throws(StoreError) in }
    return StoreError(.outcomeUnknown, "commit to \(folder): \(code.text)")
  }

  private func refused(_ code: LMDBCode, _ what: String, _ size: WriteSize) -> StoreError {
    life.doubt.note(code, code.error(what, folder).message)
    // A full disk may show as a bare EIO.
    if code.kind == .storage, let free = try? FileSystem.freeBytes(folder), free < roomNeeded(size) {
      return StoreError(.diskFull, "\(what) \(folder): \(code.text), \(free) bytes free")
    }
    return code.error(what, folder)
  }

  /// 8 MiB + 2 × the bytes + 8 KiB × the events: pages are rewritten whole, twice for what is split.
  private func roomNeeded(_ size: WriteSize) -> UInt64 {
    8 << 20 + 2 * UInt64(clamping: size.bytes) + 8 << 10 * UInt64(clamping: size.events)
  }

  private func checkRoom(_ size: WriteSize) throws(StoreError) {
    let free = try FileSystem.freeBytes(folder)
    let needed = roomNeeded(size)
    if free < needed { throw StoreError(.diskFull, "\(folder): \(free) bytes free, \(needed) needed") }
  }

  // MARK: beside the data

  public var generation: UInt64 { gate.generation }

  /// Inode (8) ‖ birth time, seconds (8) ‖ nanoseconds (4) of `data.mdb`, big-endian; the birth time is zero where the file system has none.
  public func place() throws(StoreError) -> [UInt8] { try FileSystem.place(Environment.dataFile(folder)) }

  public func startMark() throws(StoreError) -> [UInt8]? { try FileSystem.contents(folder + "/start") }

  public func setStartMark(_ mark: [UInt8]) throws(StoreError) { try FileSystem.replace(folder + "/start", with: mark) }

  /// Pages in use × the size of a page. O(transactions whose pages are free).
  public func bytesUsed() throws(StoreError) -> UInt64 { try gate.withEnvironment { (open) throws(StoreError) in try open.bytesUsed() } }

  public func whenInDoubt(_ tell: @escaping @Sendable (String) -> Void) { life.doubt.setListener(tell) }

  /// Frees what readers in other processes held that have died; see `readOnly`. O(readers).
  public func forgetDeadReaders() throws(StoreError) {
    try gate.withEnvironment { (open) throws(StoreError) in try open.forgetDeadReaders() }
  }

  public func close() { gate.close() }

  /// Whether its environment is open at this moment.
  package var isOpen: Bool { gate.isOpen }
  /// Whether somebody waits for the transactions under way to end.
  package var isAwaitedAlone: Bool { gate.isAwaitedAlone }
  var isClosed: Bool { gate.isClosed }
}
