import EventModel
import ViewKit

/// The single objects (EPCs) that are on hand: at which business location each is, and since when.
///
/// An event's `bizLocation` says where its objects are until a later event says otherwise. Objects are nowhere once they were shipped, or
/// are in transit, until they turn up again; and no more when they were deleted, or went into a transformation.
///
/// Event: `{"type":"ObjectEvent","action":"OBSERVE","epcList":["urn:epc:id:sgtin:9521321.012345.1001"],"bizStep":"receiving",
/// "bizLocation":{"id":"urn:epc:id:sgln:9521321.00020.0"},…}`. Row: `{"key":"urn:epc:id:sgtin:9521321.012345.1001",
/// "value":{"bizLocation":"urn:epc:id:sgln:9521321.00020.0","since":"2026-03-05T08:58:12.007Z"}}`.
struct Inventory: FoldView {
  struct State: Codable, Equatable {
    var bizLocation: String?
    var since: Instant?
  }

  let name = "inventory"

  /// A row is the object's location from here on; nil: it has none. An event that says nothing of that has no row.
  func map(_ event: EPCISEvent, _ when: Happened, emit: inout Emit<String, String?>) {
    guard event.errorDeclaration == nil else { return }
    let place = event.body["bizLocation"]?["id"]?.string
    let gone = event.isDeletion ? Set(event.epcs) : Set(event.inputs).subtracting(event.outputs)
    for epc in event.epcs {
      if gone.contains(epc) || place == nil && event.takesAway { emit(epc, nil) } else if let place { emit(epc, place) }
    }
  }

  func start(_ epc: String) -> State { State() }

  func apply(_ place: String?, _ when: Happened, to state: inout State) {
    if place != state.bizLocation { state = State(bizLocation: place, since: place == nil ? nil : when.at) }
  }

  func finish(_ state: State, _ epc: String) -> State? { state.bizLocation == nil ? nil : state }
}

extension EPCISEvent {
  /// Whether the objects themselves, not an aggregation of them, come to an end.
  fileprivate var isDeletion: Bool { body["type"] == "ObjectEvent" && body["action"] == "DELETE" }

  fileprivate var inputs: [String] { strings("inputEPCList") }
  fileprivate var outputs: [String] { strings("outputEPCList") }

  private func strings(_ list: String) -> [String] { body[list]?.elements?.compactMap(\.string) ?? [] }

  /// Whether the objects leave the place where they were.
  fileprivate var takesAway: Bool { ["shipping", "departing"].contains(word("bizStep")) || word("disposition") == "in_transit" }

  /// A word of the core business vocabulary, alone or at the end of its address: `shipping`, `https://ref.gs1.org/cbv/BizStep-shipping`.
  private func word(_ member: String) -> String {
    body[member]?.string?.split { ":/-".contains($0) }.last.map(String.init) ?? ""
  }
}
