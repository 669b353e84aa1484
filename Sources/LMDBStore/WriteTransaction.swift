import CLMDB
public import EventStore

// `unsafe` in this file: calls of LMDB with the handle of a transaction that is open while this value is borrowed, and the page bytes that
// LMDB reserves for a value, which are written whole before anything else is done.

/// The write transaction of a store, lent to a closure. It sees its own writes.
@safe public struct WriteTransaction: ~Copyable, StoreWriter {
  let state: TransactionState

  init(_ state: TransactionState) { self.state = state }

  @_lifetime(borrow self)
  public func get(_ table: Table, _ key: RawSpan) throws(StoreError) -> RawSpan? {
    guard let found = try unsafe state.get(table, key) else { return nil }
    return unsafe _overrideLifetime(RawSpan(found), borrowing: self)
  }

  public func cursor(_ table: Table) throws(StoreError) -> any StoreCursor { try Cursor(table, state) }

  public func put(_ table: Table, _ key: RawSpan, _ value: RawSpan, rising: Bool) throws(StoreError) {
    try state.check(key)
    state.renewStamp()
    let code = unsafe key.withLMDBValue { key in
      unsafe value.withLMDBValue { value in
        guard rising else { return unsafe mdb_put(state.handle, table.handle, &key, &value, 0) }
        let code = unsafe mdb_put(state.handle, table.handle, &key, &value, UInt32(MDB_APPEND))
        return code == MDB_KEYEXIST ? unsafe mdb_put(state.handle, table.handle, &key, &value, 0) : code
      }
    }
    if code != 0 { throw state.fails(LMDBCode(code), "put into \(table.name) of") }
  }

  public func put(_ table: Table, _ key: RawSpan, _ head: RawSpan, _ tail: RawSpan, rising: Bool) throws(StoreError) {
    try state.check(key)
    state.renewStamp()
    let bytes = head.byteCount + tail.byteCount
    var place = unsafe MDB_val(mv_size: bytes, mv_data: nil)
    let code = unsafe key.withLMDBValue { key in
      if rising {
        let code = unsafe mdb_put(state.handle, table.handle, &key, &place, UInt32(MDB_RESERVE | MDB_APPEND))
        if code != MDB_KEYEXIST { return code }
        unsafe place = MDB_val(mv_size: bytes, mv_data: nil)
      }
      return unsafe mdb_put(state.handle, table.handle, &key, &place, UInt32(MDB_RESERVE))
    }
    if code != 0 { throw state.fails(LMDBCode(code), "put into \(table.name) of") }
    guard let start = unsafe place.mv_data else { return }
    unsafe head.withUnsafeBytes { unsafe UnsafeMutableRawBufferPointer(start: start, count: $0.count).copyMemory(from: $0) }
    unsafe tail.withUnsafeBytes {
      unsafe UnsafeMutableRawBufferPointer(start: start + head.byteCount, count: $0.count).copyMemory(from: $0)
    }
  }

  @discardableResult
  public func delete(_ table: Table, _ key: RawSpan) throws(StoreError) -> Bool {
    if key.isEmpty { return false }
    state.renewStamp()
    let code = unsafe LMDBCode(key.withLMDBValue { unsafe mdb_del(state.handle, table.handle, &$0, nil) })
    if code.isNotFound { return false }
    if !code.isSuccess { throw state.fails(code, "delete from \(table.name) of") }
    return true
  }
}

extension TransactionState {
  /// LMDB takes keys of 1 to 511 bytes. A refused key changes nothing, the transaction may go on.
  @inline(__always) func check(_ key: RawSpan) throws(StoreError) {
    if key.isEmpty || key.byteCount > Environment.keyBytesMax { throw Self.refused(key.byteCount) }
  }

  private static func refused(_ bytes: Int) -> StoreError {
    StoreError(.storage, "a key of \(bytes) bytes: LMDB takes 1 to \(Environment.keyBytesMax)")
  }
}
