import EventModel
import Testing
import ViewKit
import ViewLaws

@Suite struct `The laws of views` {
  static func event(_ random: inout any RandomNumberGenerator) -> ShipmentEvent {
    let places = ["HAM", "ROT", "LEJ"]
    func place(_ random: inout any RandomNumberGenerator) -> String { places.randomElement(using: &random) ?? "" }
    guard Bool.random(using: &random) else {
      return .moved(.init(sku: "K1", from: place(&random), to: place(&random), quantity: .random(in: -9...9, using: &random)))
    }
    return .scanned(
      .init(
        shipment: "S\(Int.random(in: 1...3, using: &random))", location: place(&random),
        weightKg: Double(Int.random(in: 0...99, using: &random)) / 10))
  }

  @Test func `hold for the views of SWIFT.md's example`() throws {
    try ViewLaws.check(Stock(), event: Self.event)
    try ViewLaws.check(ScansByLocation(), event: Self.event)
    try ViewLaws.check(Dwell(over: 60), event: Self.event)
    try ViewLaws.check(EventsByType()) { random in ["type": Bool.random(using: &random) ? JSON("a") : JSON.null] }
    let byShipment = Index("by-shipment") { (event: ShipmentEvent) in if case .scanned(let scan) = event { [scan.shipment] } else { [] } }
    try ViewLaws.check(byShipment, event: Self.event)
  }

  @Test func `hold for the README's view, as a user writes the check`() throws {
    struct Scan: EventType, Codable {
      var shipment: String
      var location: String
    }
    struct LastLocation: ReduceView {
      let name = "last-location"
      func map(_ scan: Scan, _ when: Happened, emit: inout Emit<String, Last<String>>) { emit(scan.shipment, Last(scan.location, when)) }
    }
    try ViewLaws.check(LastLocation()) { random in
      Scan(shipment: "S\(random.next() % 3)", location: "L\(random.next() % 9)")
    }
  }

  // MARK: Views that break them

  struct MeanOfMeans: ReduceView {
    struct Mean: Reducible {
      var mean: Double
      func joined(_ later: Mean) -> Mean { Mean(mean: (mean + later.mean) / 2) }
    }
    let name = "mean-of-means"
    func map(_ event: JSON, _ when: Happened, emit: inout Emit<String, Mean>) { emit("", Mean(mean: event["n"]?.double ?? 0)) }
  }

  struct Concatenated: ReduceView {
    struct Text: Reducible {
      static let commutative = true
      var text: String
      func joined(_ later: Text) -> Text { Text(text: text + later.text) }
    }
    let name = "concatenated"
    func map(_ event: JSON, _ when: Happened, emit: inout Emit<String, Text>) { emit("", Text(text: "\(event["n"] ?? 0),")) }
  }

  /// Its state forgets, when it is stored, what its next value needs.
  struct Forgetful: FoldView {
    struct State: Codable, Equatable {
      private enum CodingKeys: CodingKey { case sum }
      var sum = 0
      var before = 0
    }
    let name = "forgetful"
    func map(_ event: JSON, _ when: Happened, emit: inout Emit<String, Int>) { emit("", event["n"]?.int ?? 0) }
    func start(_ key: String) -> State { State() }
    func apply(_ row: Int, _ when: Happened, to state: inout State) {
      state.sum += row * state.before
      state.before = row
    }
    func finish(_ state: State, _ key: String) -> Int? { state.sum }
  }

  struct Restless: ReduceView {
    let name = "restless"
    func map(_ event: JSON, _ when: Happened, emit: inout Emit<Int, Count>) { emit(.random(in: 0...1_000_000), Count()) }
  }

  struct Idle: ReduceView {
    let name = "idle"
    func map(_ event: JSON, _ when: Happened, emit: inout Emit<Int, Count>) {}
  }

  struct Lossy: EventType, Decodable {
    var n: Int
    func encode(to encoder: any Encoder) throws { try encoder.flat("lossy", ["m": n]) }
  }
  struct OfLossy: ReduceView {
    let name = "of-lossy"
    func map(_ event: Lossy, _ when: Happened, emit: inout Emit<Int, Count>) { emit(event.n, Count()) }
  }

  private func law(_ check: () throws -> Void) -> String? {
    let broken = #expect(throws: ViewLawBroken.self) { try check() }
    return broken?.law
  }

  @Test func `say which law a view breaks`() {
    func number(_ random: inout any RandomNumberGenerator) -> JSON { ["n": JSON(Int.random(in: 1...9, using: &random))] }
    #expect(law { try ViewLaws.check(MeanOfMeans(), event: number) } == "`joined` is associative")
    #expect(law { try ViewLaws.check(Concatenated(), event: number) } == "keys may be joined, if it says so")
    #expect(law { try ViewLaws.check(Restless(), event: number) } == "`map` is a function of the event")
    #expect(law { try ViewLaws.check(Idle(), event: number) } == "its events make rows")
    #expect(law { try ViewLaws.check(OfLossy()) { Lossy(n: Int.random(in: 0...9, using: &$0)) } } == "its events can be read back")
    // Which of the laws of the engine meets it first depends on the seed.
    #expect(law { try ViewLaws.check(Forgetful(), event: number) } != nil)
  }

  @Test func `the seed that is printed gives the same run again`() throws {
    func broken(_ seed: UInt64) -> String? {
      #expect(throws: ViewLawBroken.self) { try ViewLaws.check(MeanOfMeans(), seed: seed) { ["n": JSON($0.next())] } }?.description
    }
    let first = broken(7)
    #expect(first == broken(7) && first?.contains("(seed: 7)") == true && first != broken(8))
  }
}
