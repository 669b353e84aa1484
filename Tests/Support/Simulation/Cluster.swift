import EventModel
import EventStore
import Laterbase
import Replication
import StoreConformance
import ViewKit

/// A cluster of nodes in one thread, with all that it is observed by.
///
/// `unchecked`: only the schedule's thread touches it, and a mutex around every number would say less.
final class Cluster: @unchecked Sendable {
  static let database = "simulated"

  let options: SimulationOptions
  let schedule: Schedule
  let views: CompiledDatabase
  /// One for all processes: what was stored under another is right, but not what a verification expects.
  let borderLevel: Int
  private var random: SeededRandom
  private(set) lazy var network = Network(self)
  /// Virtual time, for those of the product's that wait.
  let timing: Timing
  var nodes: [SimulatedNode] = []
  var consumers: [Consumer] = []
  var ledger = Ledger()
  var backups: [Backup] = []
  /// Whether anything goes wrong at all: not while the cluster is made, nor once it heals.
  var mayFail = false
  /// Appends that nobody has answered yet.
  var appendsUnderWay = 0
  /// How many logs were cut because they had lost a fork.
  var forksRepaired = 0
  /// How many appends and reads were answered at a level that asks for other nodes.
  var levelsReached = 0
  /// Reads at a level that nobody has answered yet: what each node had when they were asked, or lost since.
  var reads: [Int: [Origin: Set<ElementID>]] = [:]
  var readsBegun = 0
  /// Of each record that a node wrote, the chain digest; and the origins under which somebody may write another one, as a disk was set back
  /// or copied in place.
  var written: [Dot: Digest] = [:]
  var forkable: Set<Origin> = []
  /// Records that have rotted, on whatever disk.
  var rotted: Set<Dot> = []
  /// The first thing that must not be.
  private(set) var failure: String?
  private(set) var trace: [String] = []
  /// Of each clock, the audit that it was first seen with.
  private var audits: [Clock: PeerClock.Audit] = [:]

  init(seed: UInt64, options: SimulationOptions) throws(DeclarationError) {
    self.options = options
    random = SeededRandom(seed: seed)
    let schedule = Schedule(seed: random.next())
    self.schedule = schedule
    timing = Timing(now: { schedule.instant }, sleep: { await schedule.sleep(until: $0) })
    borderLevel = Int(random.next() % 3)
    views = try CompiledDatabase(simulated)
  }

  /// Whether everything that runs should end.
  var isOver = false
  var areViewsChecked = false

  // MARK: chance

  func draw() -> UInt64 { random.next() }
  func draw(in range: Range<Int>) -> Int { range.lowerBound + Int(random.next() % UInt64(range.count)) }
  func draw<C: RandomAccessCollection>(from choice: C) -> C.Element? {
    choice.isEmpty ? nil : choice[choice.index(choice.startIndex, offsetBy: draw(in: 0..<choice.count))]
  }

  // MARK: what is told

  func note(_ text: @autoclosure () -> String) {
    guard options.traces else { return }
    trace.append("\(schedule.now / 1000).\(schedule.now % 1000) \(text())")
  }

  func fail(_ text: String) {
    note("FAILED: \(text)")
    if failure == nil { failure = text }
  }

  func require(_ condition: Bool, _ text: @autoclosure () -> String) { if !condition { fail(text()) } }

  /// Equal clocks must mean equal sets, wherever and whenever they are seen.
  func witness(_ clock: PeerClock, at life: Life) {
    guard let audit = clock.audit else { return }
    if let known = audits[clock.clock] {
      require(known == audit, "n\(life.node) has \(audit.elements) elements at a clock that meant \(known.elements), or others")
    } else {
      audits[clock.clock] = audit
    }
  }
}

/// An image of a disk that was put aside.
struct Backup {
  let node: Int
  let image: any DiskImage
}
