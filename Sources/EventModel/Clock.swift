/// A version vector: for each origin the highest n held, and the first 8 bytes of the chain digest there.
/// Since no log has a hole it is a complete causal context of the set: it says of every record whether it is held.
///
/// Merge is commutative, associative and idempotent where digests agree; covering is the order that it is the join of.
/// Source: Almeida, Shoker, Baquero, "Delta State Replicated Data Types", JPDC 2018 (causal contexts compressed to vectors).
public struct Clock: Hashable, Sendable {
  /// One origin's log up to n.
  public struct Entry: Hashable, Sendable {
    public let origin: Origin
    /// ≥ 1.
    public var n: UInt64
    /// The first 8 bytes of chain(n).
    public var digest: UInt64

    public init(origin: Origin, n: UInt64, digest: UInt64) {
      self.origin = origin
      self.n = n
      self.digest = digest
    }

    public var dot: Dot { Dot(origin: origin, n: n) }
  }

  /// By rising origin, each once.
  public private(set) var entries: [Entry]

  /// The clock of the empty set.
  public init() { entries = [] }

  /// A clock of entries in any order, none with n = 0. Of two for one origin the higher stays.
  public init(_ entries: some Sequence<Entry>) {
    self.entries = []
    for entry in entries.sorted(by: { ($0.origin, $0.n) < ($1.origin, $1.n) }) where entry.n > 0 {
      if self.entries.last?.origin == entry.origin { self.entries.removeLast() }
      self.entries.append(entry)
    }
  }

  /// The clock of one origin.
  public init(_ entry: Entry) { entries = entry.n > 0 ? [entry] : [] }

  /// For entries that are known to rise strictly by origin.
  init(rising entries: [Entry]) { self.entries = entries }

  public var isEmpty: Bool { entries.isEmpty }

  /// The index of the first entry whose origin is not below `origin`.
  func lowerBound(_ origin: Origin) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].origin < origin { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The entry of an origin. O(log origins).
  public func entry(_ origin: Origin) -> Entry? {
    let index = lowerBound(origin)
    return index < entries.count && entries[index].origin == origin ? entries[index] : nil
  }

  /// The highest n held of an origin, 0 if none. O(log origins).
  public subscript(origin: Origin) -> UInt64 { entry(origin)?.n ?? 0 }

  public func covers(_ dot: Dot) -> Bool { self[dot.origin] >= dot.n }

  /// Whether every record of `other` is held by a holder of this clock. Numbers only. O(origins).
  public func covers(_ other: Clock) -> Bool {
    var mine = entries.startIndex
    for theirs in other.entries {
      while mine < entries.endIndex, entries[mine].origin < theirs.origin { mine += 1 }
      guard mine < entries.endIndex, entries[mine].origin == theirs.origin, entries[mine].n >= theirs.n else { return false }
    }
    return true
  }

  /// Sets the entry of its origin, whatever was there. n = 0 removes it.
  public mutating func set(_ entry: Entry) {
    let index = lowerBound(entry.origin)
    let present = index < entries.count && entries[index].origin == entry.origin
    switch (present, entry.n > 0) {
    case (true, true): entries[index] = entry
    case (true, false): entries.remove(at: index)
    case (false, true): entries.insert(entry, at: index)
    case (false, false): break
    }
  }

  /// Raises the entry of its origin to this one, if it is higher.
  public mutating func raise(to entry: Entry) {
    if entry.n > self[entry.origin] { set(entry) }
  }

  /// The clock of the union of the two sets: for each origin the higher entry. O(origins).
  public mutating func merge(_ other: Clock) { self = merged(other) }

  /// The clock of the union of the two sets.
  public func merged(_ other: Clock) -> Clock {
    if other.entries.isEmpty { return self }
    if entries.isEmpty { return other }
    var joined: [Entry] = []
    joined.reserveCapacity(max(entries.count, other.entries.count))
    var (i, j) = (0, 0)
    while i < entries.count || j < other.entries.count {
      if j == other.entries.count || (i < entries.count && entries[i].origin < other.entries[j].origin) {
        joined.append(entries[i])
        i += 1
      } else if i == entries.count || other.entries[j].origin < entries[i].origin {
        joined.append(other.entries[j])
        j += 1
      } else {
        joined.append(entries[i].n >= other.entries[j].n ? entries[i] : other.entries[j])
        (i, j) = (i + 1, j + 1)
      }
    }
    return Clock(rising: joined)
  }

  /// The clock of what both cover: for each origin the lower entry. O(origins · log origins).
  public func common(with other: Clock) -> Clock {
    Clock(rising: entries.compactMap { mine in other.entry(mine.origin).map { $0.n < mine.n ? $0 : mine } })
  }

  /// Of each origin's log, what this clock holds and `known` doesn't.
  public struct Range: Hashable, Sendable {
    public let origin: Origin
    public let numbers: ClosedRange<UInt64>

    public init(origin: Origin, numbers: ClosedRange<UInt64>) {
      self.origin = origin
      self.numbers = numbers
    }
  }

  /// The ranges of the logs that a holder of `known` lacks, by rising origin: two sorted arrays compared. O(origins).
  public func delta(beyond known: Clock) -> [Range] {
    var ranges: [Range] = []
    var theirs = known.entries.startIndex
    for mine in entries {
      while theirs < known.entries.endIndex, known.entries[theirs].origin < mine.origin { theirs += 1 }
      let n = theirs < known.entries.endIndex && known.entries[theirs].origin == mine.origin ? known.entries[theirs].n : 0
      if mine.n > n { ranges.append(Range(origin: mine.origin, numbers: n + 1...mine.n)) }
    }
    return ranges
  }
}
