internal import EventModel

extension SetState {
  /// Reads the state that a store holds: counts from `meta`, the clock from the last record of each log. A log whose last record is
  /// damaged is taken up to the record before.
  /// - Complexity: O(origins · log records).
  static func reading(_ reader: borrowing any StoreReader & ~Copyable, name: String, version: UInt64) throws(StoreError)
    -> (SetState, damaged: [Origin: UInt64])
  {
    var state = SetState()
    state.version = version
    if let format = try reader.get(.meta, Meta.format.raw) {
      guard format.byteCount >= 4, format.bigEndian(at: 0, as: UInt32.self) == Meta.formatVersion else {
        throw StoreError(.format, "the database \(name) is of another format")
      }
      guard format.equals(Meta.formatRow(name).raw) else {
        throw StoreError(.format, "this is not the database \(name), but \(String(copying: format.extracting(droppingFirst: 4)))")
      }
    }
    if let row = try reader.get(.meta, Meta.state.raw) { try Meta.readState(row, into: &state) }
    if let row = try reader.get(.meta, Meta.origin.raw) { state.own = OriginBinding(row: row)?.origin }
    try state.readForks(reader)
    let damaged = try state.readHeads(reader)
    let ids = try reader.cursor(.ids)
    if try ids.last() { state.lastElement = ElementID(key: ids.key) }
    return (state, damaged)
  }

  private mutating func readForks(_ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) {
    if let row = try reader.get(.meta, Meta.cuts.raw), row.byteCount == 8 { cuts = row.bigEndian(at: 0) }
    let prefix = Meta.forked
    let cursor = try reader.cursor(.meta)
    var found = try cursor.seek(prefix.raw)
    while found, cursor.key.byteCount == prefix.count + 8, cursor.key.extracting(first: prefix.count).equals(prefix.raw),
      cursor.value.byteCount == 8
    {
      forked[Origin(value: cursor.key.bigEndian(at: prefix.count))] = cursor.value.bigEndian(at: 0)
      found = try cursor.next()
    }
  }

  /// Reads the head of every log, jumping from origin to origin.
  private mutating func readHeads(_ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) -> [Origin: UInt64] {
    var damaged: [Origin: UInt64] = [:]
    var entries: [Clock.Entry] = []
    let cursor = try reader.cursor(.log)
    var found = try cursor.last()
    while found {
      guard cursor.key.byteCount == 16 else { throw StoreError(.damaged, "a key of the log has a wrong length") }
      let origin = Origin(value: cursor.key.bigEndian(at: 0))
      lastOrigin = lastOrigin ?? origin
      while found, cursor.key.byteCount == 16, cursor.key.bigEndian(at: 0, as: UInt64.self) == origin.value {
        let dot = Dot(origin: origin, n: cursor.key.bigEndian(at: 8))
        if Record.isIntact(cursor.value, at: dot) {
          let chain = Digest(reading: cursor.value, at: Record.Offset.chain)
          entries.append(Clock.Entry(origin: origin, n: dot.n, digest: chain.first8))
          if own == origin { ownChain = chain }
          break
        }
        damaged[origin] = dot.n
        found = try cursor.previous()
      }
      // The row before the first of this origin is the last of the one below.
      found = try cursor.seek(StoreKey.dot(origin, 0).raw) ? try cursor.previous() : try cursor.last()
    }
    clock = Clock(entries)
    return damaged
  }
}

extension String {
  /// The text of UTF-8 bytes; what is none is replaced.
  init(copying bytes: RawSpan) { self = String(decoding: [UInt8](copying: bytes), as: UTF8.self) }
}
