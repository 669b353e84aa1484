public import Crypto

/// The 32 bytes of a SHA-256 digest, as four big-endian words: 32 bytes inline, compared word by word.
public struct Digest: Hashable, Comparable, Sendable {
  public let words: InlineWords

  /// Four words, the most significant first.
  public struct InlineWords: Hashable, Sendable {
    public let a, b, c, d: UInt64

    @inlinable public init(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) {
      self.a = a
      self.b = b
      self.c = c
      self.d = d
    }
  }

  @inlinable public init(words: InlineWords) { self.words = words }

  /// Reads the 32 bytes at `offset`.
  @inlinable public init(reading bytes: RawSpan, at offset: Int = 0) {
    words = InlineWords(
      bytes.bigEndian(at: offset), bytes.bigEndian(at: offset + 8), bytes.bigEndian(at: offset + 16), bytes.bigEndian(at: offset + 24))
  }

  @inlinable public init(_ digest: SHA256.Digest) {
    // Safe: the closure's buffer is the digest's own 32 bytes.
    self = unsafe digest.withUnsafeBytes { unsafe Digest(reading: RawSpan(_unsafeBytes: $0)) }
  }

  /// SHA-256 of the bytes.
  public static func sha256(_ bytes: RawSpan) -> Digest {
    var hash = SHA256()
    hash.update(span: bytes)
    return Digest(hash.finalize())
  }

  /// The first 8 bytes: what a clock carries of a chain.
  @inlinable public var first8: UInt64 { words.a }
  /// The first 16 bytes: what an element's key and a row's place carry of a body.
  @inlinable public var first16: UInt128 { UInt128(words.a) << 64 | UInt128(words.b) }

  @inlinable public static func < (x: Digest, y: Digest) -> Bool {
    (x.words.a, x.words.b, x.words.c, x.words.d) < (y.words.a, y.words.b, y.words.c, y.words.d)
  }

  /// Appends the 32 bytes.
  public func write(to bytes: inout [UInt8]) {
    bytes.appendBigEndian(words.a)
    bytes.appendBigEndian(words.b)
    bytes.appendBigEndian(words.c)
    bytes.appendBigEndian(words.d)
  }

  /// The digest as 64 lower-case hex characters.
  public var hex: String { [words.a, words.b, words.c, words.d].map(\.hex).joined() }
}

extension UInt64 {
  /// 16 lower-case hex characters.
  public var hex: String {
    let text = String(self, radix: 16)
    return String(repeating: "0", count: 16 - text.utf8.count) + text
  }
}

extension SHA256 {
  /// Hashes the bytes of a span.
  @inlinable public mutating func update(span: RawSpan) {
    unsafe span.withUnsafeBytes { unsafe update(bufferPointer: $0) }
  }
}
