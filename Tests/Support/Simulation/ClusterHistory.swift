import ViewKit

/// One random history of a cluster, in one thread: made of its seed, and of nothing else.
///
/// ```swift
/// try ClusterHistory(seed: 7).run()
/// ```
///
/// Nodes record, crash, are cut off, copied, set back and destroyed; disks fill up and rot; clocks jump; consumers move. Then all is well
/// again, and what must hold is checked:
///
/// - all nodes come to equal clocks, and to the same set, which is exactly what their disks held when the faults ended;
/// - every acknowledged event is in it, unless the last disk that held it was destroyed;
/// - every log's chain verifies, every count, sum and index is that of the logs;
/// - a view is the reduction of the sorted events, at the end and whenever it was read, but right after a log was cut;
/// - no consumer missed an event, nor was told one twice by a node that holds all that it has seen; but one that has read of a log what was
///   lost when a disk was set back in place may miss what that log had instead, as long as it is shorter than that consumer has read;
/// - whenever an append was answered at a level, the disks of as many members as it asks for held the event, or had, before they were
///   made to lose it; and a read at a level answered from all that so many members held when it was asked;
/// - who says that it holds less than before is taken to hold no more than it says;
/// - who counts is who said so last, and has not left nor been removed; who was removed isn't listened to;
/// - an equal clock never came with another audit, nothing was acknowledged that was not on disk, and no clock was served that was not;
/// - nobody wrote two records under one dot, but where a disk was set back or copied in place; nobody stored a damaged one;
/// - whoever reads on with a clock that nobody gave out is told all that it doesn't cover.
public struct ClusterHistory {
  public let seed: UInt64
  public var options: SimulationOptions

  public init(seed: UInt64, options: SimulationOptions = SimulationOptions()) { (self.seed, self.options) = (seed, options) }

  /// Runs the history to its end.
  /// - Returns: what happened, if the options ask for it.
  /// - Throws: `SimulationFailure`, with the seed and what did not hold.
  @discardableResult
  public func run() throws(SimulationFailure) -> SimulationReport {
    let cluster: Cluster
    do throws(DeclarationError) { cluster = try Cluster(seed: seed, options: options) } catch {
      throw SimulationFailure(seed: seed, message: "\(error)", trace: [])
    }
    cluster.build()
    cluster.mayFail = true
    for _ in 0..<options.steps where cluster.failure == nil && !cluster.schedule.isStuck {
      cluster.happen()
      cluster.schedule.run(milliseconds: Int64(cluster.draw(in: 1..<80))) { cluster.failure != nil }
    }
    if cluster.failure == nil, !cluster.schedule.isStuck { cluster.heal() }
    if cluster.schedule.isStuck { cluster.fail("something runs in a circle") }
    let failure = cluster.failure
    cluster.tearDown()
    if let failure { throw SimulationFailure(seed: seed, message: failure, trace: cluster.trace) }
    return SimulationReport(
      trace: cluster.trace, steps: cluster.schedule.steps, acknowledged: cluster.ledger.acknowledged.count,
      destroyed: cluster.ledger.destroyed.count, forksRepaired: cluster.forksRepaired, levelsReached: cluster.levelsReached)
  }
}

/// What a history may meet, and how long it is.
public struct SimulationOptions: Sendable {
  public enum Fault: String, CaseIterable, Sendable {
    /// Processes die, at any moment and at any stage of a writer.
    case crashes
    /// Wires are cut and healed. Delays, losses, repetitions, flipped bits, altered records and holes are always there.
    case networks
    /// Disks are full, are opened anew, fail in a commit.
    case disks
    /// Wall clocks jump.
    case clocks
    /// Bits of records flip.
    case rot
    /// Old backups are restored, and disks copied, as other files.
    case copies
    /// Disks are destroyed.
    case removals
    /// Disks are set back or copied, and nothing can tell.
    case forks
    /// Nodes join the cluster, leave it, and are removed from it.
    case members
  }

  public var faults = Set(Fault.allCases)
  /// How many things happen before all is well again.
  public var steps = 28
  public var nodesMax = 5
  /// Whether each step is told.
  public var traces = false
  /// Makes a node's disk, an empty one; the number tells it from others.
  public var disk: @Sendable (_ number: UInt64) -> any SimulatedDisk = { MemoryDisk(number: $0) }

  public init() {}
}

/// What a history was.
public struct SimulationReport: Sendable {
  /// A line a step, with the virtual milliseconds since the beginning; empty, unless it was asked for.
  public let trace: [String]
  /// How many jobs the one thread ran.
  public let steps: Int
  /// Events that a node said it has.
  public let acknowledged: Int
  /// Events that were destroyed with the last disk that held them.
  public let destroyed: Int
  /// Logs that were cut because they had lost a fork.
  public let forksRepaired: Int
  /// Appends and reads that were answered at a level that asks for other nodes.
  public let levelsReached: Int
}

/// What must not be, and how to see it again.
public struct SimulationFailure: Error, CustomStringConvertible {
  public let seed: UInt64
  public let message: String
  public let trace: [String]

  public var description: String {
    "seed \(seed): \(message)\nsee it again: swift run laterbase-simulate --seed \(seed) --trace"
  }
}
