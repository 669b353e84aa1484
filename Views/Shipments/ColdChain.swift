import EventModel
import ViewKit

/// When a shipment was too warm: how often, for how long, and how warm at most. Shipments that never were have no row.
///
/// An excursion lasts from the first reading above the limit to the next one that isn't; while there is none, to the last reading.
///
/// Event: `{"shipment":"S1","location":"truck 7","temperatureC":9.5}`.
/// Row: `{"key":"S1","value":{"excursions":2,"longestMinutes":60,"maxC":11.5,"minutes":95}}`, and `since` while one lasts.
struct ColdChain: FoldView {
  struct State: Codable, Equatable {
    var excursions = 0
    var milliseconds: Int64 = 0
    var longestMilliseconds: Int64 = 0
    var maxC: Double?
    /// When the excursion that lasts began, and its last reading.
    var since: Instant?
    var last: Instant?
  }

  struct Value: Encodable {
    var excursions: Int
    var longestMinutes: Int64
    var maxC: Double?
    var minutes: Int64
    var since: Instant?
  }

  let limitC: Double

  /// - Parameter limitC: degrees Celsius; what is above them is too warm.
  init(over limitC: Double) { self.limitC = limitC }

  let name = "cold-chain"
  var parameters: String { "limitC=\(limitC)" }

  func map(_ event: ShipmentEvent, _ when: Happened, emit: inout Emit<String, Double>) {
    if case .scanned(let scan) = event, let temperature = scan.temperatureC { emit(scan.shipment, temperature) }
  }

  func start(_ shipment: String) -> State { State() }

  func apply(_ temperature: Double, _ when: Happened, to state: inout State) {
    if let since = state.since, let last = state.last {
      state.milliseconds += when.at.milliseconds - last.milliseconds
      state.longestMilliseconds = max(state.longestMilliseconds, when.at.milliseconds - since.milliseconds)
    }
    if temperature > limitC {
      if state.since == nil { (state.excursions, state.since) = (state.excursions + 1, when.at) }
      state.maxC = max(state.maxC ?? temperature, temperature)
      state.last = when.at
    } else {
      (state.since, state.last) = (nil, nil)
    }
  }

  func finish(_ state: State, _ shipment: String) -> Value? {
    guard state.excursions > 0 else { return nil }
    return Value(
      excursions: state.excursions, longestMinutes: state.longestMilliseconds / 60_000, maxC: state.maxC,
      minutes: state.milliseconds / 60_000, since: state.since)
  }
}
