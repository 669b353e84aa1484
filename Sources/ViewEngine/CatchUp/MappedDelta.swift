import EventModel
import EventStore
import ViewKit

/// A consecutive part of the delta after a view's clock, mapped: what is to be put into the view.
///
/// Keys and rows lie in two places for all of it, so that a row is a few plain numbers: a million of them are sorted and copied without
/// an allocation each.
struct MappedDelta: Sendable {
  struct Row: Sendable {
    /// Which of `keys`.
    let key: Int32
    /// Where the bytes of the row as mapped lie.
    let bytes: Range<Int>
    let pos: Pos
    let recorded: HLC
    let voided: HLC?
  }

  private(set) var rows: [Row] = []
  private var table = KeyTable()
  private var rowBytes: [UInt8] = []
  /// Events handed out.
  private(set) var events = 0
  /// Events that the view can't decode or map, and why; nil: it is voided, so nothing is said of it.
  private(set) var skipped: [Happened: String?] = [:]
  /// The view's clock when all of this has been put.
  private(set) var clock: Clock
  /// Whether nothing is left behind it.
  private(set) var isLast = false
  private var voids: Set<ULID> = []
  /// The set's before any of this was read: nil, before that.
  private(set) var cuts: UInt64?
  /// Of events whose rows are to be put anew, the least HLC of the voids held; nil: these rows are told of beside what is stored.
  private(set) var replacedVoids: [ULID: HLC]?

  init(after clock: Clock) { self.clock = clock }

  var keys: [[UInt8]] { table.keys }

  /// What it takes in memory, about.
  var bytes: Int { rows.count * MemoryLayout<Row>.stride + rowBytes.count + keys.count * 128 }

  func key(_ row: Row) -> [UInt8] { keys[Int(row.key)] }

  func stored(_ row: Row) -> StoredRow {
    StoredRow(recorded: row.recorded, voided: row.voided, row: [UInt8](copying: rowBytes.raw.extracting(row.bytes)))
  }

  /// Walks on in the delta by a page, mapping each event, until a bound is reached. Events that are void or voided: `heedVoids`.
  ///
  /// - Parameters:
  ///   - recordsMax: at least one record is walked.
  ///   - rowsMax: of all that was walked so far, as `bytesMax`; the last event may go beyond.
  /// - Returns: whether it went on.
  mutating func walk(
    _ feed: DecodedFeed, _ view: CompiledView, recordsMax: Int, rowsMax: Int, bytesMax: Int
  ) throws(StoreError) -> Bool {
    cuts = cuts ?? feed.set.state.cuts
    var page = try feed.page(after: clock, recordsMax: recordsMax)
    // What the rows came from can't be told any more: a view that went on would name a clock that is below its rows.
    guard page.clock.covers(clock) else { throw StoreError(.damaged, "a record that the view has read is damaged") }
    isLast = feed.set.state.pending(after: page.clock) == 0
    // Worth another thread's turn, if what comes is likely as much.
    if !isLast, page.count >= DecodedChunk.eventsMax { feed.prefetch(after: page.clock) }
    var events = page.events(feed.database)
    var mapped = MappedRows()
    view.map(events, rowsMax: rowsMax - rows.count, bytesMax: bytesMax - bytes, into: &mapped)
    if mapped.events < events.count {
      // Where the feed stands in the middle of a page only the feed knows.
      page = try feed.page(after: clock, recordsMax: mapped.events)
      isLast = false
      events = page.events(feed.database)
      mapped.removeAll()
      view.map(events, into: &mapped)
    }
    add(events, mapped)
    self.events += events.count
    voids.formUnion(page.voids)
    let goesOn = page.clock != clock
    clock = page.clock
    return goesOn
  }

  /// Takes out what events that the delta's clock covers declare wrong, whichever came first: the voided events' rows are put again, marked.
  /// A void that this clock doesn't cover waits for its own turn, so that the view is right at its clock.
  mutating func heedVoids(_ feed: DecodedFeed, _ view: CompiledView, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) {
    for ulid in voids.sorted() {
      guard let voided = try feed.set.voided(ulid, by: clock, reader) else { continue }
      try addElements(ulid, coveredBy: clock, voided: voided, feed, view, reader)
    }
  }

  /// What is held of events whose records were cut, mapped: it replaces what is stored of them.
  init(
    replacing ulids: [ULID], at clock: Clock, _ feed: DecodedFeed, _ view: CompiledView, _ reader: borrowing any StoreReader & ~Copyable,
    _ state: SetState
  ) throws(StoreError) {
    (self.clock, cuts) = (clock, state.cuts)
    var held: [ULID: HLC] = [:]
    for ulid in ulids {
      held[ulid] = try feed.set.voided(ulid, by: state.clock, reader)
      let voided = try feed.set.voided(ulid, by: clock, reader)
      try addElements(ulid, coveredBy: state.clock, voided: voided, feed, view, reader)
    }
    (replacedVoids, skipped) = (held, [:])
    sort()
  }

  /// What is held under a ULID, mapped.
  private mutating func addElements(
    _ ulid: ULID, coveredBy clock: Clock, voided: HLC?, _ feed: DecodedFeed, _ view: CompiledView,
    _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) {
    var events: [FeedEvent] = []
    try feed.set.elements(ulid, coveredBy: clock, reader) { (id, recorded, body) in
      let decoded = feed.database.decode(JSON(normalForm: [UInt8](copying: body)))
      events.append(FeedEvent(event: decoded, when: Happened(id: id.ulid, digest: id.digest), recorded: recorded))
    }
    var mapped = MappedRows()
    view.map(events, into: &mapped)
    add(events, mapped, voided: voided)
  }

  private mutating func add(_ events: [FeedEvent], _ mapped: MappedRows, voided: HLC? = nil) {
    let bytes = mapped.bytes
    for row in mapped.rows {
      let key = table.number(bytes.raw.extracting(row.key))
      let start = rowBytes.count
      rowBytes.append(copying: bytes.raw.extracting(row.row))
      let (when, recorded) = (events[row.event].when, events[row.event].recorded)
      let pos = Pos(when, emitIndex: row.index)
      rows.append(Row(key: key, bytes: start..<rowBytes.count, pos: pos, recorded: recorded, voided: voided))
    }
    for (event, why) in mapped.refused {
      skipped[events[event].when] = .some(voided == nil ? String(why.description.prefix(500)) : nil)
    }
  }

  /// Brings the rows in the order of their keys, each key's in order of happening; of one place in the order they came.
  ///
  /// - Complexity: O(rows + keys log keys) where each key's rows came in order of happening, else O(rows log rows).
  mutating func sort() {
    var counts = [Int](repeating: 0, count: keys.count)
    for row in rows { counts[Int(row.key)] += 1 }
    var next = counts
    var start = 0
    let byKey = keys.enumerated().sorted { (a, b) in a.element.raw.compare(b.element.raw) < 0 }
    for (key, _) in byKey { (next[key], start) = (start, start + counts[key]) }
    guard var sorted = rows.first.map({ [Row](repeating: $0, count: rows.count) }) else { return }
    for row in rows {
      sorted[next[Int(row.key)]] = row
      next[Int(row.key)] += 1
    }
    start = 0
    while start < sorted.count {
      let end = start + counts[Int(sorted[start].key)]
      let group = start..<end
      if group.dropLast().contains(where: { sorted[$0 + 1].pos < sorted[$0].pos }) { sorted[group].sort { $0.pos < $1.pos } }
      start = end
    }
    rows = sorted
  }
}
