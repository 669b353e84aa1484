/// Takes the rows that a view maps an event to: `emit(key, row)`.
public struct Emit<Key: ViewKey, Row: Codable & Sendable>: ~Copyable {
  /// The rows so far, in the order they were emitted. Where a view is run they are kept in bytes instead.
  public private(set) var rows: [(key: Key, row: Row)] = []
  private let coding: StoredCoding<Row>?
  private let rowBytesMax: Int
  /// Of the events so far.
  private(set) var mapped = MappedRows()
  /// Of this event.
  private var count = 0
  private var fault: (any Error)?

  public init() { (coding, rowBytesMax) = (nil, .max) }

  /// One that keeps rows as they are stored, of one event after the other.
  /// - Parameter mapped: where to go on; it is taken over.
  init(_ coding: StoredCoding<Row>, rowBytesMax: Int, _ mapped: inout MappedRows) {
    (self.coding, self.rowBytesMax) = (coding, rowBytesMax)
    swap(&self.mapped, &mapped)
  }

  public mutating func callAsFunction(_ key: Key, _ row: Row) {
    guard let coding else { return rows.append((key, row)) }
    count += 1
    guard fault == nil, count <= CompiledView.emitsMax else { return }
    do { try mapped.add(key, row, coding, rowBytesMax: rowBytesMax) } catch { fault = error }
  }

  /// Keeps what one event is mapped to: its rows, or why there are none.
  mutating func takeEvent(_ map: (inout Self) throws -> Void) {
    (count, fault) = (0, nil)
    do {
      try map(&self)
      guard count <= CompiledView.emitsMax else {
        throw Refusal("", "\(count) rows were emitted, at most \(CompiledView.emitsMax) are taken")
      }
      if let fault { throw fault }
      mapped.endEvent()
    } catch {
      mapped.endEvent(refused: Refusal(error))
    }
  }

  /// The rows of all events.
  consuming func stored() -> MappedRows { mapped }
}
