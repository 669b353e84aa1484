import ViewKit

/// Shipments that are scanned at places.
let shipments = Database("shipments", of: ShipmentEvent.self) {
  WeightByLocation()
  LastLocation()
}

/// A scan: of any `type`, and with any further members, which stay in the body as they came.
struct ShipmentEvent: EventType, Codable {
  var shipment: String
  var location: String
  var weightKg: Double?
}
