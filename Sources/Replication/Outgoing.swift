public import EventModel
public import EventStore

/// What a pull is going to be sent: from where each log goes on.
public struct Outgoing: Sendable {
  /// What the receiver holds, or isn't to be sent.
  public private(set) var reached: Clock
  /// Logs of which the receiver holds another one: they aren't sent.
  public let forks: [Clock.Entry]
  /// Logs of which the receiver holds another one, those too that it doesn't take.
  public let others: [Clock.Entry]

  /// Takes a look at what a puller holds. If it knows more of the own log than is held here, this file was restored or copied.
  public init(_ request: PullRequest, from set: EventSet) throws(StoreError) {
    set.observe(request.held)
    let forks = try set.forks(against: request.held)
    set.noteForks(forks.map(\.origin))
    others = forks
    self.forks = forks.filter { !request.without.contains($0.origin) }
    reached = request.held
    for origin in self.forks.map(\.origin) + request.without { reached.set(Clock.Entry(origin: origin, n: .max, digest: 0)) }
  }

  /// Whether a set has something to tell: records, or that a log is another one.
  public func isThere(in set: EventSet) -> Bool { !forks.isEmpty || !set.state.clock.delta(beyond: reached).isEmpty }

  /// Leaves out what the receiver was heard to hold meanwhile. What went over stays: it isn't sent twice.
  /// - Parameter clock: of logs that are the same here.
  /// - Complexity: O(origins).
  public mutating func spare(_ clock: Clock, in set: EventSet) {
    let here = set.state.clock
    for range in clock.delta(beyond: reached) {
      // Above what is held here there is nothing to be left out.
      guard let entry = clock.entry(range.origin), entry.n <= here[range.origin] else { continue }
      reached.set(entry)
    }
  }

  /// The next page, of about `bytesMax`; nil when the receiver has all of it.
  public mutating func nextPage(of set: EventSet, bytesMax: Int = PullRequest.pageBytes) throws(StoreError) -> RecordPage? {
    if set.state.clock.delta(beyond: reached).isEmpty { return nil }
    let page: RecordPage
    (page, reached) = try set.records(after: reached, bytesMax: bytesMax)
    return page.entries.isEmpty ? nil : page
  }
}

extension Clock {
  /// The clock without some logs.
  package func without(_ logs: [Entry]) -> Clock {
    var clock = self
    for log in logs { clock.set(Entry(origin: log.origin, n: 0, digest: 0)) }
    return clock
  }
}
