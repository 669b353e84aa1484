import ViewKit

/// How many weights were taken at each location, their sum, the least and the greatest, in kilograms. A scan without a weight has no part.
struct WeightByLocation: ReduceView {
  let name = "weight-by-location"

  func map(_ scan: ShipmentEvent, _ when: Happened, emit: inout Emit<String, Stats>) {
    if let weight = scan.weightKg { emit(scan.location, Stats(weight)) }
  }
}
