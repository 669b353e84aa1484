import EventModel
import NIOCore

/// A request's head whose meaning is known, recognised by its bytes: a client that keeps its connection sends the same head again and
/// again, and only the body's length differs.
final class KnownHead: Sendable {
  enum Match: Equatable {
    case other
    /// The same so far.
    case incomplete
    /// The same: so many bytes of head, and of body behind it.
    case same(head: Int, body: Int)
  }

  let call: ShortCall
  /// Up to the length's digits.
  private let before: [UInt8]
  /// From behind the digits to the blank line's end.
  private let after: [UInt8]

  private static let digitsMax = 8

  /// - Parameter head: a whole head, blank line and all, that was decoded and found to be `call`.
  /// - Returns: nil if the place of its length isn't plain to see.
  init?(_ head: [UInt8], call: ShortCall) {
    let name = [UInt8]("content-length:".utf8)
    var place: Range<Int>?
    for start in head.indices where start > 0 && head[start - 1] == UInt8(ascii: "\n") && head.count - start > name.count {
      guard zip(head[start...], name).allSatisfy({ $0 | 0x20 == $1 || $0 == $1 }) else { continue }
      if place != nil { return nil }
      var from = start + name.count
      while from < head.count, head[from] == UInt8(ascii: " ") { from += 1 }
      var to = from
      while to < head.count, head[to].isDigit { to += 1 }
      place = from..<to
    }
    guard let place, !place.isEmpty, place.upperBound < head.count, head[place.upperBound] == UInt8(ascii: "\r") else { return nil }
    self.call = call
    before = Array(head[..<place.lowerBound])
    after = Array(head[place.upperBound...])
  }

  /// Compares the start of what came with this head. O(length of the head).
  func match(_ bytes: RawSpan) -> Match {
    let (before, after) = (before, after)
    guard bytes.starts(with: before.raw, from: 0) else { return .other }
    var at = before.count
    var length = 0
    while at < bytes.byteCount {
      let byte = bytes[at]
      guard byte.isDigit else { break }
      // One form of each number: what the decoder says of others is its own affair.
      if at - before.count == Self.digitsMax || (at > before.count && length == 0) { return .other }
      length = length * 10 + Int(byte & 0x0F)
      at += 1
    }
    if at >= bytes.byteCount { return .incomplete }
    guard at > before.count, bytes.starts(with: after.raw, from: at) else { return .other }
    return bytes.byteCount < at + after.count ? .incomplete : .same(head: at + after.count, body: length)
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { self >= 0x30 && self <= 0x39 }
}

extension RawSpan {
  /// Whether the bytes from `start` are those of `other`, as far as both go.
  fileprivate func starts(with other: RawSpan, from start: Int) -> Bool {
    let count = Swift.min(byteCount - start, other.byteCount)
    return extracting(start..<start + count).equals(other.extracting(first: count))
  }
}
