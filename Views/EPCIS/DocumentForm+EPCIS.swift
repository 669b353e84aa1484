import EventModel
import ViewKit

extension DocumentForm {
  /// An EPCIS document: the events of its `epcisBody.eventList`, each with the document's `@context` less GS1's own, which every event
  /// of EPCIS has. Anything else is taken as one event.
  static let epcis = DocumentForm("application/ld+json", "application/json") { document in
    guard let list = document["epcisBody"]?["eventList"] else {
      guard document["type"]?.string != "EPCISDocument" else { throw Refusal("/epcisBody/eventList", "is missing") }
      return nil
    }
    guard let events = list.elements else { throw Refusal("/epcisBody/eventList", "an array was expected") }
    let context = contexts(of: document)
    return try events.enumerated().map { index, event in
      guard event.kind == .object else { throw Refusal("/epcisBody/eventList/\(index)", "an object was expected") }
      // In JSON-LD an event's own context comes after its document's, and wins.
      let all = context + contexts(of: event)
      return event.setting("@context", to: all.isEmpty ? nil : JSON(all))
    }
  }

  /// The contexts of a document or an event, in order, less GS1's own. JSON-LD takes one, or an array of them.
  private static func contexts(of json: JSON) -> [JSON] {
    guard let context = json["@context"], !context.isNull else { return [] }
    return (context.elements ?? [context]).filter { !isStandard($0) }
  }

  /// Whether it is the context of EPCIS itself, in any of the places where GS1 has published it.
  private static func isStandard(_ context: JSON) -> Bool {
    guard let address = context.string, address.hasSuffix("/epcis-context.jsonld") else { return false }
    let host = address.split(separator: "/", maxSplits: 3).dropFirst().first ?? ""
    return address.hasPrefix("http") && (host == "gs1.org" || host.hasSuffix(".gs1.org") || host == "gs1.github.io")
  }
}
