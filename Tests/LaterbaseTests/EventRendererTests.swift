import EventModel
import EventStore
import StoreConformance
import Testing

@testable import Laterbase

@Suite struct `The renderer` {
  /// What the contract says, said once more and slowly.
  static func reference(_ event: StoredEvent, _ body: String, bodies: Bool) -> String {
    var text = #"{"_id":"\#(event.ulid)","_at":"\#(event.ulid.at)","_origin":"\#(event.first.dot.origin)""#
    text += #","_seq":\#(event.first.dot.n),"_hlc":"\#(event.first.hlc)""#
    if !event.voidedBy.isEmpty { text += ",\"_voided_by\":[" + event.voidedBy.map { "\"\($0)\"" }.joined(separator: ",") + "]" }
    return text + (bodies && body != "{}" ? "," + body.dropFirst() : "}")
  }

  @Test(arguments: [false, true]) func `writes what the contract says, whatever came before`(bodies: Bool) {
    let seed = testSeed()
    var random = SeededRandom(seed: seed)
    var renderer = EventRenderer(bodies: bodies)
    let origins = (0..<3).map { _ in Origin(value: random.next()) }
    for _ in 0..<500 {
      let at = Instant(milliseconds: Int64.random(in: 0...3, using: &random) * 40_000_000_000)
      let event = StoredEvent(
        ulid: ULID(at: at, low80: UInt128(random.next()) << 64 | UInt128(random.next())),
        first: RecordedDot(
          hlc: HLC(
            Instant(milliseconds: Int64.random(in: 0...2, using: &random) * 1_772_366_400_123),
            counter: UInt16.random(in: 0...9, using: &random)),
          dot: Dot(
            origin: origins.randomElement(using: &random) ?? origins[0], n: random.next() >> UInt64.random(in: 0...63, using: &random))),
        voidedBy: (0..<[0, 0, 0, 1, 3][Int.random(in: 0..<5, using: &random)]).map { _ in ULID(value: UInt128(random.next())) })
      let body = ["{}", "{\"a\":1}", "{\"_voids\":[],\"name\":\"ü\"}"][Int.random(in: 0..<3, using: &random)]
      var bytes: [UInt8] = []
      renderer.write(event, [UInt8](body).raw, before: UInt8(ascii: ","), after: UInt8(ascii: "\n"), to: &bytes)
      let expected = "," + Self.reference(event, body, bodies: bodies) + "\n"
      guard bytes.text == expected else {
        Issue.record("seed \(seed): \(bytes.text) instead of \(expected)")
        return
      }
    }
  }
}
