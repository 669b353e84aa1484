import EventModel
import ViewKit

/// The last event of each single object (EPC), in order of happening: what was done, and where. Error declarations are no sightings.
///
/// Event: `{"type":"ObjectEvent","eventTime":"2026-03-07T05:45:00Z","epcList":["urn:epc:id:sgtin:9521321.012345.1004"],
/// "bizStep":"inspecting",…}`. Row: `{"key":"urn:epc:id:sgtin:9521321.012345.1004","value":{"_at":"2026-03-07T05:45:00.000Z",
/// "bizStep":"inspecting"}}`.
struct LastSeen: ReduceView {
  /// What the event says; what it doesn't say is left out. Places are named by their ids.
  struct Sighting: Codable {
    var bizStep, disposition, readPoint, bizLocation: JSON?

    init(_ event: EPCISEvent) {
      func member(_ name: String) -> JSON? { event.body[name].flatMap { $0.isNull ? nil : $0 } }
      func place(_ name: String) -> JSON? { member(name).flatMap { $0.kind == .object ? $0["id"] : $0 } }
      (bizStep, disposition) = (member("bizStep"), member("disposition"))
      (readPoint, bizLocation) = (place("readPoint"), place("bizLocation"))
    }
  }

  struct Value: Encodable {
    private enum Time: String, CodingKey { case at = "_at" }
    var sighting: Sighting
    var at: Instant

    func encode(to encoder: any Encoder) throws {
      try sighting.encode(to: encoder)
      var container = encoder.container(keyedBy: Time.self)
      try container.encode(at, forKey: .at)
    }
  }

  let name = "last-seen"

  func map(_ event: EPCISEvent, _ when: Happened, emit: inout Emit<String, Last<Sighting>>) {
    guard event.errorDeclaration == nil else { return }
    let sighting = Last(Sighting(event), when)
    for epc in event.epcs { emit(epc, sighting) }
  }

  func finish(_ last: Last<Sighting>, _ epc: String?) -> Value? { Value(sighting: last.value, at: last.when.at) }
}
