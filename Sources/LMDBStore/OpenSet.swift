import Synchronization

/// The environments that a provider has open, so that past a limit the least recently used is closed.
///
/// Time is the number of openings: stores used since the last opening count as equally recent, and a use costs no shared write.
final class OpenSet: Sendable {
  let openMax: Int
  private let time = Atomic<UInt64>(1)
  private let gates = Mutex<[ObjectIdentifier: Gate]>([:])

  init(openMax: Int) { self.openMax = max(1, openMax) }

  var count: Int { gates.withLock { $0.count } }

  @inline(__always) func touch(_ gate: Gate) {
    let now = time.load(ordering: .relaxed)
    if gate.lastUse.load(ordering: .relaxed) != now { gate.lastUse.store(now, ordering: .relaxed) }
  }

  /// Counts a gate in and closes idle ones past the limit. If none is idle the limit is exceeded until the next opening.
  func didOpen(_ gate: Gate) {
    // Two steps a time: a use after this opening is later than the opening itself.
    gate.lastUse.store(time.add(2, ordering: .relaxed).newValue - 1, ordering: .relaxed)
    let candidates = gates.withLock { gates -> [Gate] in
      gates[ObjectIdentifier(gate)] = gate
      guard gates.count > openMax else { return [] }
      return Array(gates.values)
    }
    if candidates.isEmpty { return }
    var tooMany = candidates.count - openMax
    for victim in candidates.sorted(by: { $0.lastUse.load(ordering: .relaxed) < $1.lastUse.load(ordering: .relaxed) }) {
      if tooMany == 0 { return }
      if victim !== gate && victim.closeIfIdle() { tooMany -= 1 }
    }
  }

  func didClose(_ gate: Gate) { gates.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(gate)) } }
}
