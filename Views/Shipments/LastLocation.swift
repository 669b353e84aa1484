import EventModel
import ViewKit

/// Where each shipment was scanned last, in order of happening.
///
/// Event: `{"shipment":"S1","location":"HAM"}`. Row: `{"key":"S1","value":{"_at":"2026-03-01T12:00:00.000Z","location":"HAM"}}`.
struct LastLocation: ReduceView {
  struct Place: Encodable {
    enum CodingKeys: String, CodingKey {
      case at = "_at"
      case location
    }
    var at: Instant
    var location: String
  }

  let name = "last-location"

  func map(_ event: ShipmentEvent, _ when: Happened, emit: inout Emit<String, Last<String>>) {
    if case .scanned(let scan) = event { emit(scan.shipment, Last(scan.location, when)) }
  }

  func finish(_ last: Last<String>, _ shipment: String?) -> Place? { Place(at: last.when.at, location: last.value) }
}
