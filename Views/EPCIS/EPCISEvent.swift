import EventModel
import ViewKit

/// The events of the GS1 EPCIS 2.0 standard, in its JSON form: what was seen or done with which goods, when, where and why.
let epcis = Database("epcis", of: EPCISEvent.self) {
  LastSeen()
  Inventory()
}

/// One event of EPCIS 2.0. Only `type` and `eventTime` must be there; every other member is taken as it is.
///
/// Partners send the same event again and again, alone and in documents. `eventID` is its external key, so it is recorded once; without
/// one, the same body is the same event. An error declaration repeats the eventID and the eventTime of the event that it corrects: it is
/// another event, which voids that one.
struct EPCISEvent: EventType, Decodable {
  private enum Required: CodingKey { case type, eventTime }

  let body: JSON
  let eventTime: Instant

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Required.self)
    _ = try container.decode(String.self, forKey: .type)
    eventTime = try container.decode(Instant.self, forKey: .eventTime)
    body = try JSON(from: decoder)
  }

  func encode(to encoder: any Encoder) throws { try body.encode(to: encoder) }

  static var documents: [DocumentForm] { [.epcis] }
  static var sameBodyIsSameEvent: Bool { true }

  var happenedAt: Instant? { eventTime }

  private var eventID: String? { body["eventID"]?.string.flatMap { $0.isEmpty ? nil : $0 } }

  /// What declares an earlier event wrong, if this event does.
  var errorDeclaration: JSON? { body["errorDeclaration"].flatMap { $0.kind == .object ? $0 : nil } }

  /// The eventID; of an error declaration the eventID ‖ NUL ‖ declarationTime.
  var externalKey: String? {
    guard let eventID, let errorDeclaration else { return eventID }
    return "\(eventID)\u{0}\(errorDeclaration["declarationTime"]?.string ?? "")"
  }

  /// The event that an error declaration corrects, if it says which.
  var voided: [(at: Instant, key: String)] {
    guard let eventID, errorDeclaration != nil else { return [] }
    return [(eventTime, eventID)]
  }

  /// Every single object of the event, each once: no classes, no quantities.
  var epcs: [String] {
    let lists = ["epcList", "childEPCs", "inputEPCList", "outputEPCList"].flatMap { body[$0]?.elements ?? [] }
    var seen: Set<String> = [""]
    return ([body["parentID"]] + lists).compactMap { $0?.string }.filter { seen.insert($0).inserted }
  }
}
