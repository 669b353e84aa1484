import EventModel
import EventStore

// The end of a history: nothing goes wrong any more, and everybody must come to hold the same.

extension Cluster {
  private static let healMilliseconds: Int64 = 60_000

  /// Makes the nodes, and says who pulls from whom.
  func build() {
    let count = draw(in: 2..<5)
    for index in 0..<count { addNode(options.disk(UInt64(index))) }
    connect()
    consumers = (0..<2).map { _ in Consumer() }
    for node in nodes { start(node) }
  }

  /// Connects all nodes by a random tree and a few wires more, each pulling or pushing both ways.
  private func connect() {
    let there = there
    for node in there { (node.pullsFrom, node.pushesTo) = ([], []) }
    for (place, node) in there.enumerated().dropFirst() {
      join(node, there[draw(in: 0..<place)])
      if draw(in: 0..<3) == 0 { join(node, there[draw(in: 0..<place)]) }
    }
  }

  /// Whoever has left comes back when its configuration names somebody.
  private func nameAPeer(_ node: SimulatedNode) {
    guard node.pullsFrom.isEmpty, node.pushesTo.isEmpty else { return }
    if let other = there.first(where: { $0.pullsFrom.contains(node.index) || $0.pushesTo.contains(node.index) }) {
      node.pullsFrom.insert(other.index)
    }
  }

  private func join(_ a: SimulatedNode, _ b: SimulatedNode) {
    switch draw(in: 0..<3) {
    case 0:
      a.pullsFrom.insert(b.index)
      b.pullsFrom.insert(a.index)
    case 1:
      a.pullsFrom.insert(b.index)
      a.pushesTo.insert(b.index)
    default:
      b.pullsFrom.insert(a.index)
      b.pushesTo.insert(a.index)
    }
  }

  /// Ends all faults, and lets the nodes come level.
  func heal() {
    note("from here on all is well")
    mayFail = false
    network.healAll()
    schedule.run(milliseconds: 5_000) { appendsUnderWay == 0 }
    dismissRemoved()
    connect()
    for node in there { nameAPeer(node) }
    // Who follows whom is another now: all begin anew.
    for node in there { kill(node) }
    var expected: Set<ElementID> = []
    for node in there { expected.formUnion(elements(of: node)) }
    for node in there { start(node) }
    scrub()
    let isDone = schedule.run(milliseconds: Self.healMilliseconds) { failure != nil || isLevel }
    if failure == nil, !isDone { fail("the nodes don't come level: \(there.map { "n\($0.index) \(status(of: $0))" })") }
    if failure == nil { checkAll(expected) }
  }

  private func status(of node: SimulatedNode) -> String {
    guard let life = node.life else { return "is down" }
    let logs = life.set.state.clock.entries.map { "\($0.origin) \($0.n)" }
    return "has \(life.set.state.elements) elements, \(logs), damaged \(life.set.damaged.count)"
  }

  /// Reads everything once, so that what is damaged is found.
  private func scrub() {
    for node in there {
      do throws(StoreError) {
        _ = try node.life?.set.feed(after: Clock(), recordsMax: .max) { (_, _) throws(StoreError) in true }
      } catch {
        fail("n\(node.index) can't be read: \(error)")
      }
    }
  }

  private func checkAll(_ expected: Set<ElementID>) {
    note("all are level, \(expected.count) elements")
    checkSets(expected)
    checkPromises(expected)
    for consumer in consumers.indices {
      if let node = draw(from: alive) { read(consumer, at: node, recordsMax: .max) }
    }
    checkConsumers(expected)
    for node in alive { for _ in 0..<3 { readOn(fromNowhereAt: node) } }
    checkStores()
    // One node's: views of equal sets that are right are equal, and this is most of a history's time.
    guard let life = draw(from: alive)?.life else { return }
    schedule.start { [self] in
      await checkViews(expected, life)
      areViewsChecked = true
    }
    schedule.run(milliseconds: 10_000) { areViewsChecked }
    require(areViewsChecked, "the views don't come up to date")
  }

  /// Ends every process, and lets what waits see it.
  func tearDown() {
    isOver = true
    for node in nodes {
      node.isGone = true
      kill(node)
    }
    schedule.drain()
  }
}
