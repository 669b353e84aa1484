import EventModel
import EventStore
import ViewKit

// Restatements: which figures that were served have changed since, and which late event changed them (DESIGN §5).
//
// *Served* is what the view says at the end of a catch-up that a read asked for. A catch-up may be many slices, with a crash between any
// two, and how it is sliced must make no difference: the first slice that touches a key saves what was served of it (kind 8), and where the
// catch-up ends, that is compared with the value as of the same last row now. One that differs is a restatement (kind 7). A catch-up of one
// slice compares at once and saves nothing. So what is kept beside the list is one row a key touched, and only while a catch-up runs.

/// What a slice of a live view does to the figures that were served.
struct ServedFigures: Sendable {
  private let set: EventSet
  private let view: CompiledView
  private let options: ViewEngineOptions
  private let number: UInt32
  /// Whether the catch-up ends with this slice.
  private let serves: Bool
  /// What is stored; nil: nothing was served yet.
  private let before: ServingMark?
  private var mark: ServingMark
  private var touched: [Touched] = []
  /// The rows of kinds 7 and 8.
  private(set) var puts: [Put] = []

  private struct Touched: Sendable {
    let group: UInt64
    let figure: ServedFigure
    /// What is stored of it.
    let stored: ServedFigure?
    /// The value now as of the figure's last row, if it may be another one.
    let now: [UInt8]?
  }

  init(
    _ set: EventSet, _ view: CompiledView, _ header: ViewHeader, _ options: ViewEngineOptions, serves: Bool,
    _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) {
    (self.set, self.view, self.options, number, self.serves) = (set, view, options, header.number, serves)
    before = try ServingMark(header.number, reader)
    mark = before ?? ServingMark()
  }

  /// Whether more is to be done before the view may be served.
  private(set) var leavesWork = true

  /// Takes note of changed rows of a key.
  /// - Parameter total: the key's total of the rows before a place, with the changes.
  mutating func note(
    _ changes: [RowChange], _ known: KeyRow?, _ joiner: Joiner, _ reader: borrowing any StoreReader & ~Copyable,
    total: (Pos) throws(StoreError) -> Partial
  ) throws(StoreError) {
    guard before != nil, let known, known.group < mark.groups, !changes.isEmpty else { return }
    var stored: ServedFigure?
    if mark.state == .open, let row = try reader.get(.view, ViewKeys.served(number, group: known.group).raw) {
      stored = try ServedFigure(reading: row)
    }
    var figure = stored ?? ServedFigure(key: joiner.key, known)
    figure.note(changes)
    let now = serves && figure.change != .none ? joiner.value(try total(figure.last.next)) : nil
    touched.append(Touched(group: known.group, figure: figure, stored: stored, now: now))
  }

  /// Ends a slice.
  /// - Parameters:
  ///   - after: the view's header with it.
  ///   - leavesMarks: folds are left unfinished, so this is not the end of the catch-up after all.
  mutating func close(
    _ after: ViewHeader, leavesMarks: Bool, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) {
    if serves && !leavesMarks {
      for touched in touched {
        try compare(touched.figure, touched.now, after.clock, reader)
        if touched.stored != nil { puts.append((ViewKeys.served(number, group: touched.group), nil)) }
      }
      let isRest = mark.state == .open ? try hasOthers(reader) : false
      try end(after, isRest ? .closing : .served, reader)
    } else if before != nil {
      for touched in touched where touched.figure != touched.stored {
        puts.append((ViewKeys.served(number, group: touched.group), touched.figure.bytes))
      }
      try end(nil, .open, reader)
    }
    touched = []
  }

  /// Compares what is left of figures that were saved, as many as a slice may.
  mutating func closeRest(_ header: ViewHeader, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) {
    let prefix = ViewKeys.prefix(number, .served)
    let saved = try reader.cursor(.view)
    let cursor = try reader.cursor(.view)
    var (rows, bytes) = (0, 0)
    var found = try saved.seek(prefix.raw)
    while found, saved.key.starts(with: prefix.raw), rows < options.rowsMax, bytes < options.bytesMax {
      let figure = try ServedFigure(reading: saved.value)
      if figure.change != .none {
        let now = try value(of: figure, cursor, reader)
        try compare(figure, now, header.clock, reader)
        bytes += (figure.value?.count ?? 0) + (now?.count ?? 0)
      }
      puts.append(([UInt8](copying: saved.key), nil))
      rows += 1
      found = try saved.next()
    }
    try end(header, found && saved.key.starts(with: prefix.raw) ? .closing : .served, reader)
  }

  /// The value as of a figure's last row, from what is stored.
  private func value(
    of figure: ServedFigure, _ cursor: any StoreCursor, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) -> [UInt8]? {
    guard let stored = try reader.get(.view, (ViewKeys.prefix(number, .key) + figure.key).raw) else {
      throw StoreError(.damaged, "a key of a view is missing")
    }
    let row = try KeyRow(reading: stored)
    if row.last == figure.last, !row.isDirty || !view.isFold { return row.value }
    let joiner = Joiner(view: view, key: figure.key, work: ViewWork())
    let table = try GroupTable(number, row.group, row, isFold: view.isFold, cursor, joiner.work)
    if view.isFold {
      return joiner.value(try GroupFold(table, row, nil, joiner, borderLevel: options.borderLevel).state(before: figure.last.next))
    }
    return joiner.value(try table.total(before: figure.last.next, joiner))
  }

  /// Whether figures were saved that this slice has not touched.
  private func hasOthers(_ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) -> Bool {
    let prefix = ViewKeys.prefix(number, .served)
    let mine = Set(touched.map(\.group))
    let cursor = try reader.cursor(.view)
    var found = try cursor.seek(prefix.raw)
    while found, cursor.key.starts(with: prefix.raw) {
      if !mine.contains(cursor.key.bigEndian(at: prefix.count)) { return true }
      found = try cursor.next()
    }
    return false
  }

  private mutating func compare(
    _ figure: ServedFigure, _ now: [UInt8]?, _ clock: Clock, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) {
    guard figure.change != .none, figure.value != now else { return }
    let id = ElementID(ulid: figure.changed.when.id, digest: figure.changed.digest)
    let (event, arrived) =
      figure.change == .voided
      ? try set.firstVoid(of: id.ulid, by: clock, reader) ?? (id.ulid, .zero) : (id.ulid, try set.arrived(id, by: clock, reader) ?? .zero)
    let restatement = Restatement(
      at: set.world.now(), event: event, lateMilliseconds: max(0, arrived.at.milliseconds - id.ulid.at.milliseconds), key: figure.key,
      before: figure.value, after: now)
    puts.append((ViewKeys.restatement(number, mark.next), restatement.bytes))
    mark.next += 1
  }

  /// - Parameter served: what is served now, or will be when the rest is compared.
  private mutating func end(
    _ served: ViewHeader?, _ state: ServingMark.State, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) {
    if let served { mark.groups = served.nextGroup }
    mark.state = state
    leavesWork = state != .served
    try prune(reader)
    if mark != before { puts.append((ViewKeys.prefix(number, .restated), mark.bytes)) }
    puts.sort { $0.key.raw.compare($1.key.raw) < 0 }
  }

  /// Takes off the oldest restatements: those that are too many, and those that are too old, a few more than came.
  private mutating func prune(_ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) {
    let stored = before?.next ?? 0
    guard mark.next > stored else { return }
    let bound = set.world.now().milliseconds - options.restatementsAgeMilliseconds
    var left = 2 * (mark.next - stored) + 64
    while mark.oldest < stored, left > 0 {
      if mark.next - mark.oldest <= options.restatementsMax {
        guard let row = try reader.get(.view, ViewKeys.restatement(number, mark.oldest).raw) else { break }
        if try Restatement(reading: row).at.milliseconds >= bound { break }
      }
      puts.append((ViewKeys.restatement(number, mark.oldest), nil))
      (mark.oldest, left) = (mark.oldest + 1, left - 1)
    }
  }
}

extension GroupTable {
  /// The total of a `ReduceView`'s rows before a place.
  func total(before end: Pos, _ joiner: Joiner) throws(StoreError) -> Partial {
    var filter = RowFilter()
    filter.to = end
    var reading = TreeReading(self, joiner, filter)
    return try reading.value()
  }
}
