import EventModel
import EventStore
import ViewKit

/// Computes the totals that are not stored as a query wants them, on one snapshot.
struct TotalReader {
  private let view: CompiledView
  private let number: UInt32
  private let options: ViewEngineOptions
  let filter: RowFilter
  private let cursor: any StoreCursor

  init(
    _ view: CompiledView, _ header: ViewHeader, _ options: ViewEngineOptions, _ filter: RowFilter,
    _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) {
    (self.view, number, self.options, self.filter) = (view, header.number, options, filter)
    cursor = try reader.cursor(.view)
  }

  /// Whether totals must be computed, more or less of them.
  var computes: Bool { !filter.isAll || view.isFold }

  /// Whether the stored total is the one that the query wants.
  private func isStored(_ row: KeyRow) -> Bool {
    let isAll = filter.from == .zero && filter.known == nil && filter.to.map { row.last < $0 } ?? true
    return isAll && !(view.isFold && row.isDirty)
  }

  /// Calls `body` with a key's row as the query wants it: the stored one, where that is right, else one with total and value computed.
  @inline(__always) func reading<R>(
    _ key: RawSpan, _ stored: RawSpan, _ body: (RawSpan) throws(StoreError) -> R
  ) throws(StoreError) -> R {
    computes ? try computing(key, stored, body) : try body(stored)
  }

  private func computing<R>(_ key: RawSpan, _ stored: RawSpan, _ body: (RawSpan) throws(StoreError) -> R) throws(StoreError) -> R {
    var row = try KeyRow(reading: stored)
    if isStored(row) { return try body(stored) }
    let joiner = Joiner(view: view, key: [UInt8](copying: key), work: ViewWork())
    row.total = try computed(row, joiner)
    if view.isFold { row.isDirty = false }
    row.value = joiner.value(row.total)
    return try body(row.bytes.raw)
  }

  /// A key's total as the query wants it.
  func total(_ key: RawSpan, _ stored: RawSpan) throws(StoreError) -> Partial {
    let row = try KeyRow(reading: stored)
    return try isStored(row) ? row.total : computed(row, Joiner(view: view, key: [UInt8](copying: key), work: ViewWork()))
  }

  private func computed(_ row: KeyRow, _ joiner: Joiner) throws(StoreError) -> Partial {
    if view.isFold { return try fold(row, joiner).state(filter) }
    var reading = TreeReading(try GroupTable(number, row.group, row, cursor, joiner.work), joiner, filter)
    return try reading.value()
  }

  private func fold(_ row: KeyRow, _ joiner: Joiner) throws(StoreError) -> GroupFold {
    let table = try GroupTable(number, row.group, row, isFold: true, cursor, joiner.work)
    let key = ViewKeys.dirty(number, group: row.group)
    var mark: DirtyMark?
    if row.isDirty, try cursor.seek(key.raw), cursor.key.equals(key.raw) { mark = try DirtyMark(reading: cursor.value) }
    return GroupFold(table, row, mark, joiner, borderLevel: options.borderLevel)
  }
}
