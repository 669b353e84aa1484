public import EventModel

/// What other nodes hold of a database on their disks, as each of them told last. A later word replaces the one before, also by less: a
/// node that was restored holds less. Records that came from a node are no word, but they prove that it holds these: they are added to its
/// last one. Bounded: the node that was not heard for longest is forgotten.
public struct HeldTable: Sendable {
  public struct Entry: Sendable {
    /// What it holds of logs that are the same here.
    public fileprivate(set) var clock: Clock
    /// What it holds, other logs too.
    public fileprivate(set) var told: Clock
    /// When it told.
    public let heard: Instant
    /// Which of all words this is: a later one has a greater turn.
    public fileprivate(set) var turn: UInt64
  }

  static let nodesMax = 1000
  /// Entries of all clocks together.
  static let originsMax = 1_000_000

  public private(set) var entries: [Origin: Entry] = [:]
  private var origins = 0
  private var turn: UInt64 = 0

  public init() {}

  /// Takes a node's word.
  /// - Parameters:
  ///   - clock: what it holds of logs that are the same here.
  ///   - told: all that it said; nil: no more.
  /// - Returns: whether it is another one than before.
  @discardableResult public mutating func note(_ node: Origin, _ clock: Clock, told: Clock? = nil, at heard: Instant) -> Bool {
    let isNews = entries[node]?.clock != clock
    forget(node)
    turn += 1
    entries[node] = Entry(clock: clock, told: told ?? clock, heard: heard, turn: turn)
    origins += (told ?? clock).entries.count
    shrink(keeping: node)
    return isNews
  }

  /// Adds records that came from a node to what it said last; without a word of it they say nothing of the rest.
  /// - Parameter heads: the last of each log.
  /// - Returns: whether it is known to hold more now.
  @discardableResult public mutating func prove(_ node: Origin, holds heads: Clock) -> Bool {
    guard var entry = entries[node], !entry.clock.covers(heads) else { return false }
    let isSame = entry.told == entry.clock
    origins -= entry.told.entries.count
    entry.clock.merge(heads)
    // One array for both.
    if isSame { entry.told = entry.clock } else { entry.told.merge(heads) }
    origins += entry.told.entries.count
    turn += 1
    entry.turn = turn
    entries[node] = entry
    shrink(keeping: node)
    return true
  }

  private mutating func shrink(keeping node: Origin) {
    while entries.count > Self.nodesMax || (origins > Self.originsMax && entries.count > 1) {
      let oldest = entries.filter { $0.key != node }.min { ($0.value.heard, $0.key) < ($1.value.heard, $1.key) }
      if let oldest { forget(oldest.key) }
    }
  }

  private mutating func forget(_ node: Origin) {
    guard let entry = entries.removeValue(forKey: node) else { return }
    origins -= entry.told.entries.count
  }

  /// The nodes that hold elements.
  public func holders(of dots: ElementDots) -> Set<Origin> {
    Set(entries.lazy.filter { dots.areHeld(by: $0.value.clock) }.map(\.key))
  }
}
