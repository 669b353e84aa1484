import CLMDB
import EventStore
import Synchronization

// `unsafe` in this file: calls of LMDB with handles that the gate owns.

/// Owns a store's environment: held shared by each transaction, alone by whoever opens or closes.
///
/// Invariants, guarded by the monitor:
/// - while `shared` > 0 the environment stays open; while `isAlone` nobody but its holder touches it;
/// - a thread that waits to be alone lets no new transaction in, but for threads that are in a transaction already (of any store):
///   one that is inside goes on however it nests, so the wait ends;
/// - `idle` holds reset read transactions of the environment that is open.
final class Gate: @unchecked Sendable {
  // Sendable: every variable is guarded by `monitor`, or atomic.
  /// LMDB's table has 1024 rows; the rest is for other processes and for measuring.
  static let readersMax = 1000
  private static let idleMax = 64

  private let monitor = Monitor()
  private let opening: @Sendable () throws(StoreError) -> Environment
  /// Which environments of a provider are open; nil for a store of its own.
  private let openSet: OpenSet?
  private var environment: Environment?
  private var shared = 0
  private var readers = 0
  private var waiting = 0
  private var isAlone = false
  private var isFinished = false
  private var idle: [TransactionState] = []
  private var ages = ReadAges()
  private let openings = Atomic<UInt64>(0)
  /// `OpenSet`'s time of the latest use.
  let lastUse = Atomic<UInt64>(0)

  init(openSet: OpenSet?, _ opening: @escaping @Sendable () throws(StoreError) -> Environment) {
    (self.openSet, self.opening) = (openSet, opening)
  }

  private var id: ObjectIdentifier { ObjectIdentifier(self) }

  /// How often the environment was opened.
  var generation: UInt64 { openings.load(ordering: .acquiring) }

  var isOpen: Bool { monitor.locked { environment != nil } }

  var isAwaitedAlone: Bool { monitor.locked { waiting > 0 } }

  /// Closed for good, and the environment let go.
  var isClosed: Bool { monitor.locked { isFinished && environment == nil && !isAlone } }

  // MARK: shared

  /// Waits until transactions may begin, opens the environment if it is closed, and counts the caller in. Locked on entry and exit.
  private func enterLocked() throws(StoreError) -> Environment {
    while true {
      if isFinished { throw StoreError(.closed, "the store was closed") }
      if isAlone || (waiting > 0 && Held.isEmpty) {
        monitor.wait()
      } else if let environment {
        shared += 1
        return environment
      } else {
        try openLocked()
      }
    }
  }

  /// Opens the environment with the monitor let go, so that nothing waits inside it. Locked on entry and exit.
  private func openLocked() throws(StoreError) {
    isAlone = true
    monitor.unlock()
    let opened = Result { () throws(StoreError) in try opening() }
    if case .success = opened { openSet?.didOpen(self) }
    monitor.lock()
    isAlone = false
    monitor.announce()
    environment = try opened.get()
    openings.add(1, ordering: .releasing)
  }

  private func leave() { monitor.locked { leaveLocked() } }

  private func leaveLocked() {
    shared -= 1
    if shared == 0 && waiting > 0 { monitor.announce() }
  }

  /// Begins a read transaction on a new snapshot.
  func beginReading() throws(StoreError) -> TransactionState {
    while true {
      let now = ContinuousClock.now
      let (entered, hasTables, parked) = try monitor.locked { () throws(StoreError) in
        let entered = try enterLocked()
        if readers >= Self.readersMax {
          leaveLocked()
          throw StoreError(.busy, "\(readers) reads are open")
        }
        readers += 1
        let parked = idle.popLast()
        if let parked { ages.add(parked, at: now) }
        return (entered, entered.hasTables, parked)
      }
      openSet?.touch(self)
      var (state, code) = (parked, LMDBCode(0))
      if let parked { code = unsafe LMDBCode(mdb_txn_renew(parked.handle)) } else { (state, code) = begin(entered, UInt32(MDB_RDONLY)) }
      if let state, code.isSuccess {
        if parked == nil { monitor.locked { ages.add(state, at: now) } }
        state.hasTables = hasTables
        Held.push(state)
        return state
      }
      if let state { unsafe mdb_txn_abort(state.handle) }
      let ready = monitor.locked {
        let ready = parked.map { ages.remove($0) }
        readers -= 1
        leaveLocked()
        return ready ?? []
      }
      for go in ready { go() }
      guard code.isMapTooSmall, Held.transaction(of: id) == nil else { throw code.error("read", entered.folder) }
      reopen()
    }
  }

  func endReading(_ state: TransactionState) {
    Held.pop(state)
    state.end()
    unsafe mdb_txn_reset(state.handle)
    let ready = monitor.locked {
      let ready = ages.remove(state)
      if idle.count < Self.idleMax { idle.append(state) } else { unsafe mdb_txn_abort(state.handle) }
      readers -= 1
      leaveLocked()
      return ready
    }
    for go in ready { go() }
  }

  /// See `EventStore`.
  func whenReads(areYoungerThan age: Duration, _ then: @escaping @Sendable () -> Void) {
    if monitor.locked({ ages.admit(age, then) }) { then() }
  }

  /// Begins the write transaction; the caller sees to it that there is but one. LMDB's code if that fails.
  func beginWriting() throws(StoreError) -> Result<TransactionState, WriteFailure> {
    let (entered, hasTables) = try monitor.locked { () throws(StoreError) in
      let entered = try enterLocked()
      return (entered, entered.hasTables)
    }
    openSet?.touch(self)
    let (state, code) = begin(entered, 0)
    guard let state, code.isSuccess else {
      leave()
      return .failure(WriteFailure(code: code, mapBytes: entered.mapBytes))
    }
    state.hasTables = hasTables
    Held.push(state)
    return .success(state)
  }

  /// Lets go of a write transaction that was committed or aborted already.
  func endWriting(_ state: TransactionState, madeTables: Bool) {
    Held.pop(state)
    state.end()
    monitor.locked {
      if madeTables { state.environment.hasTables = true }
      leaveLocked()
    }
  }

  private func begin(_ environment: Environment, _ flags: UInt32) -> (TransactionState?, LMDBCode) {
    var begun: OpaquePointer?
    let code = unsafe LMDBCode(mdb_txn_begin(environment.handle, nil, flags, &begun))
    guard let handle = unsafe begun, code.isSuccess else { return (nil, code) }
    return unsafe (TransactionState(environment, handle, id, writes: flags == 0), code)
  }

  /// Runs `body` with the environment open and held shared. No transaction may begin in it.
  func withEnvironment<R>(_ body: (Environment) throws(StoreError) -> R) throws(StoreError) -> R {
    let entered = try monitor.locked { () throws(StoreError) in try enterLocked() }
    defer { leave() }
    return try body(entered)
  }

  // MARK: alone

  /// Waits for transactions under way and closes the environment; the next transaction opens it again.
  func reopen() { closeAlone(finish: false) }

  /// Waits for transactions under way and closes for good.
  func close() { closeAlone(finish: true) }

  private func closeAlone(finish: Bool) {
    if Held.transaction(of: id) != nil { fatalError("a store must not be closed inside one of its own transactions") }
    monitor.locked {
      waiting += 1
      while isAlone || shared > 0 { monitor.wait() }
      waiting -= 1
      if finish { isFinished = true }
      closeLocked()
    }
  }

  /// Closes the environment if no transaction is open and nobody opens or closes it. Never waits. True if it closed.
  func closeIfIdle() -> Bool {
    monitor.locked {
      if environment == nil || isAlone || shared > 0 || waiting > 0 { return false }
      closeLocked()
      return true
    }
  }

  /// Closes the environment, if one is open, with the monitor let go. Locked on entry and exit.
  private func closeLocked() {
    if let environment {
      isAlone = true
      let parked = idle
      idle.removeAll()
      self.environment = nil
      monitor.unlock()
      for state in parked { unsafe mdb_txn_abort(state.handle) }
      environment.close()
      openSet?.didClose(self)
      monitor.lock()
      isAlone = false
    }
    monitor.announce()
  }
}

/// Why a write transaction could not go on, before it became an error of the store.
struct WriteFailure: Error {
  let code: LMDBCode
  let mapBytes: Int
}
