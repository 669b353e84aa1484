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
  private(set) var keys: [[UInt8]] = []
  private var numbers: [[UInt8]: Int32] = [:]
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
    let before = (rows: rows.count, rowBytes: rowBytes.count, skipped: skipped)
    cuts = cuts ?? feed.set.state.cuts
    var page = try feed.page(after: clock, recordsMax: recordsMax)
    // What the rows came from can't be told any more: a view that went on would name a clock that is below its rows.
    guard page.clock.covers(clock) else { throw StoreError(.damaged, "a record that the view has read is damaged") }
    isLast = feed.set.state.pending(after: page.clock) == 0
    // Worth another thread's turn, if what comes is likely as much.
    if !isLast, page.events.count >= 128 { feed.prefetch(after: page.clock) }
    let taken = map(page, view, rowsMax, bytesMax)
    if taken < page.events.count {
      // Where the feed stands in the middle of a page only the feed knows.
      rows.removeLast(rows.count - before.rows)
      rowBytes.removeLast(rowBytes.count - before.rowBytes)
      skipped = before.skipped
      page = try feed.page(after: clock, recordsMax: taken)
      isLast = false
      _ = map(page, view, .max, .max)
    }
    events += page.events.count
    voids.formUnion(page.voids)
    let goesOn = page.clock != clock
    clock = page.clock
    return goesOn
  }

  /// - Returns: how many events of the page were taken.
  private mutating func map(_ page: DecodedPage, _ view: CompiledView, _ rowsMax: Int, _ bytesMax: Int) -> Int {
    for (index, event) in page.events.enumerated() {
      add(event.event, event.when, recorded: event.recorded, voided: nil, view)
      if rows.count >= rowsMax || bytes >= bytesMax { return index + 1 }
    }
    return page.events.count
  }

  /// Takes out what events that the delta's clock covers declare wrong, whichever came first: the voided events' rows are put again, marked.
  /// A void that this clock doesn't cover waits for its own turn, so that the view is right at its clock.
  mutating func heedVoids(_ feed: DecodedFeed, _ view: CompiledView, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) {
    for ulid in voids.sorted() {
      guard let voided = try feed.set.voided(ulid, by: clock, reader) else { continue }
      var events: [(DecodedEvent, Happened, HLC)] = []
      try feed.set.elements(ulid, coveredBy: clock, reader) { (id, recorded, body) in
        let decoded = feed.database.decode(JSON(normalForm: [UInt8](copying: body)))
        events.append((decoded, Happened(id: id.ulid, digest: id.digest), recorded))
      }
      for (decoded, when, recorded) in events { add(decoded, when, recorded: recorded, voided: voided, view) }
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
      var events: [(DecodedEvent, Happened, HLC)] = []
      try feed.set.elements(ulid, coveredBy: state.clock, reader) { (id, recorded, body) in
        let decoded = feed.database.decode(JSON(normalForm: [UInt8](copying: body)))
        events.append((decoded, Happened(id: id.ulid, digest: id.digest), recorded))
      }
      for (decoded, when, recorded) in events { add(decoded, when, recorded: recorded, voided: voided, view) }
    }
    (replacedVoids, skipped) = (held, [:])
    sort()
  }

  private mutating func add(_ event: DecodedEvent, _ when: Happened, recorded: HLC, voided: HLC?, _ view: CompiledView) {
    do throws(Refusal) {
      for (index, mapped) in try view.map(event, when).enumerated() {
        let start = rowBytes.count
        rowBytes.append(contentsOf: mapped.row)
        rows.append(
          Row(
            key: number(mapped.key), bytes: start..<rowBytes.count, pos: Pos(when, emitIndex: index), recorded: recorded, voided: voided))
      }
    } catch {
      skipped[when] = .some(voided == nil ? String(error.description.prefix(500)) : nil)
    }
  }

  private mutating func number(_ key: [UInt8]) -> Int32 {
    if let number = numbers[key] { return number }
    let number = Int32(truncatingIfNeeded: keys.count)
    keys.append(key)
    numbers[key] = number
    return number
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
