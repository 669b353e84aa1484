import EventModel

/// All histories of three nodes and three events.
///
/// A history is a sequence of steps, until all three events are recorded and all three nodes are level. A step is one of these: a node
/// records the next event; a node pulls all that another one has and it lacks, where there is anything. Nodes are named in the order in which
/// they first do something, as their names mean nothing. Each of the events may be an element of its own, or one that was recorded before,
/// perhaps elsewhere: five ways; the third, where it is one of its own, declares the first wrong. Every way is taken in each order of
/// happening that is asked for, of six. These are 32 634 histories for each order, 195 804 in all, and there are no others.
///
/// Every step is done by a process that has just started, and views catch up behind it. What comes of a step depends on the disk of the node
/// that does it, for a pull on the other's too, and on nothing else. So each step is done once, whichever histories have it, and what they
/// come to is found by what each step makes of which disks: two disks are one if all their bytes are.
///
/// At the end of each history:
/// - all nodes have equal logs, indexes and voids, byte by byte, and equal states;
/// - each log verifies, and views are the reductions of the sorted events;
/// - whoever had read a node's feed to its end, after any step of any node, goes on at any node and is told exactly what it lacks, once.
public struct SmallHistories {
  /// What came out.
  public struct Outcome: Sendable {
    public internal(set) var histories = 0
    /// How many states of a node's disk there are, and of all three nodes.
    public internal(set) var disks = 0
    public internal(set) var states = 0
    /// How many steps were done.
    public internal(set) var steps = 0
    /// The first thing that did not hold, and the steps that led there.
    public internal(set) var failure: String?

    public init() {}

    mutating func add(_ walk: SmallWalk) {
      histories += walk.histories
      disks += walk.disks.count
      states += walk.states
      steps += walk.disks.stepCount
      failure = failure ?? walk.failure
    }
  }

  private let ways: [[Int]]
  private let orders: [[Int]]

  /// Which element each of the three events is.
  public static let allWays = [[0, 1, 2], [0, 0, 1], [0, 1, 0], [0, 1, 1], [0, 0, 0]]
  /// When each of three elements happened.
  public static let allOrders = [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1], [2, 0, 1], [1, 0, 2]]

  public init(ways: [[Int]] = Self.allWays, orders: [[Int]] = Self.allOrders) { (self.ways, self.orders) = (ways, orders) }

  public func run() throws -> Outcome {
    var outcome = Outcome()
    for way in ways {
      for order in orders {
        var walk = try SmallWalk(way, order)
        try walk.run()
        outcome.add(walk)
      }
    }
    return outcome
  }
}

/// Three nodes between two steps.
private struct SmallState: Hashable {
  /// The numbers of their disks.
  var disks = [0, 0, 0]
  /// How many events are recorded, and how many nodes did anything.
  var recorded = 0
  var named = 0
}

/// The histories of three events.
struct SmallWalk {
  /// What may come behind a state.
  private struct Future {
    var histories = 0
    /// The logs that all nodes have at the ends.
    var ends: Set<Int> = []
  }

  private(set) var disks: SmallDisks
  private var futures: [SmallState: Future] = [:]
  private var ends: Set<[Int]> = []
  /// The steps from the beginning to where the walk is.
  private var steps: [String] = []
  private(set) var histories = 0
  private(set) var failure: String?

  var states: Int { futures.count }

  /// - Parameters:
  ///   - way: which element each event is.
  ///   - order: when each element happened.
  init(_ way: [Int], _ order: [Int]) throws { disks = try SmallDisks(way, order) }

  mutating func run() throws { histories = try future(of: SmallState()).histories }

  /// Does every step that may come next, and those behind each.
  private mutating func future(of state: SmallState) throws -> Future {
    if let known = futures[state] { return known }
    guard failure == nil else { return Future() }
    var future = Future()
    if state.recorded == SmallDisks.events, state.disks.allSatisfy({ disks.clock($0) == disks.clock(state.disks[0]) }) {
      if ends.insert(state.disks).inserted { attempt { disks throws in try disks.checkLevel(state.disks) } }
      future = Future(histories: 1, ends: [disks.log(state.disks[0])])
    } else {
      for (step, next) in try steps(from: state) {
        steps.append(step)
        let behind = try self.future(of: next)
        steps.removeLast()
        future.histories += behind.histories
        future.ends.formUnion(behind.ends)
      }
    }
    for (disk, end) in state.disks.flatMap({ disk in future.ends.sorted().map { (disk, $0) } }) {
      attempt { disks throws in try disks.checkReader(of: disk, at: end) }
    }
    futures[state] = future
    return future
  }

  private mutating func steps(from state: SmallState) throws -> [(String, SmallState)] {
    var found: [(String, SmallState)] = []
    if state.recorded < SmallDisks.events {
      for node in 0...min(state.named, 2) {
        var next = state
        next.disks[node] = try disks.record(state.recorded, at: node, on: state.disks[node])
        next.recorded += 1
        next.named = max(state.named, node + 1)
        found.append(("n\(node) records \(state.recorded + 1)", next))
      }
    }
    for (to, from) in Self.pairs where max(to, from) <= state.named && !disks.covers(state.disks[to], state.disks[from]) {
      var next = state
      next.disks[to] = try disks.pull(to: state.disks[to], from: state.disks[from], after: state.recorded)
      next.named = max(state.named, to + 1)
      found.append(("n\(to) pulls from n\(from)", next))
    }
    return found
  }

  private static let pairs = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]

  private mutating func attempt(_ check: (inout SmallDisks) throws -> Void) {
    do { try check(&disks) } catch { failure = failure ?? "\(disks.name), \(steps): \(error)" }
  }
}
