import EventModel
import EventStore
import Testing
import ViewKit

@testable import Laterbase

@Suite struct `Intake names events` {
  let world = World.still()

  func drafted(_ text: String, request: ULID? = nil, declared: CompiledDatabase? = nil) throws(LaterbaseError) -> Draft {
    var intake = Intake(world: world, declared: declared, request: request)
    return try intake.draft(document: [UInt8](text))
  }

  func refusal(_ text: String, request: ULID? = nil, declared: CompiledDatabase? = nil) throws -> LaterbaseError {
    try #require(throws: LaterbaseError.self) { _ = try drafted(text, request: request, declared: declared) }
  }

  @Test func `an event without anything happened now, with the top bit of its number clear`() throws {
    let item = try #require(try drafted("{}").items.first)
    #expect(item.ulid.at == .noon)
    #expect(item.ulid.low80 & ULID.topRandomBit == 0)
  }

  @Test func `events of one request keep their order when their times are equal`() throws {
    let ulids = try drafted("[{},{},{}]").items.map(\.ulid)
    #expect(ulids == ulids.sorted())
    #expect(ulids[2].value - ulids[0].value == 2)
  }

  @Test func `an id is taken as it is, and a UUID of version 7 as its bits`() throws {
    let items = try drafted(#"[{"_id":"01arz3ndektsv4rrffq69g5fav"},{"_id":"018f4d0e-3e5a-7c3b-8a2f-1234567890ab"}]"#).items
    #expect(items[0].ulid.description == "01ARZ3NDEKTSV4RRFFQ69G5FAV")
    #expect(items[1].ulid.value == 0x018f_4d0e_3e5a_7c3b_8a2f_1234_5678_90ab)
  }

  @Test func `a key gives the first 80 bits of its digest, so the same import is the same event`() throws {
    let text = #"{"_key":"A\u0000B","_at":"2026-01-01T00:00:00Z","a":1}"#
    let item = try #require(try drafted(text).items.first)
    #expect(item.ulid.low80 == Digest.sha256([UInt8]("A\u{0}B").raw).first16 >> 48)
    #expect(item.ulid.at == Instant(rfc3339: "2026-01-01T00:00:00Z"))
    #expect(try drafted(text).items.first?.ulid == item.ulid)
  }

  @Test func `a named request gives the same events each time, in the time of its name`() throws {
    let request = ULID(at: .noon.adding(milliseconds: -5000), low80: 77)
    let first = try drafted("[{},{\"a\":1}]", request: request).items.map(\.ulid)
    #expect(try drafted("[{},{\"a\":1}]", request: request).items.map(\.ulid) == first)
    var bytes: [UInt8] = []
    bytes.appendBigEndian(request.value)
    let number = Digest.sha256(bytes.raw).first16 >> 48 & (ULID.topRandomBit - 1)
    #expect(first == [ULID(at: request.at, low80: number), ULID(at: request.at, low80: number + 1)])
  }

  @Test func `events too far ahead are refused, with the place`() throws {
    #expect(
      try refusal(#"[{},{"_at":"2026-03-02T12:00:00.001Z"}]"#).faults == [
        .init(index: 1, pointer: "/_at", detail: "happened at 2026-03-02T12:00:00.001Z, which is too far ahead of now")
      ])
    #expect(try drafted(#"{"_at":"2026-03-02T12:00:00Z"}"#).items.count == 1)
    let ahead = ULID(at: .noon.adding(milliseconds: 86_400_001), low80: 0)
    #expect(try refusal(#"{"_id":"\#(ahead)"}"#).faults.first?.pointer == "/_id")
    #expect(try refusal(#"{"_id":"7ZZZZZZZZZZZZZZZZZZZZZZZZZ"}"#).slug == .refused)
    #expect(try refusal("{}", request: ahead).slug == .refused)
  }

  @Test func `what is wrong has a slug, the event's place, and a pointer`() throws {
    #expect(try refusal("").slug == .notJSON)
    #expect(try refusal("[{},{]").slug == .notJSON)
    let odd = try refusal(#"[{},{"_foo":1}]"#)
    #expect(odd.slug == .badEvent)
    #expect(odd.faults.map(\.index) == [1])
    #expect(odd.faults.map(\.pointer) == ["/_foo"])
    #expect(try refusal("[1]").faults.first?.pointer == "")
    #expect(try refusal(#"{"_key":"k"}"#).faults.first?.pointer == "/_key")
    #expect(try refusal(#"{"_id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","_at":"2026-01-01T00:00:00Z"}"#).faults.first?.pointer == "/_at")
    #expect(try refusal("[" + Array(repeating: "{}", count: 10_001).joined(separator: ",") + "]").slug == .tooLarge)
  }

  @Test func `events that are given as values have the same bounds as a document`() {
    func slug(_ bodies: [JSON]) -> LaterbaseError.Slug? {
      var limits = IntakeLimits()
      limits.requestBytesMax = 100
      var intake = Intake(world: .still(), limits: limits)
      do throws(LaterbaseError) { _ = try intake.draft(bodies: bodies) } catch { return error.slug }
      return nil
    }
    let body: JSON = ["text": JSON(String(repeating: "x", count: 40))]
    #expect(slug([body]) == nil)
    #expect(slug([body, body, body]) == .tooLarge)
    #expect(slug(Array(repeating: [:], count: 10_001)) == .tooLarge)
  }

  @Test func `an event whose key names itself among its voids is refused`() throws {
    let at = Instant.noon
    let own = ULID(at: at, low80: Digest.sha256([UInt8]("k").raw).first16 >> 48)
    let error = try refusal(#"{"_key":"k","_at":"\#(at)","_voids":"\#(own)"}"#)
    #expect(error.slug == .badEvent)
    #expect(error.faults.first?.pointer == "/_voids")
  }
}

/// A type that says everything of itself.
struct Delivery: EventType, Codable {
  var when: Instant?
  var number: String?
  var corrects: String?
  var happenedAt: Instant? { when }
  var externalKey: String? { number }
  static var sameBodyIsSameEvent: Bool { true }
  var voided: [(at: Instant, key: String)] { corrects.flatMap { key in when.map { [(at: $0, key: key)] } } ?? [] }
  static var documents: [DocumentForm] {
    [DocumentForm("application/deliveries+json") { $0["deliveries"]?.elements }]
  }
}

@Suite struct `Intake asks a declared type` {
  let world = World.still()
  let declared: CompiledDatabase

  init() throws { declared = try CompiledDatabase(Database("deliveries", of: Delivery.self)) }

  func drafted(_ text: String, mediaType: String = "application/json") throws(LaterbaseError) -> Draft {
    var intake = Intake(world: world, declared: declared)
    return try intake.draft(document: [UInt8](text), mediaType: mediaType)
  }

  func low80(_ key: String) -> UInt128 { Digest.sha256([UInt8](key).raw).first16 >> 48 }

  @Test func `the type's time and key make the ULID, unless an id or a key is given`() throws {
    let at = Instant.noon.adding(milliseconds: -1)
    #expect(try drafted(#"{"when":"\#(at)","number":"7"}"#).items.first?.ulid == ULID(at: at, low80: low80("7")))
    #expect(try drafted(#"{"when":"\#(at)","number":"7","_key":"8","_at":"\#(at)"}"#).items.first?.ulid == ULID(at: at, low80: low80("8")))
    let id = ULID(at: .noon, low80: 5)
    #expect(try drafted(#"{"when":"\#(at)","number":"7","_id":"\#(id)"}"#).items.first?.ulid == id)
  }

  @Test func `two times that differ are refused, and a key without a time`() throws {
    let error = try #require(throws: LaterbaseError.self) {
      _ = try drafted(#"{"when":"2026-01-01T00:00:00Z","_at":"2026-01-01T00:00:01Z"}"#)
    }
    #expect(error.slug == .refused)
    #expect(error.faults.first?.pointer == "/_at")
    #expect(throws: LaterbaseError.self) { _ = try drafted(#"{"number":"7"}"#) }
  }

  @Test func `without a key the same body is the same event`() throws {
    let ulids = try drafted(#"[{"when":"2026-01-01T00:00:00Z"},{ "when" : "2026-01-01T00:00:00Z" }]"#).items.map(\.ulid)
    #expect(ulids[0] == ulids[1])
  }

  @Test func `what it declares wrong is written into the body, beside what is there`() throws {
    let other = ULID(at: .noon, low80: 3)
    let voided = ULID(at: .noon, low80: low80("6"))
    let draft = try drafted(#"{"when":"\#(Instant.noon)","number":"7","corrects":"6","_voids":"\#(other)"}"#)
    let voids = [other, voided].sorted()
    #expect(draft.items.first?.voids == voids)
    #expect(draft.bodies == [#"{"_voids":["\#(voids[0])","\#(voids[1])"],"corrects":"6","number":"7","when":"2026-03-01T12:00:00.000Z"}"#])
    #expect(draft.items.first?.digest == Digest.sha256([UInt8](draft.bodies[0]).raw))
  }

  struct Strict: EventType, Codable { var needed: String }

  @Test func `a body that says nothing but what is wrong is taken whatever the type`() throws {
    let strict = try CompiledDatabase(Database("strict", of: Strict.self))
    func drafted(_ text: String) throws(LaterbaseError) -> Draft {
      var intake = Intake(world: world, declared: strict)
      return try intake.draft(document: [UInt8](text))
    }
    let wrong = ULID(at: .noon, low80: 3)
    let draft = try drafted(#"[{"_voids":"\#(wrong)"},{"needed":"x","_voids":["\#(wrong)"]}]"#)
    #expect(draft.items.map(\.voids) == [[wrong], [wrong]])
    #expect(draft.items.map(\.ulid.at) == [.noon, .noon] && draft.items[0].ulid != draft.items[1].ulid)
    for body in ["{}", #"{"_voids":[]}"#, #"{"_voids":"\#(wrong)","other":1}"#] {
      let error = try #require(throws: LaterbaseError.self) { _ = try drafted(body) }
      #expect(error.faults.map(\.pointer) == ["/needed"], "\(body)")
    }
  }

  @Test func `a document is split, and a body that isn't one is refused with the pointer`() throws {
    let draft = try drafted(
      #"{"deliveries":[{"when":"2026-01-01T00:00:00Z"},{"number":"1","when":"2026-01-01T00:00:00Z"}]}"#,
      mediaType: "application/deliveries+json")
    #expect(draft.items.count == 2)
    let error = try #require(throws: LaterbaseError.self) { _ = try drafted(#"[{},{"number":7}]"#) }
    #expect(error.slug == .refused)
    #expect(error.faults.map(\.index) == [1])
    #expect(error.faults.map(\.pointer) == ["/number"])
  }
}
