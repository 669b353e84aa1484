import EventModel
import Laterbase
import ViewKit

struct Scan: EventType, Codable {
  var shipment: String
  var location: String
}

/// Where each shipment was last, in order of happening.
struct LastLocation: ReduceView {
  let name = "last-location"
  func map(_ scan: Scan, _ when: Happened, emit: inout Emit<String, Last<String>>) { emit(scan.shipment, Last(scan.location, when)) }
}

let scans = Database("scans", of: Scan.self) { LastLocation() }

@main struct App {
  static func main() async throws {
    let database = try LaterbaseNode([scans], storage: .memory)[scans]
    try await database.append([Scan(shipment: "S1", location: "HAM")], at: Instant(rfc3339: "2026-03-02T08:00:00Z"))
    try await database.append([Scan(shipment: "S1", location: "ROT")], at: Instant(rfc3339: "2026-03-01T08:00:00Z"))  // late
    print(try await database.value(of: LastLocation(), key: "S1")?.value ?? "nowhere")
  }
}
