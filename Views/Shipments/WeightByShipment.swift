import ViewKit

/// How often each shipment was weighed, and the sum, the least and the greatest of what the scales said, in kilograms: if the last two
/// differ, something was put in or taken out. A scan without a weight has no part.
///
/// Event: `{"shipment":"S1","location":"HAM","weightKg":2.5}`. Row: `{"key":"S1","value":{"count":2,"max":7.5,"min":2.5,"sum":10}}`.
struct WeightByShipment: ReduceView {
  let name = "weight-by-shipment"

  func map(_ event: ShipmentEvent, _ when: Happened, emit: inout Emit<String, Stats>) {
    if case .scanned(let scan) = event, let weight = scan.weightKg { emit(scan.shipment, Stats(weight)) }
  }
}
