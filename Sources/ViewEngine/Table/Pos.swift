import EventModel
import ViewKit

/// A row's place in the order of happening, the same on every node. 34 bytes, integers big-endian; places sort as their bytes do.
///
/// | offset | bytes | |
/// | --- | --- | --- |
/// | 0 | 16 | ULID |
/// | 16 | 16 | SHA-256(body)[0..<16] |
/// | 32 | 2 | emit index: which of the event's rows |
struct Pos: Hashable, Comparable, Sendable {
  static let bytesCount = 34
  /// Below every row: where the block of the rows before the first start begins.
  static let zero = Pos(id: 0, digest: 0, index: 0)
  /// Above every row.
  static let end = Pos(id: .max, digest: .max, index: .max)

  let id: UInt128
  let digest: UInt128
  let index: UInt16

  init(id: UInt128, digest: UInt128, index: UInt16) { (self.id, self.digest, self.index) = (id, digest, index) }

  init(_ when: Happened, emitIndex: Int) {
    self.init(id: when.id.value, digest: when.digest, index: UInt16(truncatingIfNeeded: emitIndex))
  }

  /// Reads the 34 bytes at `offset`. Traps outside the span.
  init(reading bytes: RawSpan, at offset: Int = 0) {
    self.init(id: bytes.bigEndian(at: offset), digest: bytes.bigEndian(at: offset + 16), index: bytes.bigEndian(at: offset + 32))
  }

  var when: Happened { Happened(id: ULID(value: id), digest: digest) }

  func write(to bytes: inout [UInt8]) {
    bytes.appendBigEndian(id)
    bytes.appendBigEndian(digest)
    bytes.appendBigEndian(index)
  }

  static func < (a: Pos, b: Pos) -> Bool {
    if a.id != b.id { return a.id < b.id }
    return a.digest == b.digest ? a.index < b.index : a.digest < b.digest
  }

  /// The least place above this one; an event's rows are far fewer than 2¹⁶.
  var next: Pos { Pos(id: id, digest: digest, index: index &+ 1) }

  static let levelMax = 12

  /// At how many levels of the summary tree a block starts here: the trailing zero 5-bit groups of the first 8 bytes of
  /// SHA-256("laterbase tree 1" ‖ pos), at most 12. So one row in 32ᵏ has a level of at least k, and no node can choose which.
  var level: Int {
    var bytes = Self.label
    bytes.reserveCapacity(bytes.count + Self.bytesCount)
    write(to: &bytes)
    return min(Digest.sha256(bytes.raw).first8.trailingZeroBitCount / 5, Self.levelMax)
  }

  private static let label = [UInt8]("laterbase tree 1".utf8)
}
