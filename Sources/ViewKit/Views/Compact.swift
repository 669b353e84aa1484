public import EventModel

/// A binary coding, taken in place of Codable's where a type has it. Equal values, equal bytes.
public protocol Compact: Sendable {
  func write(to bytes: inout [UInt8])
  /// Takes its own bytes off the front.
  init(from bytes: inout ArraySlice<UInt8>) throws
}

/// Stored bytes that are not what was written.
public struct CompactError: Error, Sendable {
  public init() {}
}

extension ArraySlice<UInt8> {
  /// Takes the first `count` bytes off.
  mutating func take(_ count: Int) throws(CompactError) -> ArraySlice<UInt8> {
    guard count >= 0, self.count >= count else { throw CompactError() }
    defer { removeFirst(count) }
    return prefix(count)
  }

  mutating func takeBigEndian<I: FixedWidthInteger>(_ type: I.Type = I.self) throws(CompactError) -> I {
    try take(MemoryLayout<I>.size).reduce(0) { $0 << 8 | I(truncatingIfNeeded: $1) }
  }

  /// An unsigned LEB128 number.
  mutating func takeVariable() throws(CompactError) -> UInt128 {
    var value: UInt128 = 0
    for shift in stride(from: 0, to: 128, by: 7) {
      guard let byte = popFirst() else { throw CompactError() }
      value |= UInt128(byte & 0x7F) << UInt128(shift)
      if byte < 0x80 { return value }
    }
    throw CompactError()
  }

  /// A number as `appendSigned` writes it.
  mutating func takeSigned<I: FixedWidthInteger>(_ type: I.Type = I.self) throws(CompactError) -> I {
    let zigzag = try takeVariable()
    guard let value = I(exactly: Int128(truncatingIfNeeded: zigzag >> 1) ^ -Int128(truncatingIfNeeded: zigzag & 1)) else {
      throw CompactError()
    }
    return value
  }
}

extension [UInt8] {
  /// Appends an unsigned LEB128 number: seven bits a byte, the lowest first.
  mutating func appendVariable(_ value: UInt128) {
    var rest = value
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }

  /// Appends a signed number as unsigned LEB128 of 0, −1, 1, −2, 2 … = 0, 1, 2, 3, 4 …
  mutating func appendSigned(_ value: some FixedWidthInteger) {
    let wide = Int128(truncatingIfNeeded: value)
    appendVariable(UInt128(bitPattern: wide << 1 ^ wide >> 127))
  }
}

extension Compact where Self: FixedWidthInteger {
  public func write(to bytes: inout [UInt8]) { bytes.appendSigned(self) }
  public init(from bytes: inout ArraySlice<UInt8>) throws { self = try bytes.takeSigned() }
}

extension Int: Compact {}
extension Int32: Compact {}
extension Int64: Compact {}
extension Int128: Compact {}
extension UInt: Compact {}
extension UInt32: Compact {}
extension UInt64: Compact {}

extension Double: Compact {
  /// One NaN and one zero, so that equal values have equal bytes.
  var canonical: Double { isNaN ? .nan : self == 0 ? 0 : self }

  public func write(to bytes: inout [UInt8]) { bytes.appendBigEndian(canonical.bitPattern) }
  public init(from bytes: inout ArraySlice<UInt8>) throws { self.init(bitPattern: try bytes.takeBigEndian()) }
}

extension Bool: Compact {
  public func write(to bytes: inout [UInt8]) { bytes.append(self ? 1 : 0) }
  public init(from bytes: inout ArraySlice<UInt8>) throws { self = try bytes.takeBigEndian(UInt8.self) == 1 }
}

extension String: Compact {
  public func write(to bytes: inout [UInt8]) {
    bytes.appendVariable(UInt128(utf8.count))
    bytes.append(contentsOf: utf8)
  }
  public init(from bytes: inout ArraySlice<UInt8>) throws {
    guard let count = Int(exactly: try bytes.takeVariable()) else { throw CompactError() }
    self = String(decoding: try bytes.take(count), as: UTF8.self)
  }
}

/// Its text, as in JSON.
extension Instant: Compact {
  public init(from bytes: inout ArraySlice<UInt8>) throws {
    guard let instant = Instant(rfc3339: [UInt8](try bytes.take(24)).raw) else { throw CompactError() }
    self = instant
  }
}

/// Its text, as in JSON.
extension ULID: Compact {
  public init(from bytes: inout ArraySlice<UInt8>) throws {
    guard let ulid = ULID(text: [UInt8](try bytes.take(26)).raw) else { throw CompactError() }
    self = ulid
  }
}

extension Happened: Compact {
  public func write(to bytes: inout [UInt8]) {
    bytes.appendBigEndian(id.value)
    bytes.appendBigEndian(digest)
  }
  public init(from bytes: inout ArraySlice<UInt8>) throws {
    self.init(id: ULID(value: try bytes.takeBigEndian()), digest: try bytes.takeBigEndian())
  }
}

extension JSON: Compact {
  public func write(to bytes: inout [UInt8]) {
    bytes.appendVariable(UInt128(raw.byteCount))
    bytes.append(copying: raw)
  }
  public init(from bytes: inout ArraySlice<UInt8>) throws {
    guard let count = Int(exactly: try bytes.takeVariable()) else { throw CompactError() }
    self.init(normalForm: [UInt8](try bytes.take(count)))
  }
}

extension Optional: Compact where Wrapped: Compact {
  public func write(to bytes: inout [UInt8]) {
    bytes.append(self == nil ? 0 : 1)
    self?.write(to: &bytes)
  }
  public init(from bytes: inout ArraySlice<UInt8>) throws {
    self = try bytes.takeBigEndian(UInt8.self) == 1 ? Wrapped(from: &bytes) : nil
  }
}
