import EventModel
import StoreConformance
import ViewKit

// Views whose answers differ if any row is missing, doubled, or out of its place.

/// What happens in the tests: anything with a key; a `value` that is no number can't be decoded.
struct Sample: EventType, Codable {
  var key: String?
  var value: Double
  var extra: String?

  /// A random body in normal form.
  static func body(_ random: inout SeededRandom, voids: [ULID] = []) -> String {
    let key = random.chance(1, in: 12) ? nil : #""key":"\#(["a", "b", "c", "é", "long"][Int(random.next() % 5)])","#
    // Tenths don't add up exactly, so a sum says in which order it was made.
    let value = random.chance(1, in: 15) ? "\"no number\"" : "\(Int(random.next() % 2000) + 1)"
    let extra = random.chance(1, in: 3) ? #""extra":"x","# : ""
    let voided = voids.isEmpty ? "" : "\"_voids\":[\(voids.map { "\"\($0)\"" }.joined(separator: ","))],"
    return "{\(voided)\(extra)\(key ?? "")\"value\":\(value)}"
  }
}

/// Joins in order only: not commutative.
struct Trail: Reducible, Equatable {
  var steps: String
  func joined(_ later: Trail) -> Trail { Trail(steps: steps + later.steps) }
}

/// Two rows of one key, and one of another, from one event.
struct Trails: ReduceView {
  let name = "trails"
  var version = 1
  var restates = false
  func map(_ event: Sample, _ when: Happened, emit: inout Emit<Key<String, Int>, Trail>) throws {
    guard let key = event.key else { throw Refusal("/key", "is missing") }
    emit(Key(key, 1), Trail(steps: "<\(Int(event.value))"))
    emit(Key(key, 1), Trail(steps: ">"))
    if event.extra != nil { emit(Key(key, 2), Trail(steps: "\(version)\(when.id.description.suffix(3))")) }
  }
  func finish(_ joined: Trail, _ key: Key<String, Int>?) -> String? { joined.steps }
}

struct Sums: ReduceView {
  let name = "sums"
  var restates = false
  func map(_ event: Sample, _ when: Happened, emit: inout Emit<String?, Stats>) { emit(event.key, Stats(event.value / 10)) }
}

/// Composed of reducers, so stored as JSON.
struct Composed: ReduceView {
  struct Row: Reducible {
    static let commutative = true
    var count = Count()
    var sum: Sum<Double>, last: Last<Double>, first: First<String?>
    func joined(_ later: Row) -> Row {
      Row(count: count.joined(later.count), sum: sum.joined(later.sum), last: last.joined(later.last), first: first.joined(later.first))
    }
  }
  let name = "composed"
  func map(_ event: Sample, _ when: Happened, emit: inout Emit<Double, Row>) {
    emit(
      event.value.truncatingRemainder(dividingBy: 4),
      Row(sum: Sum(event.value / 10), last: Last(event.value, when), first: First(event.key, when)))
  }
}

/// A state machine: falls and rises, and how long between them.
struct Turns: FoldView {
  struct State: Codable, Equatable {
    var value: Double?
    var turns = 0
    var since: Instant?
    var longest: Int64 = 0
  }
  let name = "turns"
  var restates = false
  func map(_ event: Sample, _ when: Happened, emit: inout Emit<String, Double>) { emit(event.key ?? "", event.value) }
  func start(_ key: String) -> State { State(turns: key.count) }
  func apply(_ value: Double, _ when: Happened, to state: inout State) {
    if let before = state.value, (value < before) != (state.turns % 2 == 0) {
      state.turns += 1
      state.longest = max(state.longest, when.at.milliseconds - (state.since ?? when.at).milliseconds)
      state.since = when.at
    }
    state.value = value
  }
  func finish(_ state: State, _ key: String) -> State? { state.turns == 0 ? nil : state }
}

/// Over any JSON, so it skips nothing.
struct Bodies: ReduceView {
  let name = "bodies"
  func map(_ event: JSON, _ when: Happened, emit: inout Emit<JSON, Count>) {
    emit([event["key"] ?? .null, event["value"] ?? .null], Count())
  }
}

let samples = Database("samples", of: Sample.self) {
  Trails(); Sums(); Composed(); Turns(); Bodies()
}
