import EventModel
import ViewKit

/// How long each shipment stayed at each site, and where it is now.
///
/// A stay begins with the first scan at a site. It ends with a scan of type `departed` there, or else with the next scan anywhere else.
///
/// Events: `{"shipment":"S1","location":"HAM"}`, `{"type":"departed","shipment":"S1","location":"HAM"}`.
/// Row: `{"key":"S1","value":{"at":"ROT","since":"2026-03-02T08:00:00.000Z","stays":{"HAM":{"count":1,"minutes":95}}}}`; `stays` are those
/// that have ended, `at` and `since` are left out when the shipment is on its way.
struct Dwell: FoldView {
  struct Scan: Codable {
    var site: String
    var departs: Bool
  }

  struct State: Codable, Equatable {
    struct Stays: Codable, Equatable {
      var count = 0
      var milliseconds: Int64 = 0
    }
    var site: String?
    var since: Instant?
    var stays: [String: Stays] = [:]
  }

  struct Value: Encodable {
    struct Stays: Encodable {
      var count: Int
      var minutes: Int64
    }
    var at: String?
    var since: Instant?
    var stays: [String: Stays]
  }

  let name = "dwell"

  func map(_ event: ShipmentEvent, _ when: Happened, emit: inout Emit<String, Scan>) {
    if case .scanned(let scan) = event { emit(scan.shipment, Scan(site: scan.location, departs: scan.type == "departed")) }
  }

  func start(_ shipment: String) -> State { State() }

  func apply(_ scan: Scan, _ when: Happened, to state: inout State) {
    if scan.departs || scan.site != state.site {
      if let site = state.site, let since = state.since {
        state.stays[site, default: State.Stays()].count += 1
        state.stays[site, default: State.Stays()].milliseconds += when.at.milliseconds - since.milliseconds
      }
      (state.site, state.since) = (nil, nil)
    }
    if !scan.departs, state.site == nil { (state.site, state.since) = (scan.site, when.at) }
  }

  func finish(_ state: State, _ shipment: String) -> Value? {
    guard state.site != nil || !state.stays.isEmpty else { return nil }
    let stays = state.stays.mapValues { Value.Stays(count: $0.count, minutes: $0.milliseconds / 60_000) }
    return Value(at: state.site, since: state.since, stays: stays)
  }
}
