/// Takes the rows that a view maps an event to: `emit(key, row)`.
public struct Emit<Key: ViewKey, Row: Codable & Sendable>: ~Copyable {
  /// The rows so far, in the order they were emitted. Where a view is run they are kept in bytes instead.
  public private(set) var rows: [(key: Key, row: Row)] = []
  private let coding: StoredCoding<Row>?
  private let rowBytesMax: Int
  private var mapped: [MappedRow] = []
  private var count = 0
  private var fault: (any Error)?

  public init() { (coding, rowBytesMax) = (nil, .max) }

  /// One that keeps rows as they are stored.
  init(_ coding: StoredCoding<Row>, rowBytesMax: Int) { (self.coding, self.rowBytesMax) = (coding, rowBytesMax) }

  public mutating func callAsFunction(_ key: Key, _ row: Row) {
    guard let coding else { return rows.append((key, row)) }
    count += 1
    guard fault == nil, count <= CompiledView.emitsMax else { return }
    do { mapped.append(try bytes(key, row, coding)) } catch { fault = error }
  }

  private func bytes(_ key: Key, _ row: Row, _ coding: StoredCoding<Row>) throws -> MappedRow {
    let mapped = MappedRow(key: try KeyBytes.bytes(of: key), row: try coding.bytes(row))
    guard mapped.row.count <= rowBytesMax else {
      throw Refusal("", "a row of \(mapped.row.count) bytes, at most \(rowBytesMax) are taken")
    }
    return mapped
  }

  /// The rows in bytes.
  ///
  /// - Throws: if one of them is none, or there are too many.
  consuming func stored() throws -> [MappedRow] {
    guard count <= CompiledView.emitsMax else {
      throw Refusal("", "\(count) rows were emitted, at most \(CompiledView.emitsMax) are taken")
    }
    if let fault { throw fault }
    return mapped
  }
}
