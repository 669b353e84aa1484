import CLMDB
import EventStore

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

// `unsafe` in this file: strings of static lifetime, returned by LMDB and the C library.

/// What a call of LMDB or of the system returned: 0, an LMDB code (negative) or an error number.
struct LMDBCode: Equatable {
  let value: Int32

  init(_ value: Int32) { self.value = value }

  var isSuccess: Bool { value == 0 }
  var isNotFound: Bool { value == MDB_NOTFOUND }
  var isMapFull: Bool { value == MDB_MAP_FULL }
  /// Another process has made the file larger than this map.
  var isMapTooSmall: Bool { value == MDB_MAP_RESIZED }
  var isKeyThere: Bool { value == MDB_KEYEXIST }
  /// The environment must not be used again: writing the meta page failed.
  var isPanic: Bool { value == MDB_PANIC }
  var isDiskFull: Bool { value == ENOSPC || value == EDQUOT }

  /// Whether pages that aren't what was written show so. Some of these have other causes too: only a check of the whole file can say.
  var maySayDamage: Bool {
    switch value {
    case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID, MDB_CURSOR_FULL, MDB_PAGE_FULL, MDB_PANIC, MDB_INCOMPATIBLE, MDB_BAD_TXN,
      MDB_BAD_VALSIZE, MDB_BAD_DBI, MDB_BAD_RSLOT:
      true
    default: false
    }
  }

  var text: String { unsafe String(cString: mdb_strerror(value)) }

  /// The error of a store that the code means.
  var kind: StoreError.Code {
    switch value {
    case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_INVALID, MDB_CURSOR_FULL, MDB_PAGE_FULL: .damaged
    case MDB_VERSION_MISMATCH, MDB_INCOMPATIBLE: .format
    case MDB_READERS_FULL: .busy
    case MDB_PANIC: .outcomeUnknown
    case ENOSPC, EDQUOT: .diskFull
    default: .storage
    }
  }

  /// The error, with what was tried and where.
  func error(_ what: String, _ path: String) -> StoreError { StoreError(kind, "\(what) \(path): \(text)") }

  /// Throws unless the call succeeded.
  func check(_ what: @autoclosure () -> String, _ path: String) throws(StoreError) {
    if !isSuccess { throw error(what(), path) }
  }
}
