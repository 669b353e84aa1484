/// What waits for a database's writer, and in which order it takes it.
struct WriterQueue: Sendable {
  var appends: [Writer.Append] = []
  var head = 0
  var merges: [Writer.Merge] = []
  var slices: [Writer.Slice] = []
  var repairs: [Writer.Repair] = []
  var riders: [SliceRider] = []
  /// Whether the riders are to go, though no group does.
  var ridersLeave = false
  var bytes = 0
  var threadRuns = false
  var busy = false
  var stopped = false
  /// How long appends may still go before a waiting slice, and how long the last slice took.
  var appendTime: Duration = .zero
  var lastSlice: Duration = .zero
  /// How many appends the last group answered or left waiting, and how long it took.
  var lastAppends = 0
  var lastGroup: Duration = .zero

  private static let groupEventsMax = 4096
  private static let groupBytesMax = 4 << 20

  var waitingAppends: Int { appends.count - head }
  private var groupWaits: Bool { head < appends.count || !merges.isEmpty }
  private var ridersWait: Bool { !riders.isEmpty && (ridersLeave || stopped) }
  /// Whether there is a turn to be taken.
  var waits: Bool { groupWaits || !slices.isEmpty || !repairs.isEmpty || ridersWait }

  /// A log's repair first, there are few; a slice when no append waits, and at the latest after four times its own duration of appends;
  /// riders alone when they are to go.
  mutating func take() -> Writer.Turn {
    if !repairs.isEmpty { return .repair(repairs.removeFirst()) }
    if !slices.isEmpty, !groupWaits || appendTime >= lastSlice * 4 {
      appendTime = .zero
      return .slice(slices.removeFirst())
    }
    let along = ridersLeave || !groupWaits ? riders : riders.filter(\.goesAlong)
    if along.count == riders.count { riders = [] } else { riders.removeAll(where: \.goesAlong) }
    ridersLeave = false
    return groupWaits ? .group(takeAppends(), merges.isEmpty ? nil : merges.removeFirst(), along) : .riders(along)
  }

  /// Whole requests until the bounds, one at least if any waits.
  private mutating func takeAppends() -> [Writer.Append] {
    var events = 0
    var bytes = 0
    let start = head
    while head < appends.count {
      let append = appends[head]
      events += append.draft.items.count
      bytes += append.draft.bodyBytes
      if head > start, events > Self.groupEventsMax || bytes > Self.groupBytesMax { break }
      head += 1
    }
    let group = Array(appends[start..<head])
    if head == appends.count {
      appends.removeAll(keepingCapacity: true)
      head = 0
    } else if head > appends.count / 2 {
      // What was taken is let go of at the cost of a move for each.
      appends.removeFirst(head)
      head = 0
    }
    return group
  }
}
