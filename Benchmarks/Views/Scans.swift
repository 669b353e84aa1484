import EventModel
import Foundation
import Laterbase
import ViewKit

/// What is measured: events of 256 bytes, and two views of them that cost alike.
struct Scan: EventType, Codable {
  var at: Instant
  var shipment: String
  var weightKg: Double
  var note: String

  var happenedAt: Instant? { at }

  /// The `number`th event, a second after the one before; its group is any of `groups`.
  init(_ number: Int, groups: Int) {
    let scattered = UInt64(number) &* 0x9E37_79B9_7F4A_7C15 >> 20
    at = Instant(milliseconds: 1_700_000_000_000 + Int64(number) * 1000)
    shipment = Self.shipment(Int(scattered % UInt64(groups)))
    weightKg = Double(scattered % 1000) / 10
    note = Self.filling
  }

  /// One in the middle of what is there.
  init(lateAt milliseconds: Int64, group: Int) {
    at = Instant(milliseconds: milliseconds)
    (shipment, weightKg, note) = (Self.shipment(group), 7.5, Self.filling)
  }

  static func shipment(_ group: Int) -> String { "S-" + String(repeating: "0", count: 7 - String(group).count) + String(group) }

  private static let filling = String(repeating: "x", count: 170)
}

struct Weights: ReduceView {
  let name: String
  func map(_ scan: Scan, _ when: Happened, emit: inout Emit<String, Stats>) { emit(scan.shipment, Stats(scan.weightKg)) }
}

/// A state machine over the same rows: what a fold costs that joins nothing.
struct Rises: FoldView {
  struct State: Codable, Equatable { var weightKg = 0.0, rises = 0 }
  let name = "rises"
  func map(_ scan: Scan, _ when: Happened, emit: inout Emit<String, Double>) { emit(scan.shipment, scan.weightKg) }
  func start(_ shipment: String) -> State { State() }
  func apply(_ weightKg: Double, _ when: Happened, to state: inout State) {
    if weightKg > state.weightKg { state.rises += 1 }
    state.weightKg = weightKg
  }
}

/// The database, in a folder of its own, opened anew for each part that needs it.
struct Scans {
  static let weights = Weights(name: "weights")
  static let again = Weights(name: "weights-again")
  static let rises = Rises()
  static let database = Database("scans", of: Scan.self) {
    weights; again; rises
  }

  let node: LaterbaseNode
  var scans: OpenDatabase<Scan> { node[Self.database] }

  init(_ folder: String) throws { node = try LaterbaseNode([Self.database], storage: .lmdb(folder: folder)) }

  static func storeFolder(_ folder: String) -> String { folder + "/db/scans" }

  func fill(_ events: Int, groups: Int) async throws {
    for start in stride(from: 0, to: events, by: 5000) {
      try await scans.append((start..<min(start + 5000, events)).map { Scan($0, groups: groups) })
    }
  }
}
