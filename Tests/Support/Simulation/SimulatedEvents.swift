import EventModel
import EventStore
import StoreConformance
import ViewEngine
import ViewKit
import ViewLaws

/// What happens in a simulation: small events of two keys. A `value` that is no number can't be decoded.
struct Step: EventType, Codable {
  var key: String
  var value: Int
}

/// Joins in order only, two rows an event: shows any row that is missing, doubled, or out of its place.
struct Trail: ReduceView {
  struct Row: Reducible {
    var steps: String
    func joined(_ later: Row) -> Row { Row(steps: steps + later.steps) }
  }

  let name = "trail"

  func map(_ event: Step, _ when: Happened, emit: inout Emit<String, Row>) {
    emit(event.key, Row(steps: "<\(event.value)"))
    emit(event.key, Row(steps: ">"))
  }

  func finish(_ joined: Row, _ key: String?) -> String? { joined.steps }
}

/// A state machine: how often the value turned.
struct Turns: FoldView {
  struct State: Codable, Equatable {
    var value = 0
    var turns = 0
  }

  let name = "turns"

  func map(_ event: Step, _ when: Happened, emit: inout Emit<String, Int>) { emit(event.key, event.value) }
  func start(_ key: String) -> State { State() }

  func apply(_ value: Int, _ when: Happened, to state: inout State) {
    if (value < state.value) != (state.turns % 2 == 0) { state.turns += 1 }
    state.value = value
  }
}

let simulated = Database(Cluster.database, of: Step.self) {
  Trail(); Turns()
}

/// An event that somebody wants recorded.
struct Happening: Sendable {
  let ulid: ULID
  let body: String
  let voids: [ULID]
  let id: ElementID

  init(_ ulid: ULID, key: String, value: String, voids: [ULID]) {
    let voids = voids.sorted()
    let list = voids.isEmpty ? "" : "\"_voids\":[\(voids.map { "\"\($0)\"" }.joined(separator: ","))],"
    (self.ulid, self.voids, body) = (ulid, voids, "{\(list)\"key\":\"\(key)\",\"value\":\(value)}")
    let bytes = [UInt8](body.utf8)
    id = ElementID(ulid: ulid, digest: Digest.sha256(bytes.raw).first16)
  }

  var seen: SeenEvent { SeenEvent(ulid: ulid, body: body) }
}

/// What both views must answer for a set of events, by their own code and nothing of the engine's.
struct ExpectedViews {
  let rows: [String: String]

  init(_ events: [Happening]) throws {
    let voided = Set(events.flatMap(\.voids))
    let survivors = events.filter { !voided.contains($0.ulid) }.sorted { $0.id < $1.id }.map(\.seen)
    rows = [Trail().name: try Reference(Trail(), survivors).rows, Turns().name: try Reference(Turns(), survivors).rows]
  }
}
