import EventModel
import StoreConformance
import ViewKit

/// The laws of one view, whatever its types.
struct Laws: Sendable {
  private let database: CompiledDatabase
  private let seed: UInt64
  private let reference: @Sendable ([SeenEvent]) throws -> Reference

  private static let counts = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89]

  init<V: EventView>(_ view: V, seed: UInt64, reference: @escaping @Sendable ([SeenEvent]) throws -> Reference) throws {
    database = try CompiledDatabase(Database("laws", of: V.Event.self) { view })
    (self.seed, self.reference) = (seed, reference)
  }

  func check<Event: EventType>(
    rounds: Int, _ event: (inout any RandomNumberGenerator) throws -> Event,
    brackets: ([SeenEvent], inout SeededRandom) throws -> (law: String, detail: String)?
  ) throws {
    var rows = 0
    for round in 0..<rounds {
      var random = SeededRandom(seed: seed &+ UInt64(round))
      let history = try History(count: Self.counts[round % Self.counts.count], voids: round % 3 != 0, &random) { random in
        var any: any RandomNumberGenerator = random
        let event = try event(&any)
        // On with a number of its own: the generator above was copied.
        random = SeededRandom(seed: any.next())
        return (try body(of: event), event.happenedAt)
      }
      rows += try checkMap(history)
      if let broken = try brackets(history.entries.survivors.seen, &random) { throw self.broken(broken.law, broken.detail) }
      try CallingThread.run { [random] in
        var random = random
        try await checkOneStore(history, &random)
        try await checkSplit(history, &random)
        try await checkVoided(history, &random)
      }
    }
    if rows == 0, rounds > 0 { throw broken("its events make rows", "not one of the random events made a row") }
  }

  private func broken(_ law: String, _ detail: String) -> ViewLawBroken {
    ViewLawBroken(view: database.views[0].name, law: law, seed: seed, detail: detail)
  }

  private func body<Event: EventType>(of event: Event) throws -> JSON {
    let body = try EventEncoder().encode(event)
    do {
      guard let read = (try database.decode(body).event.get() as? TypedEvent<Event>)?.event else {
        throw Refusal("", "another type of event")
      }
      let again = try EventEncoder().encode(read)
      guard again == body else { throw Refusal("", "read back it is \(again)") }
    } catch {
      throw broken("its events can be read back", "\(body): \(Refusal(error))")
    }
    return body
  }

  /// - Returns: how many rows there are.
  private func checkMap(_ history: History) throws -> Int {
    var rows = 0
    for entry in history.entries {
      let when = Happened(id: entry.ulid, digest: Digest.sha256(entry.body.raw).first16)
      func map() throws -> [MappedRow] {
        do { return try database.views[0].map(database.decode(entry.body), when) } catch { return [] }
      }
      let (first, second) = (try map(), try map())
      if first != second { throw broken("`map` is a function of the event", "twice \(entry.body), and the rows differ") }
      rows += first.count
    }
    return rows
  }

  /// Events arrive in random order, with catch-ups, interrupted ones and restarts between.
  private func checkOneStore(_ history: History, _ random: inout SeededRandom) async throws {
    let node = try LawNode(database, ManualWorld(seed: random.next()), &random)
    defer { node.stop() }
    var arrived: [History.Entry] = []
    for batch in history.entries.batches(&random) {
      try await node.append(batch)
      arrived += batch
      switch random.next() % 4 {
      case 0:
        try await node.catchUp()
        try await compare(node, arrived, "late = sorted, incremental = from scratch")
      case 1: try await node.catchUp(steps: Int.random(in: 0...3, using: &random))
      case 2: try node.restart()
      default: break
      }
    }
    try await node.catchUp()
    try await compare(node, arrived, "late = sorted, incremental = from scratch")
    try node.restart()
    try await node.catchUp()
    try await compare(node, arrived, "snapshot = no snapshot")
  }

  /// Each event arrives at one of two stores, some at both; then they meet. A third one pulls all at once.
  private func checkSplit(_ history: History, _ random: inout SeededRandom) async throws {
    let world = ManualWorld(seed: random.next())
    let nodes = try (0..<3).map { _ in try LawNode(database, world, &random) }
    defer { for node in nodes { node.stop() } }
    for batch in history.entries.batches(&random) {
      let place = Int(random.next() % 3)
      for index in 0..<2 where place == 2 || place == index {
        try await nodes[index].append(batch.shuffled(using: &random))
        if random.chance(1, in: 3) { try await nodes[index].catchUp(steps: Int.random(in: 0...8, using: &random)) }
      }
    }
    let law = "split over two stores and merged = one store"
    for (to, from) in [(0, 1), (1, 0), (2, 0)] {
      try await nodes[to].set.pull(from: nodes[from].set, pageBytes: 500, pagesMax: 1)
      try await nodes[to].catchUp(steps: Int.random(in: 0...3, using: &random))
      try await nodes[to].set.pull(from: nodes[from].set)
    }
    for node in nodes {
      try await node.catchUp()
      try await compare(node, history.entries, law)
    }
  }

  /// A store that never saw the voided events, beside what the others answered.
  private func checkVoided(_ history: History, _ random: inout SeededRandom) async throws {
    let survivors = history.entries.survivors
    guard !survivors.isEmpty, survivors.count < history.entries.count else { return }
    let node = try LawNode(database, ManualWorld(seed: random.next()), &random)
    defer { node.stop() }
    try await node.append(survivors)
    try await node.catchUp()
    try await compare(node, history.entries, "voided = never there")
  }

  private func compare(_ node: LawNode, _ arrived: [History.Entry], _ law: String) async throws {
    let expected = try reference(arrived.survivors.seen)
    let found = try await node.rows()
    if found != expected.answers {
      let same = zip(found, expected.answers).prefix { $0 == $1 }.count
      func row(_ rows: [Reference.Row]) -> String { rows.count > same ? "\(rows[same].key) → \(rows[same].value)" : "no further row" }
      throw broken(law, "after \(arrived.count) events the sorted ones give \(row(expected.answers)), the engine gives \(row(found))")
    }
    let skipped = try node.skipped()
    if skipped != expected.skipped { throw broken(law, "\(expected.skipped) events can't be mapped, the engine skipped \(skipped)") }
  }
}
