import EventModel
import EventStore
import Laterbase
import Replication
import ViewEngine

/// A node's disk and clock, which outlive its processes.
final class SimulatedNode: @unchecked Sendable {
  // Sendable: only the simulation's thread touches it.
  let index: Int
  let id: Origin
  let disk: any SimulatedDisk
  let region: String
  let role: Member.Role
  /// The URL at which others reach it; nil: it can't be asked anything.
  let address: String?
  /// What it holds of the membership database, which is on another disk than the simulated one.
  private(set) var news: [NodeEvent] = []
  /// What the product makes of it; nil: that is to be asked.
  var membership: Membership?
  /// What its disk held once and was made to lose: whoever was told that it holds it was told the truth.
  var lost: Set<ElementID> = []
  /// Whether its disk was set back, or came from a copy, and nothing can tell.
  var isSetInPlace = false
  /// By how much its wall clock is wrong.
  var wallOffsetMilliseconds: Int64 = 0
  /// The process that runs; nil: it is down.
  var life: Life?
  /// Destroyed or removed: never up again.
  var isGone = false
  /// Whom it pulls from, and whom it pushes to.
  var pullsFrom: Set<Int> = []
  var pushesTo: Set<Int> = []

  init(index: Int, id: Origin, disk: any SimulatedDisk, region: String, role: Member.Role, hasAddress: Bool) {
    (self.index, self.id, self.disk, self.region, self.role) = (index, id, disk, region, role)
    address = hasAddress ? "http://n\(index)" : nil
  }

  /// Takes what is said in the membership.
  /// - Returns: whether any of it is new.
  @discardableResult func learn(_ events: [NodeEvent]) -> Bool {
    let new = events.filter { !news.contains($0) }
    news += new
    if !new.isEmpty { membership = nil }
    return !new.isEmpty
  }
}

/// One process of a node, from its start to its death.
final class Life: @unchecked Sendable {
  // Sendable: only the simulation's thread touches it.
  let node: Int
  let store: MortalStore
  let set: EventSet
  let engine: ViewEngine
  /// What others told it that they hold.
  let holders: Holders
  /// The cluster as it knows it.
  let members: Members
  let turns = PullTurns()
  /// While a log is cut, its clock says for a moment more than there is.
  var cutsUnderWay = 0
  /// How far it was seen to write its own log.
  var ownHead: Clock.Entry?
  private(set) var isOver = false
  /// At which stage of its writer it dies next.
  var dies: WriterStage?
  /// Calls whose answers its death takes away.
  private var waiting: [UInt64: @Sendable () -> Void] = [:]
  private var serial: UInt64 = 0

  init(node: Int, store: MortalStore, set: EventSet, engine: ViewEngine, holders: Holders, members: Members) {
    (self.node, self.store, self.set, self.engine) = (node, store, set, engine)
    (self.holders, self.members) = (holders, members)
  }

  /// What a call of the process answers; nil: it died first.
  func answer<R: Sendable>(_ call: (@escaping @Sendable (R) -> Void) -> Void) async -> R? {
    await withCheckedContinuation { continuation in
      serial += 1
      let id = serial
      if isOver { return continuation.resume(returning: nil) }
      waiting[id] = { continuation.resume(returning: nil) }
      call { [self] answer in
        if !isOver, waiting.removeValue(forKey: id) != nil { continuation.resume(returning: answer) }
      }
    }
  }

  /// Ends the process: nothing is written, and nobody is answered, from here on.
  func end() {
    guard !isOver else { return }
    isOver = true
    store.end()
    let calls = waiting.sorted { $0.key < $1.key }
    waiting = [:]
    for call in calls { call.value() }
    holders.close()
  }

  /// Lets go of what the process had in memory.
  func dispose() {
    engine.close()
    set.close()
  }
}
