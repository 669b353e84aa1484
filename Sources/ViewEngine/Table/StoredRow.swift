import EventModel
import EventStore

/// A row of a key as the table holds it: recorded HLC (8) ‖ 0, or 1 ‖ void's HLC (8) ‖ the row as mapped.
struct StoredRow: Equatable, Sendable {
  /// The least HLC of the element's dots.
  var recorded: HLC
  /// The least HLC of the dots that declare the element wrong: such a row has no part in a value and starts no block.
  var voided: HLC?
  let row: [UInt8]

  init(recorded: HLC, voided: HLC? = nil, row: [UInt8]) { (self.recorded, self.voided, self.row) = (recorded, voided, row) }

  init(reading value: RawSpan) throws(StoreError) {
    let damaged = StoreError(.damaged, "a row of a view has a wrong length")
    guard value.byteCount >= 9 else { throw damaged }
    recorded = HLC(value: value.bigEndian(at: 0))
    guard value[8] == 1 else {
      row = [UInt8](copying: value.extracting(droppingFirst: 9))
      return
    }
    guard value.byteCount >= 17 else { throw damaged }
    voided = HLC(value: value.bigEndian(at: 9))
    row = [UInt8](copying: value.extracting(droppingFirst: 17))
  }

  func write(to bytes: inout [UInt8]) {
    bytes.appendBigEndian(recorded.value)
    bytes.append(voided == nil ? 0 : 1)
    if let voided { bytes.appendBigEndian(voided.value) }
    bytes.append(contentsOf: row)
  }

  var isActive: Bool { voided == nil }
}
