import CLMDB
import EventStore

// `unsafe` in this file: the handle of a transaction, and a number behind a pointer that this object allocates and frees.

/// What a transaction shares with its cursors: LMDB's handle, and whether it is still the same transaction.
///
/// Kept between reads: a read transaction is reset after use and renewed for the next. Used by one thread at a time.
@safe final class TransactionState {
  let environment: Environment
  let handle: OpaquePointer
  /// Of which gate, so that a thread knows what it holds.
  let gate: ObjectIdentifier
  let writes: Bool
  /// Tables were there when the transaction began, or it made them.
  var hasTables = false
  /// Rises when the transaction ends, so that a cursor of an ended one is known.
  var serial: UInt64 = 0
  /// Rises when bytes that were lent may be gone: with each put and delete, and when the transaction ends. Behind a pointer, because that is
  /// read with each row: without a call, and without a check of exclusive access.
  let stamp: UnsafeMutablePointer<UInt64>
  /// The first call that failed in this write transaction: it must not be committed, whatever the body makes of the error.
  var failure: LMDBCode?
  /// The transaction that this thread was in already: see `Held`.
  var outer: Unmanaged<TransactionState>?
  /// Of a read under way: since when, and the reads that began before and after it. Guarded by the gate's monitor: see `ReadAges`.
  var began: ContinuousClock.Instant?
  var older: TransactionState?
  var newer: TransactionState?

  init(_ environment: Environment, _ handle: OpaquePointer, _ gate: ObjectIdentifier, writes: Bool) {
    unsafe self.handle = handle
    unsafe stamp = .allocate(capacity: 1)
    unsafe stamp.initialize(to: 0)
    (self.environment, self.gate, self.writes) = (environment, gate, writes)
  }

  deinit { unsafe stamp.deallocate() }

  /// What was lent so far is not to be looked at any more.
  @inline(__always) func renewStamp() { unsafe stamp.pointee &+= 1 }

  /// Makes its cursors, and what they stand on, those of an ended transaction.
  func end() {
    serial &+= 1
    renewStamp()
  }

  /// The error of a call that failed; a write transaction will not be committed.
  @inline(never) func fails(_ code: LMDBCode, _ what: String) -> StoreError {
    if writes && failure == nil { failure = code }
    let error = code.error(what, environment.folder)
    environment.doubt?.note(code, error.message)
    return error
  }
}
