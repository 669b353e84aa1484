import CLMDB
import EventModel
public import EventStore

// `unsafe` in this file: calls of LMDB with a cursor that this object owns while its transaction lasts, and the bytes that LMDB lends, which
// stay in place until the transaction ends or its next put or delete; both are checked before they are looked at.

/// A place in one table's order, valid until its transaction ends; used after that it traps.
///
/// A put or delete may move the bytes under a cursor. So in a write transaction it keeps a copy of its key and, when something was written since,
/// finds its place again by that: it stands at that key even if the row is gone.
///
/// `row` is where LMDB writes the key and value that it lends, with the stamp that the transaction had then. Offsets, 8 bytes each:
///
/// | 0 | 8 | 16 | 24 | 32 |
/// | --- | --- | --- | --- | --- |
/// | bytes of the key | its start | bytes of the value | its start | stamp |
@safe public final class Cursor: StoreCursor {
  @usableFromInline let row: UnsafeMutableRawPointer
  /// The transaction's stamp: while it equals the row's, the row is in place.
  @usableFromInline let stamp: UnsafeMutablePointer<UInt64>
  private let state: TransactionState
  private let serial: UInt64
  /// Nil while the store has no tables: then there is no row.
  private let handle: OpaquePointer?
  /// Where the key is copied to, in a write transaction only.
  private let kept: UnsafeMutableRawPointer?

  /// The stamp of a cursor that has no row.
  private static let nowhere = UInt64.max
  private static let rowBytes = 40

  init(_ table: Table, _ state: TransactionState) throws(StoreError) {
    var opened: OpaquePointer?
    if state.hasTables {
      let code = unsafe LMDBCode(mdb_cursor_open(state.handle, table.handle, &opened))
      if !code.isSuccess { throw state.fails(code, "open a cursor on \(table.name) of") }
    }
    (self.state, serial) = (state, state.serial)
    unsafe (handle, stamp) = (opened, state.stamp)
    unsafe row = .allocate(byteCount: Self.rowBytes + (state.writes ? Environment.keyBytesMax : 0), alignment: 8)
    unsafe kept = state.writes ? row + Self.rowBytes : nil
    unsafe row.initializeMemory(as: MDB_val.self, repeating: MDB_val(), count: 2)
    rowStamp = Self.nowhere
  }

  deinit {
    // LMDB itself closes the cursors of a write transaction when that ends, and never those of a read transaction.
    if !state.writes || state.serial == serial { unsafe mdb_cursor_close(handle) }
    unsafe row.deallocate()
  }

  public func seek(_ key: RawSpan) throws(StoreError) -> Bool {
    checkOpen()
    if key.isEmpty { return try move(MDB_FIRST) }
    return try unsafe key.withUnsafeBytes { (bytes) throws(StoreError) in
      unsafe rowKey.pointee = MDB_val(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
      return try move(MDB_SET_RANGE)
    }
  }

  public func next() throws(StoreError) -> Bool { isInPlace ? try move(MDB_NEXT) : try nextAgain() }

  public func previous() throws(StoreError) -> Bool { isInPlace ? try move(MDB_PREV) : try previousAgain() }

  public func last() throws(StoreError) -> Bool {
    checkOpen()
    return try move(MDB_LAST)
  }

  @inlinable public var key: RawSpan {
    @_lifetime(borrow self) get {
      if !isInPlace { findKey() }
      let start = unsafe row.load(fromByteOffset: 8, as: UnsafeRawPointer.self)
      return unsafe _overrideLifetime(RawSpan(_unsafeStart: start, byteCount: row.load(as: Int.self)), borrowing: self)
    }
  }

  @inlinable public var value: RawSpan {
    @_lifetime(borrow self) get {
      if !isInPlace { findValue() }
      let start = unsafe row.load(fromByteOffset: 24, as: UnsafeRawPointer.self)
      return unsafe _overrideLifetime(RawSpan(_unsafeStart: start, byteCount: row.load(fromByteOffset: 16, as: Int.self)), borrowing: self)
    }
  }

  // MARK: places

  private enum Again { case found, beyond, end }

  @inlinable @inline(__always) var rowStamp: UInt64 {
    get { unsafe row.load(fromByteOffset: 32, as: UInt64.self) }
    set { unsafe row.storeBytes(of: newValue, toByteOffset: 32, as: UInt64.self) }
  }

  @inlinable @inline(__always) var isInPlace: Bool { unsafe rowStamp == stamp.pointee }

  private var rowKey: UnsafeMutablePointer<MDB_val> { unsafe row.assumingMemoryBound(to: MDB_val.self) }

  /// Moves LMDB's cursor; a search takes its key from `rowKey`.
  @inline(__always) private func move(_ operation: MDB_cursor_op) throws(StoreError) -> Bool {
    guard let handle = unsafe handle else { return false }
    let code = unsafe mdb_cursor_get(handle, rowKey, rowKey + 1, operation)
    if code != 0 { return try stop(code) }
    unsafe rowStamp = stamp.pointee
    if let kept = unsafe kept { unsafe kept.copyMemory(from: rowKey.pointee.mv_data, byteCount: rowKey.pointee.mv_size) }
    return true
  }

  @inline(never) private func stop(_ code: Int32) throws(StoreError) -> Bool {
    rowStamp = Self.nowhere
    if code == MDB_NOTFOUND { return false }
    throw state.fails(LMDBCode(code), "move a cursor in")
  }

  // MARK: after something was written, or where it stands nowhere

  @inline(never) private func nextAgain() throws(StoreError) -> Bool {
    checkOpen()
    if rowStamp == Self.nowhere { return try move(MDB_FIRST) }
    return try seekAgain() == .found ? try move(MDB_NEXT) : rowStamp != Self.nowhere
  }

  @inline(never) private func previousAgain() throws(StoreError) -> Bool {
    checkOpen()
    if rowStamp == Self.nowhere { return try move(MDB_LAST) }
    return try seekAgain() == .end ? try move(MDB_LAST) : try move(MDB_PREV)
  }

  /// Goes back to the kept key: to its row, else to the first beyond it, else nowhere.
  private func seekAgain() throws(StoreError) -> Again {
    guard let kept = unsafe kept else { return .end }
    let wanted = unsafe [UInt8](UnsafeRawBufferPointer(start: kept, count: rowKey.pointee.mv_size))
    unsafe rowKey.pointee.mv_data = kept
    guard try move(MDB_SET_RANGE) else { return .end }
    return unsafe RawSpan(rowKey.pointee).equals(wanted.raw) ? .found : .beyond
  }

  /// The kept key stands for one whose bytes have moved. Traps if there is none.
  @usableFromInline @inline(never) func findKey() {
    checkOpen()
    guard rowStamp != Self.nowhere, let kept = unsafe kept else { fatalError("a cursor that stands nowhere was asked for its row") }
    unsafe rowKey.pointee.mv_data = kept
  }

  /// Gets the row again. Traps if it is gone, or can't be read any more.
  @usableFromInline @inline(never) func findValue() {
    findKey()
    guard case .some(.found) = try? seekAgain() else { fatalError("the row on which a cursor stood was deleted") }
  }

  private func checkOpen() {
    if state.serial != serial { fatalError("a cursor was used after its transaction ended") }
  }
}
