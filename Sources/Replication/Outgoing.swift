public import EventModel
public import EventStore

/// What a pull is going to be sent: from where each log goes on.
public struct Outgoing: Sendable {
  /// What the receiver holds, or isn't to be sent.
  public private(set) var reached: Clock
  /// Logs of which the receiver holds another one: they aren't sent.
  public let forks: [Clock.Entry]
  /// What the receiver holds, but for logs of which it holds another one.
  public let held: Clock

  /// Takes a look at what a puller holds. If it knows more of the own log than is held here, this file was restored or copied.
  public init(_ request: PullRequest, from set: EventSet) throws(StoreError) {
    set.observe(request.held)
    let forks = try set.forks(against: request.held)
    set.noteForks(forks.map(\.origin))
    held = request.held.without(forks)
    self.forks = forks.filter { !request.without.contains($0.origin) }
    reached = request.held
    for origin in self.forks.map(\.origin) + request.without { reached.set(Clock.Entry(origin: origin, n: .max, digest: 0)) }
  }

  /// Whether a set has something to tell: records, or that a log is another one.
  public func isThere(in set: EventSet) -> Bool { !forks.isEmpty || !set.state.clock.delta(beyond: reached).isEmpty }

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
