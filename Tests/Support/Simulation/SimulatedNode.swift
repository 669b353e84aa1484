import EventModel
import EventStore
import Replication
import ViewEngine

/// A node's disk and clock, which outlive its processes.
final class SimulatedNode: @unchecked Sendable {
  // Sendable: only the simulation's thread touches it.
  let index: Int
  let id: Origin
  let disk: any SimulatedDisk
  /// By how much its wall clock is wrong.
  var wallOffsetMilliseconds: Int64 = 0
  /// The process that runs; nil: it is down.
  var life: Life?
  /// Destroyed or removed: never up again.
  var isGone = false
  /// Whom it pulls from, and whom it pushes to.
  var pullsFrom: Set<Int> = []
  var pushesTo: Set<Int> = []

  init(index: Int, id: Origin, disk: any SimulatedDisk) { (self.index, self.id, self.disk) = (index, id, disk) }
}

/// One process of a node, from its start to its death.
final class Life: @unchecked Sendable {
  // Sendable: only the simulation's thread touches it.
  let node: Int
  let store: MortalStore
  let set: EventSet
  let engine: ViewEngine
  private(set) var isOver = false
  /// At which stage of its writer it dies next.
  var dies: WriterStage?
  /// What it told whom.
  var bases = ClockBases()
  /// Calls whose answers its death takes away.
  private var waiting: [UInt64: @Sendable () -> Void] = [:]
  private var serial: UInt64 = 0

  init(node: Int, store: MortalStore, set: EventSet, engine: ViewEngine) {
    (self.node, self.store, self.set, self.engine) = (node, store, set, engine)
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
  }

  /// Lets go of what the process had in memory.
  func dispose() {
    engine.close()
    set.close()
  }
}
