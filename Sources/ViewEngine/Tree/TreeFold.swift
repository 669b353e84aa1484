/// The summary tree of a sequence that streams by, in memory: its value, by the rule of an append.
///
/// Whole blocks may stand in for their rows, as long as they are blocks of this sequence too.
/// - Complexity: O(1) joins an item, amortised; memory O(levels).
struct TreeFold {
  private let joiner: Joiner
  /// The open block of each level, level 1 first: of a level above 1 its closed children.
  private var open: [Partial] = []
  /// Rows of level 0 that are not joined yet.
  private var run: [Partial] = []

  init(_ joiner: Joiner) { self.joiner = joiner }

  /// Takes the next item.
  /// - Parameters:
  ///   - height: the level of the block, 0 for a row.
  ///   - level: the level of the row it starts with; of a block of the rows before the first start: its height.
  mutating func add(_ item: Partial, height: Int, level: Int) {
    if level == 0, height == 0 {
      run.append(item)
      if run.count == 1024 { joinRun() }
      return
    }
    joinRun()
    reach(max(level, height) + 1)
    var child = Partial.none
    for index in 0..<level {
      child = joiner.limited(joiner.join([open[index], child]))
      open[index] = .none
    }
    open[level] = joiner.join([open[level], child])
    open[height] = joiner.join([open[height], item])
  }

  private mutating func joinRun() {
    guard !run.isEmpty else { return }
    reach(1)
    open[0] = joiner.join([open[0]] + run)
    run.removeAll(keepingCapacity: true)
  }

  private mutating func reach(_ levels: Int) {
    while open.count < levels { open.append(.none) }
  }

  /// The value of what was added; none, if that was nothing.
  mutating func value() -> Partial {
    joinRun()
    return open.reduce(.none) { joiner.join([$1, $0]) }
  }
}
