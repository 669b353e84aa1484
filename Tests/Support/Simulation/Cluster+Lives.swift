import EventModel
import EventStore
import Laterbase
import Replication
import ViewEngine

// Processes: how they start, die, and look at the world.

extension Cluster {
  static let start = Instant(milliseconds: 1_780_000_000_000)

  var alive: [SimulatedNode] { nodes.filter { $0.life != nil } }
  var there: [SimulatedNode] { nodes.filter { !$0.isGone } }

  func wall(_ node: SimulatedNode) -> Instant { Self.start.adding(milliseconds: schedule.now / 1000 + node.wallOffsetMilliseconds) }

  @discardableResult
  func addNode(_ disk: any SimulatedDisk) -> SimulatedNode {
    let role: Member.Role = draw(in: 0..<5) == 0 ? .device : .server
    let node = SimulatedNode(
      index: nodes.count, id: Origin(value: draw()), disk: disk, region: draw(in: 0..<2) == 0 ? "east" : "west", role: role,
      hasAddress: role == .server || draw(in: 0..<2) == 0)
    nodes.append(node)
    return node
  }

  func start(_ node: SimulatedNode) {
    guard node.life == nil, !node.isGone, failure == nil else { return }
    let index = node.index
    do throws(StoreError) {
      let store = MortalStore(try node.disk.open()) { [unowned self] in fault(nodes[index]) }
      let world = world(of: node)
      let set = try EventSet(Self.database, store: store, world: world, options: setOptions(index))
      let life = Life(
        node: index, store: store, set: set, engine: ViewEngine(set, views, options: viewOptions()), holders: Holders(timing: timing),
        members: members(of: node))
      node.life = life
      tend(life)
      note("n\(index) starts, \(set.state.elements) elements")
      if node.isSetInPlace, let own = set.state.own { forkable.insert(own) }
      witness(PeerClock(set), at: life)
      witnessOwn(life)
      follow(node, life)
    } catch {
      fail("n\(index) can't start: \(error)")
    }
  }

  /// The wall clock and the chance that a node's processes have.
  func world(of node: SimulatedNode) -> World {
    World(now: { [unowned self] in wall(node) }, random: { [unowned self] in draw() })
  }

  private func setOptions(_ index: Int) -> EventSetOptions {
    var options = EventSetOptions()
    let schedule = schedule
    options.turns = WriterTurns(now: { schedule.instant }, schedule: { schedule.soon($0) })
    options.atStage = { [unowned self] stage in
      guard let life = nodes[index].life, !life.isOver else { return .die }
      if stage == .applied { checkServed(life) }
      if stage == .published { witnessOwn(life) }
      guard life.dies == stage else { return .goOn }
      note("n\(index) dies when its writer has \(stage)")
      die(life)
      return .die
    }
    return options
  }

  /// Small bounds, so that a few rows meet what millions do.
  private func viewOptions() -> ViewEngineOptions {
    var options = ViewEngineOptions()
    options.executor = schedule
    options.recordsMax = draw(from: [3, 20, 8192]) ?? 3
    options.rowsMax = draw(from: [4, 15, 4096]) ?? 4
    // No slice is made smaller because the machine was slow.
    options.rowsMin = options.rowsMax
    options.buildBytesMax = draw(from: [800, 3000, 64 << 20]) ?? 800
    options.rebuildRecordsMin = draw(from: [8, 50_000]) ?? 8
    options.refoldRowsMax = draw(from: [1, 5, 8192]) ?? 1
    options.borderLevel = borderLevel
    return options
  }

  /// The process does nothing more; what it had in memory is gone as soon as nothing of it runs any more.
  func die(_ life: Life) {
    guard !life.isOver else { return }
    life.end()
    schedule.soon { [self] in bury(life) }
  }

  private func bury(_ life: Life) {
    let node = nodes[life.node]
    guard node.life === life else { return }
    life.dispose()
    node.disk.cutPower()
    node.life = nil
    guard !node.isGone else { return }
    schedule.after(microseconds: Int64(draw(in: 1000..<400_000))) { [self] in start(node) }
  }

  /// Kills a node's process, now.
  func kill(_ node: SimulatedNode) {
    guard let life = node.life else { return }
    note("n\(node.index) dies")
    life.end()
    bury(life)
  }

  /// What the next write of a node meets.
  private func fault(_ node: SimulatedNode) -> MortalStore.Fault? {
    guard mayFail, options.faults.contains(.disks), draw(in: 0..<50) == 0, let life = node.life else { return nil }
    let kept = draw(in: 0..<2) == 0
    let fault: MortalStore.Fault =
      switch draw(in: 0..<6) {
      case 0: .diskFull
      case 1, 2: .reopens
      case 3: .outcomeUnknown(kept: kept)
      default: .death(kept: kept)
      }
    note("n\(node.index)'s write meets \(fault)")
    if case .death = fault { die(life) }
    return fault
  }
}
