import ViewKit

/// How many weights were taken at each location, their sum, the least and the greatest, in kilograms. A scan without a weight has no part.
///
/// Event: `{"shipment":"S1","location":"HAM","weightKg":2.5}`. Row: `{"key":"HAM","value":{"count":2,"max":7.5,"min":2.5,"sum":10}}`.
struct WeightByLocation: ReduceView {
  let name = "weight-by-location"
  /// A figure that was reported may change by a late event: it is kept which, and by which one.
  let restates = true

  func map(_ event: ShipmentEvent, _ when: Happened, emit: inout Emit<String, Stats>) {
    if case .scanned(let scan) = event, let weight = scan.weightKg { emit(scan.location, Stats(weight)) }
  }
}
