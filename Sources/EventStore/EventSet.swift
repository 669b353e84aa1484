public import EventModel
import Synchronization

/// A database's event set over a store: a delta-state grow-only set of elements, kept as origin logs (DESIGN §2 and §3).
///
/// One writer on a thread of its own takes appends, merges and view slices; readers run where they are called, on snapshots.
/// What a reader is handed, a clock, a feed or an answer, was flushed before.
public final class EventSet: Sendable {
  /// The database's name: its identity, part of every chain.
  public let name: String
  public let store: any EventStore
  public let options: EventSetOptions
  /// Announces each commit that changed the set.
  public let changes = ChangeSignal()
  package let world: World
  let writer: Writer
  /// What readers see: owned by the mutex, swapped after each commit.
  let published: Mutex<Published>

  /// Who keeps something that a cut makes untrue. The mutex owns the list.
  let keepers = Mutex<[CutKeeper]>([])

  /// What the writer's thread remembers between commits. Only that thread writes it.
  let session = Mutex(Session())

  struct Published: Sendable {
    var state = SetState()
    /// The store's generation that the state was read from.
    var generation: UInt64
    /// Damaged records found, the least n of each origin: its log is served up to the one before.
    var damaged: [Origin: UInt64] = [:]
    /// The own origin was seen elsewhere with more than is held here, or is damaged: mint a new one before the next append.
    var mustMint = false
  }

  /// Opens the set in a store; reads the heads of its logs. Writes nothing.
  /// - Throws: `format` if the store is another database's, `damaged`, or what the store throws.
  /// - Complexity: O(origins · log records).
  public init(_ name: String, store: any EventStore, world: World, options: EventSetOptions = EventSetOptions()) throws(StoreError) {
    self.name = name
    self.store = store
    self.world = world
    self.options = options
    let (generation, state, damaged) = try Self.load(name, store)
    var first = Published(state: state, generation: generation)
    first.damaged = damaged
    published = Mutex(first)
    writer = Writer(options)
    writer.set = self
  }

  /// The set as of the last commit. O(1) but for the copy's reference.
  public var state: SetState { published.withLock { $0.state } }

  /// The state, and whether all that it counts is served: not while a damaged record ends a log early.
  public var served: (state: SetState, isWhole: Bool) { published.withLock { ($0.state, $0.damaged.isEmpty) } }

  /// Damaged records found since the set was opened, by origin.
  public var damaged: [Origin: UInt64] { published.withLock { $0.damaged } }

  /// Whether nothing waits to be written, and nothing is being written.
  package var isIdle: Bool { writer.isIdle }

  /// Stops the writer after what is queued, wakes all waiters, and closes the store. Later work fails with `closed`.
  public func close() {
    writer.stop()
    changes.close()
    store.close()
  }

  typealias Loaded = (generation: UInt64, state: SetState, damaged: [Origin: UInt64])

  /// Reads the state from the store, and whether damage that is known is still there.
  static func load(_ name: String, _ store: any EventStore, damaged known: [Origin: UInt64] = [:]) throws(StoreError) -> Loaded {
    try store.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in
      var (state, damaged) = try SetState.reading(reader, name: name, version: 0)
      for (origin, n) in known where state.clock[origin] >= n {
        guard try entry(reader, Dot(origin: origin, n: n)) == nil else { continue }
        damaged[origin] = n
        state.clock.set(try entry(reader, Dot(origin: origin, n: n - 1)) ?? Clock.Entry(origin: origin, n: 0, digest: 0))
      }
      return (store.generation, state, damaged)
    }
  }

  /// Reads on a snapshot of the store, together with a state that the snapshot covers.
  public func read<R>(
    _ body: (borrowing any StoreReader & ~Copyable, SetState) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    try refreshIfReopened()
    let state = self.state
    return try store.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in try body(reader, state) }
  }

  /// A store that was opened anew may have other contents (an older file put back): read its state again.
  private func refreshIfReopened() throws(StoreError) {
    let seen = published.withLock { $0.generation }
    guard store.generation != seen, !writer.isBusy else { return }
    let loaded = try Self.load(name, store, damaged: damaged)
    adopt(loaded, if: { $0.generation == seen })
  }

  /// Publishes a state that was read anew, if `isDue` says so of what is published, and announces it if it is another: a commit of unknown
  /// outcome may have been kept.
  func adopt(_ loaded: Loaded, if isDue: (borrowing Published) -> Bool) {
    let version: UInt64? = published.withLock { published in
      guard isDue(published) else { return nil }
      let changed = loaded.state.clock != published.state.clock
      let version = published.state.version + (changed ? 1 : 0)
      published.state = loaded.state
      published.state.version = version
      published.generation = loaded.generation
      published.damaged = loaded.damaged
      return changed ? version : nil
    }
    if let version { changes.announce(version) }
  }

  /// Notes a damaged record: its log ends before it, for all readers, until it has been repaired. Damage has neighbours, so the log ends
  /// behind the last record before it that is intact.
  func noteDamage(_ dot: Dot, _ reader: borrowing any StoreReader & ~Copyable) {
    if let known = damaged[dot.origin], known <= dot.n { return }
    var n = dot.n
    var before: Clock.Entry?
    while n > 1 {
      before = try? Self.entry(reader, Dot(origin: dot.origin, n: n - 1))
      if before != nil { break }
      n -= 1
    }
    published.withLock { published in
      if let known = published.damaged[dot.origin], known <= n { return }
      published.damaged[dot.origin] = n
      published.state.clock.set(before ?? Clock.Entry(origin: dot.origin, n: 0, digest: 0))
      if published.state.own == dot.origin { published.mustMint = true }
    }
  }

  /// The clock entry of a dot held: its n and the chain digest there.
  static func entry(_ reader: borrowing some StoreReader & ~Copyable, _ dot: Dot) throws(StoreError) -> Clock.Entry? {
    guard let record = try reader.get(.log, StoreKey.dot(dot).raw), Record.isIntact(record, at: dot) else { return nil }
    return Clock.Entry(origin: dot.origin, n: dot.n, digest: record.bigEndian(at: Record.Offset.chain))
  }
}

/// Bounds and hooks of an event set.
public struct EventSetOptions: Sendable {
  /// A record further ahead of the wall than this is suspect, and does not move the clock.
  public var driftMaxMilliseconds: Int64 = 60_000
  /// What may wait for the writer of one database, in bytes.
  public var queueBytesMax = 32 << 20
  /// What may wait for the writers of all databases of a process.
  public var budget: QueueBudget
  /// Called at each stage of the writer, on its thread; answering `.die` stops the writer there, as a crash would. For tests.
  public var atStage: (@Sendable (WriterStage) -> WriterStage.Then)?
  /// How long the writer's thread waits for work before it puts what nobody waits for, and ends: in seconds.
  package var idleSeconds = 2
  /// Who runs the writer's turns; nil: a thread of its own.
  package var turns: WriterTurns?

  public init(budget: QueueBudget = QueueBudget(bytesMax: 256 << 20)) { self.budget = budget }
}

/// Where the writer is in a group: between any two of these the process may die.
public enum WriterStage: Sendable, CaseIterable {
  /// The group was taken off the queue.
  case admitted
  /// The start mark was written beside the data, not yet in it.
  case marked
  /// All rows are in the transaction, which is not committed.
  case applied
  /// The commit is flushed; nobody was told.
  case persisted
  /// Readers see the new state; the callers were not answered.
  case published

  public enum Then: Sendable { case goOn, die }
}

/// What may wait for all writers that share it, in bytes. The mutex owns the count.
public final class QueueBudget: Sendable {
  private let bytesMax: Int
  private let bytes = Mutex(0)

  public init(bytesMax: Int) { self.bytesMax = bytesMax }

  func take(_ count: Int) -> Bool {
    bytes.withLock { bytes in
      guard count == 0 || bytes == 0 || bytes + count <= bytesMax else { return false }
      bytes += count
      return true
    }
  }

  func give(_ count: Int) { bytes.withLock { $0 -= count } }
}
