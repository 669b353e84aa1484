import CLMDB
public import EventStore

// `unsafe` in this file: calls of LMDB with the handle of a transaction that is open while this value is borrowed.

/// A snapshot of a store's tables, lent to a closure.
@safe public struct ReadTransaction: ~Copyable, StoreReader {
  let state: TransactionState

  init(_ state: TransactionState) { self.state = state }

  @_lifetime(borrow self)
  public func get(_ table: Table, _ key: RawSpan) throws(StoreError) -> RawSpan? {
    guard let found = try unsafe state.get(table, key) else { return nil }
    return unsafe _overrideLifetime(RawSpan(found), borrowing: self)
  }

  public func cursor(_ table: Table) throws(StoreError) -> any StoreCursor { try Cursor(table, state) }
}

extension Cursor {
  /// A cursor of a known type, for loops in which the protocol's indirection counts.
  public convenience init(_ table: Table, in transaction: borrowing ReadTransaction) throws(StoreError) {
    try self.init(table, transaction.state)
  }

  public convenience init(_ table: Table, in transaction: borrowing WriteTransaction) throws(StoreError) {
    try self.init(table, transaction.state)
  }
}

extension TransactionState {
  /// The value under a key, or nil. An empty or overlong key is nowhere.
  @inline(__always) func get(_ table: Table, _ key: RawSpan) throws(StoreError) -> MDB_val? {
    if !hasTables || key.isEmpty { return nil }
    var value = unsafe MDB_val()
    let code = unsafe LMDBCode(key.withLMDBValue { unsafe mdb_get(handle, table.handle, &$0, &value) })
    if code.isSuccess { return unsafe value }
    if code.isNotFound { return nil }
    throw fails(code, "get from \(table.name) of")
  }
}
