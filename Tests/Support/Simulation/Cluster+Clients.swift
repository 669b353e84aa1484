import EventModel
import EventStore
import Replication
import StoreConformance

// Clients: they record events, late ones too, and try again elsewhere when nobody answers.

extension Cluster {
  private static let keys = ["a", "b"]

  /// A request of a few events: new ones, some that were tried before, some that take another's ULID, some that declare others wrong.
  func makeRequest() -> [Happening] {
    var events: [Happening] = []
    for _ in 0..<draw(in: 1..<4) {
      let known = draw(from: ledger.order).flatMap { ledger.events[$0] }
      switch draw(in: 0..<10) {
      case 0 where known != nil: if let known { events.append(known) }
      case 1 where known != nil: if let known { events.append(happening(known.ulid, voids: [])) }
      case 2, 3: events.append(happening(newULID(), voids: known.map { [$0.ulid] } ?? []))
      default: events.append(happening(newULID(), voids: []))
      }
    }
    var ids: Set<ULID> = []
    return events.filter { ids.insert($0.ulid).inserted }
  }

  private func newULID() -> ULID {
    let late = [0, 5000, 90_000][draw(in: 0..<3)]
    return ULID(at: Self.start.adding(milliseconds: schedule.now / 1000 - Int64(draw(in: 0..<late + 1))), low80: UInt128(draw()))
  }

  private func happening(_ ulid: ULID, voids: [ULID]) -> Happening {
    let value = draw(in: 0..<15) == 0 ? "\"none\"" : "\(draw(in: 1..<100))"
    return Happening(ulid, key: Self.keys[draw(in: 0..<2)], value: value, voids: voids.filter { $0 != ulid })
  }

  /// Asks a node to record a request, and others if it doesn't answer.
  /// - Parameter node: nil: any.
  func record(_ events: [Happening], at node: SimulatedNode? = nil, triesLeft: Int = 2) {
    guard let node = node ?? draw(from: alive), let life = node.life else { return }
    ledger.attempt(events)
    let level = draw(in: 0..<4) == 0 ? drawLevel() : .one
    note("n\(node.index) is asked to record at \(level.rawValue) \(events.map { "\($0.ulid) \($0.body)" }.joined(separator: ", "))")
    appendsUnderWay += 1
    schedule.start { [self] in
      let draft = Draft(
        events.map { ($0.ulid, $0.body, $0.voids) }, onTaken: draw(in: 0..<2) == 0 ? .refuse : .skip, world: world(of: node))
      let outcome = await life.answer { life.set.append(draft, done: $0) }
      appendsUnderWay -= 1
      let held = answered(outcome, events, life, triesLeft)
      if level != .one, !held.isEmpty { await confirm(held, level, life) }
    }
  }

  /// - Returns: the events that the node holds now.
  private func answered(_ outcome: AppendOutcome?, _ events: [Happening], _ life: Life, _ triesLeft: Int) -> [Happening] {
    switch outcome {
    case .recorded(let appended):
      let taken = Set(appended.taken.map(\.ulid))
      let held = events.filter { !taken.contains($0.ulid) }
      note("n\(life.node) recorded \(appended.recorded), knew \(appended.known)")
      ledger.acknowledge(held)
      checkDurable(held, life)
      return held
    case .taken: note("n\(life.node) refused a request")
    case .failed(let error): retry(events, triesLeft, "n\(life.node): \(error)")
    case nil: retry(events, triesLeft, "n\(life.node) didn't answer")
    }
    return []
  }

  private func retry(_ events: [Happening], _ triesLeft: Int, _ why: String) {
    note("an append is not answered: \(why)")
    guard triesLeft > 0, mayFail else { return }
    schedule.after(microseconds: Int64(draw(in: 1000..<300_000))) { [self] in if mayFail { record(events, triesLeft: triesLeft - 1) } }
  }

  /// Acknowledged means on disk, and nothing less. What was known before may have rotted since, if another disk has it.
  private func checkDurable(_ events: [Happening], _ life: Life) {
    var missing = Set(events.map(\.id)).subtracting(elements(of: nodes[life.node], among: events.map(\.id)))
    if missing.isEmpty { return }
    if records(of: nodes[life.node]).contains(where: { !$0.isIntact }) {
      for other in there { missing.subtract(elements(of: other, among: Array(missing))) }
    }
    require(missing.isEmpty, "n\(life.node) acknowledged what isn't on its disk")
  }
}
