import CLMDB

// `unsafe` in this file: bytes pass between spans and LMDB's (length, pointer) pairs; LMDB only reads what it is given here.

extension RawSpan {
  /// Lends the bytes as LMDB takes them.
  @inline(__always) func withLMDBValue<R>(_ body: (inout MDB_val) -> R) -> R {
    unsafe withUnsafeBytes { bytes in
      var value = unsafe MDB_val(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
      return unsafe body(&value)
    }
  }

  /// The bytes that LMDB lends; the caller binds the span to what keeps them.
  @_lifetime(immortal)
  @inline(__always) init(_ value: MDB_val) {
    guard let start = unsafe value.mv_data else {
      self = RawSpan()
      return
    }
    let span = unsafe RawSpan(_unsafeStart: start, byteCount: value.mv_size)
    self = unsafe _overrideLifetime(span, copying: ())
  }
}
