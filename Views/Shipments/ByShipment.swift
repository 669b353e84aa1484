import ViewKit

/// Each shipment's own events: its scans, and the goods that were received with it, picked or corrected for it.
///
/// Event: any that names a `shipment`. Row: `{"key":"S1","value":3}`, how many there are; with
/// `key="S1"&reduce=false&include_events=true` the events themselves, in order of happening.
let byShipment = Index("by-shipment") { (event: ShipmentEvent) in
  switch event {
  case .scanned(let scan): [scan.shipment]
  case .received(let goods), .picked(let goods), .corrected(let goods): goods.shipment.map { [$0] } ?? []
  }
}
