/// Loads, stores and comparisons of big-endian integers and byte ranges. Integers on disk and wire are big-endian.

extension [UInt8] {
  /// The elements as raw bytes, borrowed.
  @inlinable public var raw: RawSpan {
    @_lifetime(borrow self) get {
      // Safe: every byte of [UInt8] is initialised, which is all that `bytes` asks of the caller.
      unsafe span.bytes
    }
  }

  /// Appends an integer, most significant byte first.
  @inlinable public mutating func appendBigEndian<I: FixedWidthInteger>(_ value: I) {
    unsafe Swift.withUnsafeBytes(of: value.bigEndian) { unsafe append(contentsOf: $0) }
  }

  /// Appends the bytes of a span.
  @inlinable public mutating func append(copying bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { unsafe append(contentsOf: $0) }
  }

  /// A copy of the bytes of a span.
  @inlinable public init(copying bytes: RawSpan) {
    self = unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  /// Overwrites the bytes at `offset` with an integer, most significant byte first.
  @inlinable public mutating func storeBigEndian<I: FixedWidthInteger>(_ value: I, at offset: Int) {
    precondition(offset >= 0 && offset + MemoryLayout<I>.size <= count)
    unsafe withUnsafeMutableBytes { unsafe $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: I.self) }
  }
}

extension RawSpan {
  /// The byte at `offset`. Traps outside the span.
  @inlinable public subscript(_ offset: Int) -> UInt8 {
    precondition(offset >= 0 && offset < byteCount)
    // Safe: bounds were checked, and UInt8 has no invalid bit pattern.
    return unsafe unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
  }

  /// The big-endian integer at `offset`. Traps outside the span.
  @inlinable public func bigEndian<I: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as: I.Type = I.self) -> I {
    precondition(offset >= 0 && offset + MemoryLayout<I>.size <= byteCount)
    // Safe: bounds were checked, and integers have no invalid bit pattern.
    return unsafe I(bigEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: I.self))
  }

  /// Whether both spans hold the same bytes.
  @inlinable public func equals(_ other: RawSpan) -> Bool {
    byteCount == other.byteCount && compare(other) == 0
  }

  /// Lexicographic order of unsigned bytes, a prefix first: below, at or above 0.
  @inlinable public func compare(_ other: RawSpan) -> Int {
    unsafe withUnsafeBytes { left in
      unsafe other.withUnsafeBytes { right in
        let common = min(left.count, right.count)
        var offset = 0
        while offset + 8 <= common {
          let a = unsafe UInt64(bigEndian: left.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
          let b = unsafe UInt64(bigEndian: right.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
          if a != b { return a < b ? -1 : 1 }
          offset += 8
        }
        while offset < common {
          let a = unsafe left[offset]
          let b = unsafe right[offset]
          if a != b { return a < b ? -1 : 1 }
          offset += 1
        }
        return left.count - right.count
      }
    }
  }

  /// Whether the span begins with `prefix`.
  @inlinable public func starts(with prefix: RawSpan) -> Bool {
    byteCount >= prefix.byteCount && extracting(first: prefix.byteCount).equals(prefix)
  }
}
