public import EventModel
import EventStore

/// Brings what a target lacks from a source to it, page by page, until level. A pull is a relay from a peer to this node, a push one from
/// this node to a peer, `laterbase sync` one each way: there is no other code that moves records between nodes.
public struct Relay: Sendable {
  /// What a relay did.
  public struct Outcome: Sendable {
    /// Records that the target took.
    public var records = 0
    /// Logs that could not be brought on.
    public var parked: [Parked] = []
    /// Origins of which both held logs of their own. Of those that aren't parked the target's has been cut, and goes on with the source's.
    public var forked: Set<Origin> = []
    /// What the source held at the end; nil if it doesn't hold the database.
    public var source: PeerClock?
    /// What the target holds now; nil if neither holds the database.
    public var target: PeerClock?
    /// The clock that the target told last: its next answer may say its own by the difference.
    public var toldByTarget = Clock()
    /// Equal clocks with different sets: a person has to look.
    public var alarm: String?
  }

  private let database: String
  private let source: any PeerTransport
  private let target: any PeerTransport
  private let node: Origin
  private let sender: Origin
  private let cluster: String
  /// What may wait between the two.
  private static let queueBytesMax = 4 << 20
  /// A source with more logs that don't fit than this is not listened to.
  private static let parkedMax = 1000

  /// - Parameters:
  ///   - node: the id of the node that pulls or pushes; none: somebody between the two.
  ///   - sender: the id of the node that is the source, if it is known: the target is told that it holds what it sends. The same as `node`
  ///     if this is a push.
  ///   - cluster: the name of its cluster.
  public init(
    _ database: String, from source: any PeerTransport, to target: any PeerTransport, node: Origin = Origin(value: 0),
    sender: Origin = Origin(value: 0), cluster: String = PullRequest.standardCluster
  ) {
    (self.database, self.source, self.target, self.node, self.cluster) = (database, source, target, node, cluster)
    self.sender = sender
  }

  private var pushes: Bool { node.value != 0 && sender == node }

  /// Relays until the target holds all that the source held when it first said so, but for origins that are parked: those whose records
  /// the target refuses, or whose logs have forked and the source's loses. They are reported, the others go on. Where the target's loses,
  /// it is sent the source's from before they differ.
  /// - Parameters:
  ///   - base: the clock that the source told this node last (an outcome's `source`), if it did; requests are short then.
  ///   - told: the clock that the target told this node last (an outcome's `toldByTarget`), if it did; its answers to pushes are short then.
  ///   - wait: how long the source may wait for news while the two are level.
  ///   - without: origins not to ask for.
  ///   - progress: told of each number of records that went over.
  /// - Throws: why it ended early. What went over by then stays.
  public func run(
    base: Clock = Clock(), told: Clock = Clock(), wait: Duration = .zero, without: Set<Origin> = [],
    progress: @Sendable (Int) -> Void = { _ in }
  ) async throws(SyncError) -> Outcome {
    let held = try await ask(told)
    return try await run(held: held, base: base, told: held?.clock, wait: wait, without: without, progress: progress)
  }

  /// The same, without asking the target first: where it is known what the target holds, or did a moment ago.
  /// - Parameter held: nil: it doesn't hold the database. If it is more than what the target holds, logs are parked that aren't to be.
  public func run(
    held: PeerClock?, base: Clock = Clock(), told: Clock? = nil, wait: Duration = .zero, without: Set<Origin> = [],
    progress: @Sendable (Int) -> Void = { _ in }
  ) async throws(SyncError) -> Outcome {
    let nothing = PeerClock(audit: PeerClock.Audit(elements: 0, sum: AuditSum()))
    var state = RelayState(held: held ?? nothing, told: told, without: without)
    var outcome = Outcome()
    var isThere = held != nil
    var step = RelayState.Step.exchange
    var wait = wait
    // A server keeps bases for nodes only.
    var base = node.value == 0 ? Clock() : base
    while step != .level {
      if step == .compare {
        step = try await compare(&state)
        continue
      }
      if step == .look {
        step = state.looked(try await ask(state.told) ?? nothing)
        continue
      }
      let asked = state.asked
      let request = PullRequest(
        node: node, cluster: cluster, held: asked.clock, base: base, audit: asked.audit, wait: wait, without: state.without)
      let end: PullEnd
      do throws(SyncError) {
        end = try await exchange(request, &state, &outcome.records, progress)
      } catch {
        guard error.code == .notHeld, outcome.records == 0 else { throw error }
        outcome.target = held
        return outcome
      }
      isThere = isThere || outcome.records > 0
      step = state.ended(end)
      wait = .zero
      if node.value != 0 { base = end.peer.clock }
    }
    (outcome.parked, outcome.forked) = (state.parked, state.forked)
    outcome.source = state.source
    outcome.target = isThere ? state.held : nil
    outcome.toldByTarget = state.told
    outcome.alarm = state.alarm
    return outcome
  }

  /// What the target holds. A push asks by a pull of no bytes: it says what the source holds, and is told what differs, both shortly.
  private func ask(_ told: Clock) async throws(SyncError) -> PeerClock? {
    guard pushes, let mine = try await source.clock(of: database) else { return try await target.clock(of: database) }
    let request = PullRequest(node: node, cluster: cluster, held: mine.clock, base: told, audit: mine.audit, bytesMax: 0)
    do throws(SyncError) {
      return try await target.pull(database, request) { (_) throws(SyncError) in }.peer
    } catch {
      guard error.code == .notHeld else { throw error }
      return nil
    }
  }

  /// One pull, its pages pushed while the next ones arrive. When it returns, all of them are on the target's disk.
  private func exchange(
    _ request: PullRequest, _ state: inout RelayState, _ records: inout Int, _ progress: @Sendable (Int) -> Void
  ) async throws(SyncError) -> PullEnd {
    let queue = PageQueue(bytesMax: Self.queueBytesMax)
    async let pulled = pull(request, into: queue)
    while let pages = await queue.take() {
      do throws(SyncError) {
        let count = try await push(pages, &state)
        records += count
        progress(count)
      } catch {
        queue.abandon()
        throw error
      }
    }
    return try await pulled.get()
  }

  /// Asks both what they hold at the places where forked logs are to be compared, by pulls of no bytes: who holds something else says what.
  private func compare(_ state: inout RelayState) async throws(SyncError) -> RelayState.Step {
    // In nobody's name: what is asked for here is not what anybody holds.
    let theirs = try await source.pull(database, PullRequest(held: state.places, bytesMax: 0)) { (_) throws(SyncError) in }
    let clock = Clock(theirs.forks)
    let mine = try await target.pull(database, PullRequest(held: clock, bytesMax: 0)) { (_) throws(SyncError) in }
    return state.compared(clock, differing: Set(mine.forks.map(\.origin)))
  }

  private func pull(_ request: PullRequest, into queue: PageQueue) async -> Result<PullEnd, SyncError> {
    defer { queue.end() }
    do throws(SyncError) {
      return .success(
        try await source.pull(database, request) { (page) throws(SyncError) in
          guard await queue.put(page) else { throw SyncError(.cancelled, "the target takes no more") }
        })
    } catch {
      return .failure(error)
    }
  }

  /// Pushes pages; if they are refused, each log's part of each page by itself.
  private func push(_ pages: [RecordPage], _ state: inout RelayState) async throws(SyncError) -> Int {
    let pages = pages.map { $0.without(state.without).naming(state.winners) }.filter { !$0.entries.isEmpty }
    if pages.isEmpty { return 0 }
    let count = pages.reduce(0) { $0 + $1.entries.count }
    do throws(SyncError) {
      let held = try await target.push(database, pages, from: sender(state))
      for page in pages { state.pushed(page, held: held) }
      return count
    } catch {
      guard error.code == .refused else { throw error }
    }
    var pushed = 0
    for page in pages {
      for part in page.logs {
        let origin = part.entries[0].dot.origin
        if state.without.contains(origin) { continue }
        do throws(SyncError) {
          state.pushed(part, held: try await target.push(database, [part], from: sender(state)))
          pushed += part.entries.count
        } catch {
          guard error.code == .refused, state.parked.count < Self.parkedMax else { throw error }
          state.refused(origin, error.message)
        }
      }
    }
    return pushed
  }

  private func sender(_ state: RelayState) -> Sender { Sender(node: sender, base: pushes ? state.told : Clock()) }
}

extension RecordPage {
  /// The page without some origins' records.
  func without(_ origins: Set<Origin>) -> RecordPage {
    guard !origins.isEmpty, entries.contains(where: { origins.contains($0.dot.origin) }) else { return self }
    var page = RecordPage()
    for entry in entries where !origins.contains(entry.dot.origin) { page.add(entry.dot, bytes.raw.extracting(entry.range)) }
    page.forks = forks.filter { !origins.contains($0.origin) }
    return page
  }

  /// The page with the heads of those of its logs that win a fork.
  func naming(_ winners: [Clock.Entry]) -> RecordPage {
    if winners.isEmpty { return self }
    var page = self
    page.forks = winners.filter { winner in entries.contains { $0.dot.origin == winner.origin } }
    return page
  }

  /// One page a log, in the order in which the logs begin.
  var logs: [RecordPage] {
    var places: [Origin: Int] = [:]
    var pages: [RecordPage] = []
    for entry in entries {
      let place = places[entry.dot.origin] ?? pages.count
      if place == pages.count {
        places[entry.dot.origin] = place
        pages.append(RecordPage())
        pages[place].forks = forks.filter { $0.origin == entry.dot.origin }
      }
      pages[place].add(entry.dot, bytes.raw.extracting(entry.range))
    }
    return pages
  }
}

extension Relay {
  /// Levels two nodes: what the one lacks goes to it from the other, both ways. What the first is sent tells what the second holds, so that
  /// isn't asked for: one request to the second if nothing is to go there, and all fits an exchange.
  /// - Parameters:
  ///   - node: the first's id; none: somebody between the two.
  ///   - progress: told of each number of records that went over, either way.
  /// - Returns: what came to the first, and what to the second. Both hold the same now, unless one of them was written to meanwhile, or
  ///   something is parked.
  public static func level(
    _ database: String, _ first: any PeerTransport, _ second: any PeerTransport, node: Origin = Origin(value: 0),
    cluster: String = PullRequest.standardCluster, progress: @Sendable (Int) -> Void = { _ in }
  ) async throws(SyncError) -> (toFirst: Outcome, toSecond: Outcome) {
    let pull = Relay(database, from: second, to: first, node: node, cluster: cluster)
    var back = try await pull.run(progress: progress)
    let push = Relay(database, from: first, to: second, node: node, sender: node, cluster: cluster)
    let there = try await push.run(held: back.source, told: back.source?.clock, progress: progress)
    if !there.forked.isEmpty {
      // What the second had in logs that lost it has recorded anew.
      let before = back.records
      back = try await pull.run(base: back.source?.clock ?? Clock(), progress: progress)
      back.records += before
    }
    return (back, there)
  }
}
