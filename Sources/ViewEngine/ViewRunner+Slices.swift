import EventModel
import EventStore
import ViewKit

// What a catch-up does in one step. A live view takes slices: a consecutive part of the delta each, right at its clock after every one. A
// view that is new, or means something else than before, is built under a number of its own, beside the old one: nobody reads it before
// it is level, so as many rows as memory may hold are sorted at a time, and its clock moves when all of them are in. Then they swap.

extension ViewRunner {
  /// One step: reads and maps on snapshots, then puts in transactions of its own.
  ///
  /// - Returns: the clock that the view is right at (none, if it isn't yet), and whether that is all that the database held.
  func step() async throws(StoreError) -> (clock: Clock, level: Bool) {
    let headers = try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in try self.headers(reader) }
    guard let header = headers.current else {
      try await begin()
      return (Clock(), false)
    }
    if try await mend(header) { return (Clock(), false) }
    if header.state == .live { return try await advance(header) }
    if try await build(header) { try await swap(header.number) }
    return (Clock(), false)
  }

  /// A slice of a live view.
  private func advance(_ header: ViewHeader) async throws(StoreError) -> (clock: Clock, level: Bool) {
    var recordsMax = options.recordsMax
    while true {
      var delta = MappedDelta(after: header.clock)
      try delta.walk(set, database, view, recordsMax: recordsMax, rowsMax: options.rowsMax, bytesMax: options.bytesMax)
      if delta.clock == header.clock { return (header.clock, true) }
      let slice = try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
        var delta = delta
        try delta.heedVoids(set, database, view, reader)
        delta.sort()
        return try Slice(delta.rows[...], end: (delta.clock, delta.skipped), header, view, options, reader, ViewWork())
      }
      let puts = slice.puts
      // Large totals: a part of it at a time.
      if Self.bytes(puts) > 3 * options.bytesMax, delta.events > 1 {
        recordsMax = delta.events / 2
        continue
      }
      guard try await put(slice, puts) else { return (header.clock, false) }
      return slice.leavesMarks ? (Clock(), false) : (delta.clock, delta.isLast)
    }
  }

  /// Puts a sorted part of the delta into a view that nobody reads yet; after a crash, what was put of it is put again, which changes
  /// nothing.
  ///
  /// - Returns: whether there was nothing left to put.
  private func build(_ first: ViewHeader) async throws(StoreError) -> Bool {
    var part = MappedDelta(after: first.clock)
    repeat {
      let before = part.clock
      try part.walk(set, database, view, recordsMax: 8192, rowsMax: .max, bytesMax: options.buildBytesMax)
      if part.clock == before { break }
    } while !part.isLast && part.bytes < options.buildBytesMax
    if part.clock == first.clock { return true }
    try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      try part.heedVoids(set, database, view, reader)
    }
    part.sort()
    var header = first
    var start = 0
    var count = options.rowsMax
    repeat {
      let rows = part.rows[start...].prefix(count)
      let end = rows.endIndex == part.rows.endIndex ? (part.clock, part.skipped) : nil
      let slice = try set.read { [header] (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
        try Slice(rows, end: end, header, view, options, reader, ViewWork())
      }
      let puts = slice.puts
      if Self.bytes(puts) > 3 * options.bytesMax, rows.count > 1 {
        count = rows.count / 2
        continue
      }
      guard try await put(slice, puts) else { return false }
      header = slice.after
      start = rows.endIndex
    } while header.clock != part.clock
    return false
  }

  private func put(_ slice: Slice, _ puts: [Put]) async throws(StoreError) -> Bool {
    let size = WriteSize(bytes: Self.bytes(puts), events: puts.count)
    return try await set.slice(size) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      try slice.apply(puts, writer)
    }
  }

  private static func bytes(_ puts: [Put]) -> Int { puts.reduce(512) { $0 + $1.key.count + ($1.value?.count ?? 0) } }

  /// Goes on with keys whose folds were left unfinished; false: there are none.
  private func mend(_ header: ViewHeader) async throws(StoreError) -> Bool {
    guard view.isFold else { return false }
    let begun = try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      try Slice(mending: header, view, options, reader, ViewWork())
    }
    guard let slice = begun else { return false }
    _ = try await put(slice, slice.puts)
    return true
  }

  // MARK: Versions

  /// Begins the view under a new number.
  private func begin() async throws(StoreError) {
    let (name, fingerprint) = (view.name, fingerprint)
    try await set.slice(WriteSize(bytes: 512, events: 1)) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      let cursor = try writer.cursor(.view)
      let number: UInt32 = try cursor.last() ? cursor.key.bigEndian(at: 0) + 1 : 0
      let header = ViewHeader(number: number, name: name, fingerprint: fingerprint)
      try writer.put(.view, header.key.raw, header.bytes.raw)
    }
  }

  /// Makes the view that was built the one that answers, in the transaction that ends the old one.
  private func swap(_ number: UInt32) async throws(StoreError) {
    let name = view.name
    try await set.slice(WriteSize(bytes: 4096, events: 2)) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      for var header in try ViewHeader.all(writer) where header.name == name {
        header.state = header.number == number ? .live : .dead
        try writer.put(.view, header.key.raw, header.bytes.raw)
      }
    }
  }

  /// Deletes rows of what is left of other versions, a slice of them; false: there is nothing.
  func sweep() async throws(StoreError) -> Bool {
    let rowsMax = options.rowsMax
    let keys = try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) -> [[UInt8]] in
      guard let header = try headers(reader).leftovers.first else { return [] }
      return try Self.keys(of: header, max: rowsMax, reader)
    }
    guard !keys.isEmpty else { return false }
    let size = WriteSize(bytes: keys.reduce(0) { $0 + $1.count }, events: keys.count)
    try await set.slice(size) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      for key in keys { try writer.delete(.view, key.raw) }
    }
    return true
  }

  /// Keys of a view, at most `max`: its last ones first, so that the header goes when nothing else is left.
  private static func keys(
    of header: ViewHeader, max: Int, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) -> [[UInt8]] {
    var keys: [[UInt8]] = []
    let cursor = try reader.cursor(.view)
    let end = header.number < .max ? ViewKeys.prefix(header.number + 1, .header) : nil
    var found = if let end, try cursor.seek(end.raw) { try cursor.previous() } else { try cursor.last() }
    while found, keys.count < max, cursor.key.bigEndian(at: 0, as: UInt32.self) == header.number {
      keys.append([UInt8](copying: cursor.key))
      found = try cursor.previous()
    }
    return keys
  }
}
