import EventModel
import NIOCore

/// A request's head whose meaning is known, recognised by its bytes: a client that keeps its connection sends the same head again and
/// again. Of an append only the body's length differs, of a read of one key of a view only the key.
final class KnownHead: Sendable {
  enum Match: Equatable {
    case other
    /// The same so far.
    case incomplete
    /// The same: so many bytes of head, and of body behind it; and where in the head the key stands, if that is what differs.
    case same(head: Int, body: Int, key: Range<Int>? = nil)
  }

  /// What may differ from head to head.
  private enum Difference { case length, key }

  let call: ShortCall
  private let difference: Difference
  /// Up to what may differ.
  private let before: [UInt8]
  /// From behind it to the blank line's end.
  private let after: [UInt8]

  private static let digitsMax = 8
  /// Of a key as a request line has it: longer ones go the long way.
  private static let keyBytesMax = 1024

  /// - Parameter head: a whole head, blank line and all, that was decoded and found to be `call`.
  /// - Returns: nil if the place of what may differ isn't plain to see.
  convenience init?(_ head: [UInt8], call: ShortCall) {
    if case .key = call {
      guard let place = Self.key(in: head) else { return nil }
      self.init(head, call, .key, place)
    } else {
      guard let place = Self.length(in: head) else { return nil }
      self.init(head, call, .length, place)
    }
  }

  private init(_ head: [UInt8], _ call: ShortCall, _ difference: Difference, _ place: Range<Int>) {
    (self.call, self.difference) = (call, difference)
    before = Array(head[..<place.lowerBound])
    after = Array(head[place.upperBound...])
  }

  private static func length(in head: [UInt8]) -> Range<Int>? {
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
    return place
  }

  /// Behind `?key=`, if that is the whole query.
  private static func key(in head: [UInt8]) -> Range<Int>? {
    let name = [UInt8]("?key=".utf8)
    guard let mark = head.firstIndex(of: UInt8(ascii: "?")), head[mark...].starts(with: name) else { return nil }
    let from = mark + name.count
    let to = head[from...].firstIndex { !$0.isOfKey } ?? head.count
    return head[to...].starts(with: " HTTP/1.1\r\n".utf8) ? from..<to : nil
  }

  /// Compares the start of what came with this head. O(length of the head).
  func match(_ bytes: RawSpan) -> Match {
    let (before, after) = (before, after)
    guard bytes.starts(with: before.raw, from: 0) else { return .other }
    if bytes.byteCount < before.count { return .incomplete }
    var (end, length) = (before.count, 0)
    switch difference {
    case .length:
      guard let read = Self.length(bytes, from: before.count) else { return .other }
      (end, length) = read
      if end < bytes.byteCount, end == before.count { return .other }
    case .key:
      while end < bytes.byteCount, bytes[end].isOfKey { end += 1 }
      if end - before.count > Self.keyBytesMax || end == before.count && end < bytes.byteCount { return .other }
    }
    if end == bytes.byteCount { return .incomplete }
    guard bytes.starts(with: after.raw, from: end) else { return .other }
    if bytes.byteCount < end + after.count { return .incomplete }
    return .same(head: end + after.count, body: length, key: difference == .key ? before.count..<end : nil)
  }

  /// Reads a length; nil if it is none in the one form that each number has: what the decoder says of others is its own affair.
  private static func length(_ bytes: RawSpan, from start: Int) -> (end: Int, length: Int)? {
    var (at, length) = (start, 0)
    while at < bytes.byteCount, bytes[at].isDigit {
      if at - start == digitsMax || (at > start && length == 0) { return nil }
      length = length * 10 + Int(bytes[at] & 0x0F)
      at += 1
    }
    return (at, length)
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { self >= 0x30 && self <= 0x39 }

  /// Whether it may stand in a query's value, as a request line has it.
  fileprivate var isOfKey: Bool { self > 0x20 && self < 0x7F && self != UInt8(ascii: "&") && self != UInt8(ascii: "#") }
}

extension RawSpan {
  /// Whether the bytes from `start` are those of `other`, as far as both go.
  fileprivate func starts(with other: RawSpan, from start: Int) -> Bool {
    let count = Swift.min(byteCount - start, other.byteCount)
    return extracting(start..<start + count).equals(other.extracting(first: count))
  }
}
