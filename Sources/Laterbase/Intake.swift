package import EventModel
package import EventStore
package import ViewKit

/// The bounds of a request that records events.
public struct IntakeLimits: Sendable {
  /// Events of a request that is one transaction.
  public var eventsMax = 10_000
  /// Bytes of a request that is one transaction.
  public var requestBytesMax = 16 << 20
  /// How far ahead of now an event may have happened.
  public var futureMaxMilliseconds: Int64 = 24 * 3_600_000

  public init() {}
}

/// A request's events, parsed, not named yet.
package struct ParsedEvents: Sendable {
  var input: [UInt8]
  var output: [UInt8] = []
  var events: [ParsedEvent] = []
}

/// Turns the events of one request into drafts: parses, names, hashes and salts them, on the caller's thread.
///
/// The ULID of an event without `_id` is its time (`_at`, else now) and 80 bits: of its external key's digest, or else one number a
/// request, top bit clear, plus the event's place in it, so that events of one request keep their order when their times are equal.
/// A request that has a name gets number and *now* from it: repeated, it is the same events (API.md §2).
package struct Intake: ~Copyable {
  private let world: World
  private let limits: IntakeLimits
  /// Nil where any object is an event.
  private let declared: CompiledDatabase?
  /// Who is asked about each event; nil: nobody.
  let asked: CompiledDatabase?
  private let onTaken: Draft.OnTaken
  private let now: Instant
  private let number: UInt128
  /// The last time at which an event may have happened.
  private let latest: Instant
  private var parser = EventParser()
  /// Events named so far.
  private(set) var count = 0

  /// - Parameter request: the request's name, if it has one.
  package init(
    world: World, limits: IntakeLimits = IntakeLimits(), declared: CompiledDatabase? = nil, request: ULID? = nil,
    onTaken: Draft.OnTaken = .refuse
  ) {
    self.world = world
    self.limits = limits
    self.declared = declared.flatMap { $0.takesAnyObject ? nil : $0 }
    asked = declared.flatMap { $0.hooks.isEmpty ? nil : $0 }
    self.onTaken = onTaken
    let wall = world.now()
    now = request?.at ?? wall
    let bits = request.map { Self.first80($0.bytes.raw) } ?? world.random128()
    number = bits & (ULID.topRandomBit - 1)
    latest = min(.last, wall.adding(milliseconds: limits.futureMaxMilliseconds))
  }

  /// Drafts a request in `application/json`, or in a declared type's own form. Asks no hooks.
  package mutating func draft(document input: [UInt8], mediaType: String = "application/json") throws(LaterbaseError) -> Draft {
    try draft(try parse(document: input, mediaType: mediaType))
  }

  /// Drafts events that are JSON in normal form, envelope and all. Asks no hooks.
  package mutating func draft(bodies: [JSON]) throws(LaterbaseError) -> Draft { try draft(try parse(bodies: bodies)) }

  /// Parses a request in `application/json`, an object or an array of objects, or a document of a declared type's own form: what it splits
  /// into, or one event.
  package mutating func parse(document input: [UInt8], mediaType: String) throws(LaterbaseError) -> ParsedEvents {
    guard let form = declared?.documents.first(where: { $0.mediaTypes.contains(mediaType) }) else { return try parse(document: input) }
    let document = try Self.json(input)
    let parts: [JSON]?
    do { parts = try form.split(document) } catch {
      let refusal = Refusal(error)
      throw .refused(refusal.pointer, refusal.detail)
    }
    guard let parts else { return try parse(document: input) }
    return try parse(bodies: parts)
  }

  private mutating func parse(document input: [UInt8]) throws(LaterbaseError) -> ParsedEvents {
    var parsed = ParsedEvents(input: input)
    do throws(EventError) {
      try parser.parseDocument(input.raw, into: &parsed.output, events: &parsed.events, countMax: limits.eventsMax)
    } catch {
      throw LaterbaseError(error)
    }
    return parsed
  }

  /// Parses events that are JSON in normal form, envelope and all.
  package mutating func parse(bodies: [JSON]) throws(LaterbaseError) -> ParsedEvents {
    guard bodies.count <= limits.eventsMax else { throw LaterbaseError(.tooLarge, "more than \(limits.eventsMax) events") }
    var input: [UInt8] = []
    input.reserveCapacity(bodies.reduce(0) { $0 + $1.raw.byteCount })
    for body in bodies { input.append(copying: body.raw) }
    guard input.count <= limits.requestBytesMax else { throw LaterbaseError(.tooLarge, "more than \(limits.requestBytesMax) bytes") }
    var parsed = ParsedEvents(input: input)
    var start = 0
    for (index, body) in bodies.enumerated() {
      let end = start + body.raw.byteCount
      do throws(EventError) {
        parsed.events.append(try parser.parseEvent(input.raw, in: start..<end, into: &parsed.output))
      } catch {
        var error = error
        error.index = index
        throw LaterbaseError(error)
      }
      start = end
    }
    return parsed
  }

  /// Parses the event on one line.
  mutating func parse(_ input: RawSpan, in range: Range<Int>, into output: inout [UInt8]) throws(EventError) -> ParsedEvent {
    try parser.parseEvent(input, in: range, into: &output)
  }

  /// Names and hashes parsed events.
  /// - Throws: faults whose index counts the request's events.
  package mutating func draft(_ parsed: ParsedEvents) throws(LaterbaseError) -> Draft {
    var draft = Draft(input: parsed.input, output: parsed.output, onTaken: onTaken)
    draft.reserve(parsed.events.count)
    for event in parsed.events {
      do throws(LaterbaseError) {
        if let declared { try add(event, of: declared, to: &draft) } else { try add(event, to: &draft) }
      } catch {
        throw error.at(index: count)
      }
      count += 1
    }
    return draft
  }

  private mutating func add(_ event: ParsedEvent, to draft: inout Draft) throws(LaterbaseError) {
    let ulid: ULID
    if let id = event.id {
      ulid = id
    } else if let at = event.at, let key = event.key {
      ulid = ULID(at: at, externalKey: key)
    } else {
      ulid = ULID(at: event.at ?? now, low80: number + UInt128(count))
    }
    try check(ulid, event, place: event.id != nil ? "/_id" : event.at != nil ? "/_at" : "")
    let (source, range) = event.body.place
    draft.add(ulid, voids: event.voids, source, range, salt: world.random128())
  }

  private func check(_ ulid: ULID, _ event: ParsedEvent, place: String) throws(LaterbaseError) {
    if ulid.at > latest { throw .refused(place, "happened at \(min(ulid.at, .last)), which is too far ahead of now") }
    if !event.voids.isEmpty, event.voids.contains(ulid) {
      throw LaterbaseError(.badEvent, "an event can't void itself").at(pointer: "/_voids")
    }
  }

  /// The first 80 bits of the SHA-256 of the bytes.
  private static func first80(_ bytes: RawSpan) -> UInt128 { Digest.sha256(bytes).first16 >> 48 }

  private static func json(_ input: [UInt8]) throws(LaterbaseError) -> JSON {
    do throws(JSONError) {
      return JSON(normalForm: try JSONNormalForm.normalise(input.raw, depthMax: documentDepthMax) ?? input)
    } catch {
      throw LaterbaseError(.notJSON, "\(error)")
    }
  }

  /// A document may be nested deeper than the events in it.
  private static let documentDepthMax = 80
}

// MARK: Declared types
extension Intake {
  private mutating func add(_ event: ParsedEvent, of declared: CompiledDatabase, to draft: inout Draft) throws(LaterbaseError) {
    let body = JSON(normalForm: [UInt8](copying: event.body(input: draft.input.raw, output: draft.output.raw)))
    // It says nothing that the type could be asked of.
    if !event.voids.isEmpty, body.isBareVoid { return try add(event, to: &draft) }
    var event = event
    let facts: EventFacts
    do throws(Refusal) {
      facts = try declared.facts(of: body)
    } catch {
      throw .refused(error.pointer, error.detail)
    }
    if !facts.voided.isEmpty { try addVoids(facts.voided, to: &event, &draft) }
    let (source, range) = event.body.place
    let digest = draft.digest(source, range)
    let (ulid, place) = try name(event, facts, digest, sameBodyIsSameEvent: declared.sameBodyIsSameEvent)
    try check(ulid, event, place: place)
    draft.add(ulid, voids: event.voids, source, range, salt: world.random128(), digest: digest)
  }

  /// The ULID of an event, and what a fault of its time points at. `_id` wins over all, `_key` over the type's key, the type's time over
  /// `_at`, from which it may not differ.
  private func name(
    _ event: ParsedEvent, _ facts: EventFacts, _ digest: Digest, sameBodyIsSameEvent: Bool
  ) throws(LaterbaseError) -> (ULID, String) {
    if let id = event.id { return (id, "/_id") }
    if let happened = facts.happenedAt, let at = event.at, happened != at {
      throw .refused("/_at", "not when the event says that it happened, \(happened)")
    }
    let at = facts.happenedAt ?? event.at
    let place = event.at != nil ? "/_at" : ""
    if let key = event.key ?? facts.externalKey.map({ [UInt8]($0.utf8) }) {
      guard let at else { throw .refused("", "an event with an external key needs a time of happening: give it an _at") }
      return (ULID(at: at, externalKey: key), place)
    }
    let low80 = sameBodyIsSameEvent ? digest.first16 >> 48 : number + UInt128(count)
    return (ULID(at: at ?? now, low80: low80), place)
  }

  /// Writes into the body what its type declares wrong, beside what its `_voids` lists.
  private func addVoids(_ voided: [(at: Instant, key: String)], to event: inout ParsedEvent, _ draft: inout Draft) throws(LaterbaseError) {
    let keyed = voided.map { ULID(at: $0.at, externalKey: [UInt8]($0.key.utf8)) }
    let voids = Set(event.voids + keyed).sorted()
    guard voids.count <= ParsedEvent.voidsMax else { throw .refused("/_voids", "more than \(ParsedEvent.voidsMax) ULIDs") }
    let body = JSON(normalForm: [UInt8](copying: event.body(input: draft.input.raw, output: draft.output.raw)))
      .setting("_voids", to: JSON(voids.map { JSON($0.description) }))
    guard body.raw.byteCount <= Record.bodyBytesMax else { throw LaterbaseError(.tooLarge, "the event with its _voids is too long") }
    let start = draft.output.count
    draft.output.append(copying: body.raw)
    event.voids = voids
    event.body = .output(start..<draft.output.count)
  }
}

extension ParsedEvent.Body {
  /// Where it is, as a draft says it.
  var place: (Draft.Source, Range<Int>) {
    switch self {
    case .input(let range): (.input, range)
    case .output(let range): (.output, range)
    }
  }
}

extension ULID {
  /// The ULID of an event that is known elsewhere by a key: the first 80 bits of the SHA-256 of the key's UTF-8 bytes.
  package init(at instant: Instant, externalKey key: [UInt8]) {
    self.init(at: instant, low80: Digest.sha256(key.raw).first16 >> 48)
  }

  /// The 16 bytes, big-endian.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(value)
    return bytes
  }
}

extension LaterbaseError {
  /// One event's refusal; the index is added where it is known.
  package static func refused(_ pointer: String, _ detail: String) -> LaterbaseError {
    LaterbaseError(.refused, detail).at(pointer: pointer)
  }

  func at(pointer: String) -> LaterbaseError {
    var error = self
    error.faults = [Fault(index: 0, pointer: pointer, detail: detail)]
    return error
  }

  /// The same with the event's place in its request.
  func at(index: Int) -> LaterbaseError {
    var error = self
    if error.faults.isEmpty { error.faults = [Fault(index: index, detail: detail)] }
    for at in error.faults.indices { error.faults[at].index = index }
    return error
  }
}
