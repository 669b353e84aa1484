import EventModel
import ViewKit

// The example of SWIFT.md, "As a user writes it".

enum ShipmentEvent: EventType {
  case scanned(Scanned), moved(Moved)
  struct Scanned: Codable { var shipment, location: String; var weightKg: Double }
  struct Moved: Codable { var sku, from, to: String; var quantity: Int }
  struct MovedV1: Codable { var sku, from, to: String; var qty: String }
  static var readings: [Reading<Self>] {
    Reading("scanned", Scanned.self, upcast: Self.scanned)
    Reading("moved", MovedV1.self) { old in
      guard let n = Int(old.qty) else { throw Refusal("/qty", "no whole number") }
      return .moved(Moved(sku: old.sku, from: old.from, to: old.to, quantity: n))
    }
    Reading("moved", version: 2, Moved.self, upcast: Self.moved)
  }
  func encode(to encoder: any Encoder) throws {
    switch self {
    case .scanned(let e): try encoder.flat("scanned", e)
    case .moved(let e): try encoder.flat("moved", version: 2, e)
    }
  }
}

struct Stock: ReduceView {
  let name = "stock"
  func map(_ event: ShipmentEvent, _ when: Happened, emit: inout Emit<Key<String, String>, Sum<Int>>) {
    guard case .moved(let m) = event else { return }
    emit(Key(m.from, m.sku), Sum(-m.quantity))
    emit(Key(m.to, m.sku), Sum(m.quantity))
  }
}

struct ScansByLocation: ReduceView {
  struct Scans: Reducible {
    static let commutative = true
    var count = Count()
    var kg: Sum<Double>, shipments: Distinct, last: Last<String>, recent: Recent<2, String>
    func joined(_ l: Scans) -> Scans {
      Scans(
        count: count.joined(l.count), kg: kg.joined(l.kg), shipments: shipments.joined(l.shipments), last: last.joined(l.last),
        recent: recent.joined(l.recent))
    }
  }
  let name = "scans-by-location", version = 2
  func map(_ event: ShipmentEvent, _ when: Happened, emit: inout Emit<String, Scans>) {
    guard case .scanned(let s) = event else { return }
    emit(
      s.location,
      Scans(kg: Sum(s.weightKg), shipments: Distinct(s.shipment), last: Last(s.shipment, when), recent: Recent(s.shipment, when)))
  }
}

struct Dwell: FoldView {
  struct State: Codable, Equatable { var location: String?; var since: Instant?; var longMinutes: [String: Int] = [:] }
  let minutes: Int64
  init(over minutes: Int64) { self.minutes = minutes }
  var name: String { "dwell-over-\(minutes)" }
  var parameters: String { "minutes=\(minutes)" }
  func map(_ event: ShipmentEvent, _ when: Happened, emit: inout Emit<String, String>) {
    if case .scanned(let s) = event { emit(s.shipment, s.location) }
  }
  func start(_ shipment: String) -> State { State() }
  func apply(_ location: String, _ when: Happened, to state: inout State) {
    guard location != state.location else { return }
    if let place = state.location, let since = state.since {
      let stayed = (when.at.milliseconds - since.milliseconds) / 60_000
      if stayed > minutes { state.longMinutes[place, default: 0] += Int(stayed) }
    }
    (state.location, state.since) = (location, when.at)
  }
  func finish(_ state: State, _ shipment: String) -> [String: Int]? { state.longMinutes.isEmpty ? nil : state.longMinutes }
}

struct EventsByType: ReduceView {
  let name = "events-by-type"
  func map(_ event: JSON, _ when: Happened, emit: inout Emit<String?, Count>) { emit(event["type"]?.string, Count()) }
}

let shipments = Database("shipments", of: ShipmentEvent.self) {
  Stock(); ScansByLocation(); Dwell(over: 60); Dwell(over: 240)
  EventsByType()
  Index("by-shipment") { if case .scanned(let s) = $0 { [s.shipment] } else { [] } }
}
let registry: [any DatabaseDeclaration] = [shipments, Database("inbox") { EventsByType() }]
