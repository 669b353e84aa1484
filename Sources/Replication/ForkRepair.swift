internal import EventModel

/// The repair of one log that lost a fork, as a value: the search for a place where both logs agree, then the winner's records from there
/// on, which prove to the loser that it lost.
struct ForkRepair: Hashable, Sendable {
  var search: ForkSearch
  /// The head of the log that wins.
  let winner: Clock.Entry
  /// From where the winner's records are sent: the last of them that was, or where both agree.
  var reached: Clock.Entry

  init(losing n: UInt64, to winner: Clock.Entry) {
    (search, self.winner) = (ForkSearch(n), winner)
    reached = Clock.Entry(origin: winner.origin, n: 0, digest: 0)
  }

  var isSearching: Bool { search.agreed == nil }
}
