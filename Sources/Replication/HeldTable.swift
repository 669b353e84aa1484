public import EventModel

/// What other nodes hold of a database on their disks, as each of them told last. A later word replaces the one before, also by less: a
/// node that was restored holds less. Bounded: the node that was not heard for longest is forgotten.
public struct HeldTable: Sendable {
  public struct Entry: Sendable {
    public let clock: Clock
    public let heard: Instant
  }

  static let nodesMax = 1000
  /// Entries of all clocks together.
  static let originsMax = 1_000_000

  public private(set) var entries: [Origin: Entry] = [:]
  private var origins = 0

  public init() {}

  /// Takes a node's word.
  /// - Returns: whether it is another one than before.
  @discardableResult public mutating func note(_ node: Origin, _ clock: Clock, at heard: Instant) -> Bool {
    let isNews = entries[node]?.clock != clock
    forget(node)
    entries[node] = Entry(clock: clock, heard: heard)
    origins += clock.entries.count
    while entries.count > Self.nodesMax || (origins > Self.originsMax && entries.count > 1) {
      let oldest = entries.filter { $0.key != node }.min { ($0.value.heard, $0.key) < ($1.value.heard, $1.key) }
      if let oldest { forget(oldest.key) }
    }
    return isNews
  }

  private mutating func forget(_ node: Origin) {
    guard let entry = entries.removeValue(forKey: node) else { return }
    origins -= entry.clock.entries.count
  }

  /// The nodes that hold elements.
  public func holders(of dots: ElementDots) -> Set<Origin> {
    Set(entries.lazy.filter { dots.areHeld(by: $0.value.clock) }.map(\.key))
  }
}
