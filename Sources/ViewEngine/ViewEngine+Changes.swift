package import EventModel
import EventStore
import ViewKit

// Following a view. No list of changed rows is kept: which keys may have changed behind a clock is what the events behind it are mapped to.
// So whoever follows holds a clock and nothing else, at any node, and a slow one costs nothing.

/// The keys that events behind a clock touched.
package struct ViewChanges: Sendable {
  /// In key order, each once.
  package let keys: [[UInt8]]
  /// The clock behind these events. The rows are right at it once the view has caught up with it.
  package let clock: Clock
  /// Whether nothing is left behind it.
  package let isLast: Bool
}

/// Some rows of a view.
package struct ViewRows: Sendable {
  package struct Row: Sendable {
    package let key: [UInt8]
    /// `{"key":…,"value":…}` in normal form.
    package let json: [UInt8]

    package init(key: [UInt8], json: [UInt8]) { (self.key, self.json) = (key, json) }
  }

  package internal(set) var rows: [Row] = []
  /// The last key that was read; nil, if that was the last there is.
  package internal(set) var last: [UInt8]?
  var bytes = 0
}

extension ViewEngine {
  /// The keys of a query that events behind a clock touched: found once for all who ask behind the same clock. Memory: as a slice of a
  /// catch-up.
  package func changes(_ view: String, after clock: Clock, _ query: ViewQuery) async throws(ViewError) -> ViewChanges {
    let runner = try runner(view)
    return try await onThread { () throws(StoreError) in
      let page = try runner.changedKeys.page(after: clock, feed, runner.view, rowsMax: options.rowsMin * 16)
      // It may have been computed a while ago.
      let isLast = set.state.pending(after: page.clock) == 0
      return ViewChanges(keys: page.keys.filter { query.takes($0) }, clock: page.clock, isLast: isLast)
    }
  }

  /// The rows of these keys as they are now, about `bytesMax` of them; where the view has no value, it is null.
  package func rows(_ view: String, of keys: ArraySlice<[UInt8]>, bytesMax: Int) async throws(ViewError) -> ViewRows {
    try await reading(view) { (header, reader) throws(StoreError) in
      var rows = ViewRows()
      let prefix = ViewKeys.prefix(header.number, .key)
      for key in keys where rows.bytes < bytesMax {
        rows.last = key
        let row = try reader.get(.view, (prefix + key).raw)
        if let row, let value = try KeyRow.value(in: row) {
          try rows.append(view, key, row.extracting(value))
        } else {
          try rows.append(view, key, [UInt8]("null".utf8).raw)
        }
      }
      if rows.last == keys.last { rows.last = nil }
      return rows
    }
  }

  /// The rows of a query behind a key as they are now, in key order, about `bytesMax` of them. Keys without a value are left out.
  package func rows(_ view: String, after key: [UInt8]?, _ query: ViewQuery, bytesMax: Int) async throws(ViewError) -> ViewRows {
    try await reading(view) { (header, reader) throws(StoreError) in
      var rows = ViewRows()
      let prefix = ViewKeys.prefix(header.number, .key)
      let cursor = try reader.cursor(.view)
      let low = [query.start, query.prefix, key.map { $0 + [0] }].compactMap(\.self).max { $0.raw.compare($1.raw) < 0 } ?? []
      var found = try cursor.seek((prefix + low).raw)
      while found, cursor.key.starts(with: prefix.raw) {
        let key = [UInt8](copying: cursor.key.extracting(droppingFirst: prefix.count))
        if query.isBelow(key) { break }
        if rows.bytes >= bytesMax { return rows }
        rows.last = key
        if query.takes(key), let value = try KeyRow.value(in: cursor.value) {
          try rows.append(view, key, cursor.value.extracting(value))
        } else {
          // A listing of few among many keys takes its time in parts, too.
          rows.bytes += 16
        }
        found = try cursor.next()
      }
      rows.last = nil
      return rows
    }
  }

  private func reading(
    _ view: String, _ body: @Sendable (ViewHeader, borrowing any StoreReader & ~Copyable) throws(StoreError) -> ViewRows
  ) async throws(ViewError) -> ViewRows {
    let runner = try runner(view)
    return try await onThread { () throws(StoreError) in
      try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
        guard let header = try runner.headers(reader).live else { return ViewRows() }
        return try body(header, reader)
      }
    }
  }

  /// Reads on a thread that may wait for the disk.
  private func onThread<R: Sendable>(_ body: @Sendable () throws(StoreError) -> R) async throws(ViewError) -> R {
    let result = await withTaskExecutorPreference(ViewThreads.shared) { () async -> Result<R, StoreError> in
      Result { () throws(StoreError) in try body() }
    }
    do throws(StoreError) { return try result.get() } catch { throw .store(error) }
  }
}

extension ViewRows {
  fileprivate mutating func append(_ view: String, _ key: [UInt8], _ value: RawSpan) throws(StoreError) {
    var row: [UInt8] = []
    row.reserveCapacity(24 + key.count + value.byteCount)
    row.append(contentsOf: #"{"key":"#.utf8)
    do throws(KeyError) { try KeyBytes.writeJSON(key.raw, to: &row) } catch { throw StoreError(.damaged, "view \(view): \(error)") }
    row.append(contentsOf: #","value":"#.utf8)
    row.append(copying: value)
    row.append(UInt8(ascii: "}"))
    bytes += row.count
    rows.append(Row(key: key, json: row))
  }
}

extension ViewQuery {
  /// Whether a key is one of those asked for. Directions, limits and cursors count for nothing.
  fileprivate func takes(_ key: [UInt8]) -> Bool {
    if case .these(let keys) = keys { return keys.contains(key) }
    if let start, key.raw.compare(start.raw) < 0 { return false }
    if let prefix, !key.raw.starts(with: prefix.raw) { return false }
    guard let end else { return true }
    let order = key.raw.compare(end.raw)
    return inclusiveEnd ? order <= 0 : order < 0
  }

  /// Whether a key, and so all behind it, is beyond those asked for.
  fileprivate func isBelow(_ key: [UInt8]) -> Bool {
    if case .these(let keys) = keys { return !keys.contains { $0.raw.compare(key.raw) >= 0 } }
    if let end, key.raw.compare(end.raw) > 0 { return true }
    guard let prefix else { return false }
    return !key.raw.starts(with: prefix.raw) && key.raw.compare(prefix.raw) > 0
  }
}
