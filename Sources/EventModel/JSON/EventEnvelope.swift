/// The members of an event that are not its body, and what they must be (API.md §2).
struct EventEnvelope: ~Copyable {
  /// The names that the top level of an event may have with a leading `_`.
  private enum Member: String, CaseIterable {
    case id = "_id", at = "_at", key = "_key", voids = "_voids"
    case origin = "_origin", seq = "_seq", hlc = "_hlc", voidedBy = "_voided_by"

    static let names: [(prefix: UInt64, bytes: UInt32, member: Member)] = allCases.map {
      let name = [UInt8]($0.rawValue.utf8)
      return (name.raw.prefix(at: 0, count: name.count), UInt32(name.count), $0)
    }

    init?(_ piece: JSONPiece, _ names: JSONNames) {
      guard let entry = Self.names.first(where: { $0.prefix == piece.prefix && $0.bytes == piece.nameBytes }) else { return nil }
      if entry.bytes > 8, !names.name(of: piece).equals([UInt8](entry.member.rawValue.utf8).raw) { return nil }
      self = entry.member
    }
  }

  private(set) var id: ULID?
  private(set) var at: Instant?
  private(set) var key: [UInt8]?
  private(set) var voids: [ULID] = []
  /// Whether a member was taken off, or `_voids` is written otherwise.
  private(set) var changed = false
  /// Where the members begin in the input.
  private var atOffset = 0
  private var keyOffset = 0
  private var voidsOffset = 0

  /// Takes the members whose names begin with `_` off an event's, which lie on the tape's `open`, sorted. `_voids` stays.
  ///
  /// - Parameter eventBytes: how long the event's text is.
  init(takenFrom tape: inout JSONTape, _ input: RawSpan, eventBytes: Int) throws(EventError) {
    guard let first = tape.open.firstIndex(where: Self.isReserved) else { return }
    var kept = first
    for index in first..<tape.open.count {
      var piece = tape.open[index]
      if Self.isReserved(piece) {
        guard try take(&piece, from: &tape, input, eventBytes) else { continue }
      }
      tape.open[kept] = piece
      kept += 1
    }
    tape.open.removeSubrange(kept...)
    try checkAgreement()
  }

  @inline(__always) private static func isReserved(_ piece: JSONPiece) -> Bool { piece.prefix &>> 56 == UInt64(UInt8(ascii: "_")) }

  /// Reads one member.
  /// - Returns: whether it stays in the body.
  private mutating func take(
    _ piece: inout JSONPiece, from tape: inout JSONTape, _ input: RawSpan, _ eventBytes: Int
  ) throws(EventError) -> Bool {
    let offset = tape.names(input).offset(of: piece)
    guard let member = Member(piece, tape.names(input)) else {
      throw Self.error(
        String(decoding: [UInt8](copying: tape.names(input).name(of: piece)), as: UTF8.self), offset, "there is no such envelope member")
    }
    switch member {
    case .id: id = try Self.id(piece.value, &tape, input, offset)
    case .at:
      at = try Self.at(piece.value, &tape, input, offset)
      atOffset = offset
    case .key:
      key = try Self.key(piece.value, &tape, input, offset)
      keyOffset = offset
    case .voids:
      voidsOffset = offset
      try takeVoids(&piece.value, from: &tape, input, eventBytes)
      return true
    case .origin, .seq, .hlc, .voidedBy: break
    }
    changed = true
    return false
  }

  private static func id(_ value: JSONValue, _ tape: inout JSONTape, _ input: RawSpan, _ offset: Int) throws(EventError) -> ULID {
    if tape.unescape(value, input) {
      let text = tape.unescaped.raw
      if let id = text.byteCount == 36 ? ULID(uuidV7: text) : ULID(text: text) { return id }
    }
    throw error("_id", offset, "not a ULID, nor a UUID of version 7")
  }

  private static func at(_ value: JSONValue, _ tape: inout JSONTape, _ input: RawSpan, _ offset: Int) throws(EventError) -> Instant {
    if tape.unescape(value, input), let at = Instant(rfc3339: tape.unescaped.raw) { return at }
    throw error("_at", offset, "not a time of RFC 3339 with an offset, 1970 to 9999")
  }

  private static func key(_ value: JSONValue, _ tape: inout JSONTape, _ input: RawSpan, _ offset: Int) throws(EventError) -> [UInt8] {
    if tape.unescape(value, input), tape.unescaped.count <= ParsedEvent.keyBytesMax { return [UInt8](copying: tape.unescaped.raw) }
    throw error("_key", offset, "not a string of at most \(ParsedEvent.keyBytesMax) bytes")
  }

  private func checkAgreement() throws(EventError) {
    if let id, let at, id.at != at { throw Self.error("_at", atOffset, "not the time that is in _id") }
    if key != nil {
      if id != nil { throw Self.error("_key", keyOffset, "_key and _id exclude each other") }
      if at == nil { throw Self.error("_key", keyOffset, "_key needs _at") }
    }
    if let id, voids.contains(id) { throw Self.error("_voids", voidsOffset, "an event can't void itself") }
  }

  private static func error(_ name: String, _ offset: Int, _ detail: String) -> EventError {
    var pointer = "/"
    for scalar in name.unicodeScalars {
      if scalar == "~" { pointer += "~0" } else if scalar == "/" { pointer += "~1" } else { pointer.unicodeScalars.append(scalar) }
    }
    return EventError(.badEvent, offset: offset, pointer: pointer, detail: detail)
  }
}

// MARK: Voids
extension EventEnvelope {
  /// Reads `_voids`; if it isn't an array of upper-case ULIDs, sorted and without repeats, such a one takes its place.
  private mutating func takeVoids(
    _ value: inout JSONValue, from tape: inout JSONTape, _ input: RawSpan, _ eventBytes: Int
  ) throws(EventError) {
    var given: [UInt8] = []
    tape.append(value, input, inputBytes: eventBytes, to: &given)
    voids = try Self.voids(given.raw, voidsOffset)
    var text = [UInt8(ascii: "[")]
    for (index, id) in voids.enumerated() {
      text.append(contentsOf: index == 0 ? [UInt8(ascii: "\"")] : [UInt8(ascii: ","), UInt8(ascii: "\"")])
      id.write(to: &text)
      text.append(UInt8(ascii: "\""))
    }
    text.append(UInt8(ascii: "]"))
    guard value.form != .input || text != given else { return }
    value = tape.scratched(text)
    changed = true
  }

  /// Reads a ULID or an array of them. Their text is in normal form, so a ULID has no escapes.
  private static func voids(_ text: RawSpan, _ offset: Int) throws(EventError) -> [ULID] {
    guard text[0] == UInt8(ascii: "[") else { return [try void(in: text, at: 0, "_voids", offset)] }
    guard text.byteCount > 2 else { return [] }
    var ids: [ULID] = []
    var at = 0
    while text[at] != UInt8(ascii: "]") {
      guard ids.count < ParsedEvent.voidsMax else { throw error("_voids", offset, "more than \(ParsedEvent.voidsMax) ULIDs") }
      ids.append(try void(in: text, at: at + 1, "_voids/\(ids.count)", offset))
      at += 29
    }
    ids.sort()
    var unique: [ULID] = []
    for id in ids where id != unique.last { unique.append(id) }
    return unique
  }

  /// The ULID in quotes at `start`.
  private static func void(in text: RawSpan, at start: Int, _ place: String, _ offset: Int) throws(EventError) -> ULID {
    if start + 28 <= text.byteCount, text[start] == UInt8(ascii: "\""), text[start + 27] == UInt8(ascii: "\""),
      let id = ULID(text: text.extracting(start + 1..<start + 27))
    {
      return id
    }
    throw EventError(
      .badEvent, offset: offset, pointer: "/" + place, detail: place == "_voids" ? "not a ULID, nor an array of ULIDs" : "not a ULID")
  }
}

extension JSONTape {
  /// Puts a string's UTF-8 into `unescaped`.
  /// - Returns: whether the value is a string.
  mutating func unescape(_ value: JSONValue, _ input: RawSpan) -> Bool {
    unescaped.removeAll(keepingCapacity: true)
    do throws(JSONError) {
      switch value.form {
      case .input: return try Self.unescape(input, value.range, to: &unescaped)
      case .scratch: return try Self.unescape(scratch, value.range, to: &unescaped)
      case .object, .array: return false
      }
    } catch {
      return false  // never: the string has been scanned
    }
  }

  private static func unescape(_ bytes: [UInt8], _ value: Range<Int>, to unescaped: inout [UInt8]) throws(JSONError) -> Bool {
    try unescape(bytes.raw, value, to: &unescaped)
  }

  private static func unescape(_ bytes: RawSpan, _ value: Range<Int>, to unescaped: inout [UInt8]) throws(JSONError) -> Bool {
    guard bytes[value.lowerBound] == UInt8(ascii: "\"") else { return false }
    try bytes.appendUnescaped(value.lowerBound + 1..<value.upperBound - 1, to: &unescaped)
    return true
  }

  /// A value whose text is put into the scratch space.
  mutating func scratched(_ text: [UInt8]) -> JSONValue {
    let start = scratch.count
    scratch.append(contentsOf: text)
    return JSONValue(.scratch, start..<scratch.count)
  }
}
