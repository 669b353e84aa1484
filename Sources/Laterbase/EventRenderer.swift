import EventModel
package import EventStore

/// Writes events as JSON, straight from their records: `_id`, `_at`, `_origin`, `_seq`, `_hlc`, `_voided_by`, then the body's members.
///
/// Most of an envelope is that of the event before: the same origin, often the same millisecond. So it is kept as text, and only what
/// changed is written anew; the body is copied as it is.
package struct EventRenderer: Sendable {
  /// Whether the bodies' members are written, or the envelope only.
  package var bodies: Bool

  /// `{"_id":"` 26 `","_at":"` 24 `","_origin":"` 13 `","_seq":`
  private var head: [UInt8]
  /// `,"_hlc":"` 24 `/`
  private var recorded: [UInt8]
  private var happenedAt: Instant?
  private var recordedAt: Instant?
  private var origin: Origin?

  private enum Place {
    static let id = 8
    static let random = 18
    static let at = 43
    static let origin = 80
    static let recorded = 9
  }

  package init(bodies: Bool = true) {
    self.bodies = bodies
    func blank(_ count: Int) -> String { String(repeating: " ", count: count) }
    head = [UInt8]("{\"_id\":\"\(blank(26))\",\"_at\":\"\(blank(24))\",\"_origin\":\"\(blank(13))\",\"_seq\":".utf8)
    recorded = [UInt8](",\"_hlc\":\"\(blank(24))/".utf8)
  }

  /// Appends one event.
  /// - Parameters:
  ///   - before: a byte to write before it, 0 for none.
  ///   - after: a byte to write behind it, 0 for none.
  package mutating func write(
    _ event: StoredEvent, _ body: RawSpan, before: UInt8 = 0, after: UInt8 = 0, to sink: inout some ByteSink
  ) {
    prepare(event)
    let voids = event.voidedBy.isEmpty ? [] : Self.voidedBy(event.voidedBy)
    let hasMembers = bodies && body.byteCount > 2
    let most = head.count + recorded.count + voids.count + (hasMembers ? body.byteCount : 0) + 32
    sink.append(atMost: most) { bytes in
      if before != 0 { bytes.append(before) }
      bytes.append(copying: head.raw)
      bytes.append(decimal: event.first.dot.n)
      bytes.append(copying: recorded.raw)
      bytes.append(decimal: UInt64(event.first.hlc.counter))
      bytes.append(UInt8(ascii: "\""))
      if !voids.isEmpty { bytes.append(copying: voids.raw) }
      if hasMembers {
        bytes.append(UInt8(ascii: ","))
        bytes.append(copying: body.extracting(droppingFirst: 1))
      } else {
        bytes.append(UInt8(ascii: "}"))
      }
      if after != 0 { bytes.append(after) }
    }
  }

  private mutating func prepare(_ event: StoredEvent) {
    let happened = event.ulid.at
    if happened != happenedAt {
      happenedAt = happened
      var text: [UInt8] = []
      event.ulid.write(to: &text)
      Self.overwrite(&head, at: Place.id, text)
      text.removeAll(keepingCapacity: true)
      happened.write(to: &text)
      Self.overwrite(&head, at: Place.at, text)
    } else {
      Self.writeRandom(event.ulid.low80, to: &head)
    }
    let hlc = event.first.hlc
    if hlc.at != recordedAt {
      recordedAt = hlc.at
      var text: [UInt8] = []
      hlc.at.write(to: &text)
      Self.overwrite(&recorded, at: Place.recorded, text)
    }
    if event.first.dot.origin != origin {
      origin = event.first.dot.origin
      var text: [UInt8] = []
      event.first.dot.origin.write(to: &text)
      Self.overwrite(&head, at: Place.origin, text)
    }
  }

  private static func overwrite(_ bytes: inout [UInt8], at offset: Int, _ text: [UInt8]) {
    for (index, byte) in text.enumerated() { bytes[offset + index] = byte }
  }

  /// Two characters of Crockford's base32 for each value of ten bits, big-endian.
  private static let pairs: [UInt16] = {
    let alphabet = [UInt8]("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)
    return (0..<1024).map { UInt16(alphabet[$0 >> 5]) << 8 | UInt16(alphabet[$0 & 31]) }
  }()

  /// The sixteen characters of a ULID's random part.
  private static func writeRandom(_ low80: UInt128, to bytes: inout [UInt8]) {
    let pairs = Self.pairs
    let high = UInt64(truncatingIfNeeded: low80 >> 40)
    let low = UInt64(truncatingIfNeeded: low80)
    for index in 0..<4 {
      let shift = UInt64(30 - 10 * index)
      bytes.storeBigEndian(pairs[Int(high >> shift & 1023)], at: Place.random + 2 * index)
      bytes.storeBigEndian(pairs[Int(low >> shift & 1023)], at: Place.random + 8 + 2 * index)
    }
  }

  private static func voidedBy(_ ulids: [ULID]) -> [UInt8] {
    var text = [UInt8](",\"_voided_by\":[".utf8)
    for (index, ulid) in ulids.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      text.append(UInt8(ascii: "\""))
      ulid.write(to: &text)
      text.append(UInt8(ascii: "\""))
    }
    text.append(UInt8(ascii: "]"))
    return text
  }
}
