import EventModel
import EventStore
import ViewKit

/// Computes the totals that are not stored as a query wants them, on one snapshot.
struct TotalReader {
  private let view: CompiledView
  private let number: UInt32
  private let options: ViewEngineOptions
  private let filter: RowFilter
  private let cursor: any StoreCursor

  init(
    _ view: CompiledView, _ header: ViewHeader, _ options: ViewEngineOptions, _ filter: RowFilter,
    _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) {
    (self.view, number, self.options, self.filter) = (view, header.number, options, filter)
    cursor = try reader.cursor(.view)
  }

  /// Calls `body` with a key's row as the query wants it: the stored one, where that is right, else one with total and value computed.
  func reading<R>(_ key: RawSpan, _ stored: RawSpan, _ body: (RawSpan) throws(StoreError) -> R) throws(StoreError) -> R {
    if filter.isAll, !view.isFold { return try body(stored) }
    var row = try KeyRow(reading: stored)
    let wantsAll = filter.from == .zero && filter.known == nil && filter.to.map { row.last < $0 } ?? true
    if wantsAll, !view.isFold || !row.isDirty { return try body(stored) }
    let joiner = Joiner(view: view, key: [UInt8](copying: key), work: ViewWork())
    if view.isFold {
      row.total = try fold(row, joiner).state(filter)
      row.isDirty = false
    } else {
      var reading = TreeReading(try GroupTable(number, row.group, row, cursor, joiner.work), joiner, filter)
      row.total = try reading.value()
    }
    row.value = joiner.value(row.total)
    return try body(row.bytes.raw)
  }

  private func fold(_ row: KeyRow, _ joiner: Joiner) throws(StoreError) -> GroupFold {
    let table = try GroupTable(number, row.group, row, isFold: true, cursor, joiner.work)
    let key = ViewKeys.dirty(number, group: row.group)
    var mark: DirtyMark?
    if row.isDirty, try cursor.seek(key.raw), cursor.key.equals(key.raw) { mark = try DirtyMark(reading: cursor.value) }
    return GroupFold(table, row, mark, joiner, borderLevel: options.borderLevel)
  }
}
