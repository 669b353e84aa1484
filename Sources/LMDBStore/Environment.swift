import CLMDB
import EventStore

// `unsafe` in this file: calls of LMDB with a handle that this object owns, and pointers that live as long as the call.

/// One open LMDB environment with its seven tables: a folder with `data.mdb` and `lock.mdb`, three descriptors and a map.
///
/// Opened once a process: a second opening, or any other opening and closing of its files, would drop the locks of the first.
@safe final class Environment: @unchecked Sendable {
  // Sendable: `handle` never changes and LMDB guards what is behind it; `hasTables` is guarded by the gate that owns this object.
  let handle: OpaquePointer
  let folder: String
  /// Bytes of address space that the file may grow into.
  let mapBytes: Int
  /// Who is told of codes that show damage.
  let doubt: Doubt?
  /// False until the first write transaction has made the tables.
  var hasTables: Bool

  private init(_ handle: OpaquePointer, _ folder: String, mapBytes: Int, hasTables: Bool, doubt: Doubt?) {
    unsafe self.handle = handle
    (self.folder, self.mapBytes, self.hasTables, self.doubt) = (folder, mapBytes, hasTables, doubt)
  }

  /// LMDB's own limit on a key.
  static let keyBytesMax = 511
  /// Rows in LMDB's table of readers. `Gate.readersMax` lets fewer in.
  static let readerSlots: UInt32 = 1024
  /// `data.mdb` twice, one of them for the meta page, and `lock.mdb`.
  static let descriptors = 3
  static let mapBytesDefault = 64 << 30
  private static let mapBytesLeast = 1 << 20

  static func dataFile(_ folder: String) -> String { folder + "/data.mdb" }

  /// max(64 GiB, 4 × the file): address space, not memory.
  static func mapBytes(_ folder: String) throws(StoreError) -> Int {
    max(mapBytesDefault, 4 * Int(clamping: try FileSystem.fileBytes(dataFile(folder))))
  }

  /// Opens an environment that is there; writes nothing. The map is halved until the system grants it.
  static func open(_ folder: String, mapBytes wanted: Int, readOnly: Bool, doubt: Doubt? = nil) throws(StoreError) -> Environment {
    _ = FileSystem.openFilesMax
    let least = max(mapBytesLeast, Int(clamping: try FileSystem.fileBytes(dataFile(folder))))
    var mapBytes = max(wanted, least)
    while true {
      var created: OpaquePointer?
      try unsafe LMDBCode(mdb_env_create(&created)).check("open", folder)
      guard let handle = unsafe created else { throw StoreError(.storage, "open \(folder): no environment") }
      let code = unsafe configureAndOpen(handle, folder, mapBytes, readOnly)
      if code.isSuccess {
        do throws(StoreError) {
          return try unsafe Environment(handle, folder, mapBytes: mapBytes, hasTables: openTables(handle, folder), doubt: doubt)
        } catch {
          unsafe mdb_env_close(handle)
          throw error
        }
      }
      unsafe mdb_env_close(handle)
      guard code.value == ENOMEM, mapBytes / 2 >= least else { throw code.error("open", folder) }
      mapBytes /= 2
    }
  }

  /// Makes an empty environment, whole or not at all: its file is made and flushed beside its place and then moved there. The file and every
  /// new folder are on disk when this returns. Its tables come with the first write.
  static func create(_ folder: String, mapBytes: Int) throws(StoreError) {
    let new = folder + "/.new"
    try FileSystem.makeFolder(folder)
    try FileSystem.removeTree(new)
    try FileSystem.makeFolderHere(new)
    try FileSystem.makeFile(dataFile(new))
    let environment = try open(new, mapBytes: mapBytes, readOnly: false)
    defer { environment.close() }
    try environment.flush()
    try FileSystem.move(dataFile(new), to: dataFile(folder))
    try FileSystem.removeTree(new)
  }

  private static func configureAndOpen(_ handle: OpaquePointer, _ folder: String, _ mapBytes: Int, _ readOnly: Bool) -> LMDBCode {
    var code = unsafe mdb_env_set_mapsize(handle, mapBytes)
    if code == 0 { code = unsafe mdb_env_set_maxdbs(handle, UInt32(Table.allCases.count)) }
    if code == 0 { code = unsafe mdb_env_set_maxreaders(handle, readerSlots) }
    // Never WRITEMAP, never NOSYNC. Without NOTLS a process would stop at 1024 environments, and a thread at one read.
    let flags = UInt32(MDB_NOTLS) | (readOnly ? UInt32(MDB_RDONLY) : 0)
    if code == 0 { code = unsafe mdb_env_open(handle, folder, flags, 0o600) }
    return LMDBCode(code)
  }

  /// Opens the tables' handles in a read transaction; false if none is there yet.
  private static func openTables(_ handle: OpaquePointer, _ folder: String) throws(StoreError) -> Bool {
    var dead: Int32 = 0
    _ = unsafe mdb_reader_check(handle, &dead)
    var begun: OpaquePointer?
    try unsafe LMDBCode(mdb_txn_begin(handle, nil, UInt32(MDB_RDONLY), &begun)).check("read", folder)
    guard let transaction = unsafe begun else { throw StoreError(.storage, "read \(folder): no transaction") }
    do throws(StoreError) {
      let found = try unsafe openTables(in: transaction, folder, create: false)
      // Committing a read transaction keeps the handles that it opened.
      try unsafe LMDBCode(mdb_txn_commit(transaction)).check("read", folder)
      return found
    } catch {
      unsafe mdb_txn_abort(transaction)
      throw error
    }
  }

  /// Opens all seven, or none: they are made in one transaction. LMDB numbers handles in the order of opening, from 2.
  static func openTables(in transaction: OpaquePointer, _ folder: String, create: Bool) throws(StoreError) -> Bool {
    for table in Table.allCases {
      var index: MDB_dbi = 0
      let code = unsafe LMDBCode(mdb_dbi_open(transaction, table.name, create ? UInt32(MDB_CREATE) : 0, &index))
      if code.isNotFound && table == .meta { return false }
      if code.isNotFound { throw StoreError(.format, "\(folder): no table \(table.name)") }
      try code.check("open table \(table.name) of", folder)
      if index != table.handle { throw StoreError(.storage, "\(folder): table \(table.name) got the handle \(index)") }
    }
    return true
  }

  /// Flushes the data file, whatever was written to it and by whom.
  func flush() throws(StoreError) { try unsafe LMDBCode(mdb_env_sync(handle, 1)).check("flush", folder) }

  /// Pages in use × the size of a page, the free list's pages not counted. O(rows of the free list).
  func bytesUsed() throws(StoreError) -> UInt64 {
    var begun: OpaquePointer?
    try unsafe LMDBCode(mdb_txn_begin(handle, nil, UInt32(MDB_RDONLY), &begun)).check("read", folder)
    guard let transaction = unsafe begun else { throw StoreError(.storage, "read \(folder): no transaction") }
    defer { unsafe mdb_txn_abort(transaction) }
    var info = unsafe MDB_envinfo()
    try unsafe LMDBCode(mdb_env_info(handle, &info)).check("measure", folder)
    var stat = MDB_stat()
    try unsafe LMDBCode(mdb_env_stat(handle, &stat)).check("measure", folder)
    let free = try unsafe freePages(transaction)
    return UInt64(max(0, unsafe info.me_last_pgno + 1 - free)) * UInt64(stat.ms_psize)
  }

  /// LMDB keeps its free pages in table 0: transaction → how many (8 bytes, of this machine's order), then each.
  private func freePages(_ transaction: OpaquePointer) throws(StoreError) -> Int {
    var opened: OpaquePointer?
    try unsafe LMDBCode(mdb_cursor_open(transaction, 0, &opened)).check("measure", folder)
    defer { unsafe mdb_cursor_close(opened) }
    var (key, value) = unsafe (MDB_val(), MDB_val())
    var pages = 0
    while true {
      let code = unsafe LMDBCode(mdb_cursor_get(opened, &key, &value, MDB_NEXT))
      if code.isNotFound { return pages }
      try code.check("measure", folder)
      if let start = unsafe value.mv_data, unsafe value.mv_size >= MemoryLayout<Int>.size {
        pages += unsafe start.loadUnaligned(as: Int.self)
      }
    }
  }

  /// Frees the places of readers in processes that have died, whose snapshots would keep old pages for ever.
  func forgetDeadReaders() throws(StoreError) {
    var dead: Int32 = 0
    try unsafe LMDBCode(mdb_reader_check(handle, &dead)).check("free the dead readers of", folder)
  }

  /// Closes it. No transaction may be open: the gate sees to that.
  func close() { unsafe mdb_env_close(handle) }
}

extension Table {
  /// LMDB's handle of the table; 0 and 1 are its own.
  @inline(__always) var handle: MDB_dbi { MDB_dbi(truncatingIfNeeded: rawValue + 2) }
}
