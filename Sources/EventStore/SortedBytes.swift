internal import EventModel

/// An ordered map of bytes to bytes that is cheap to copy: a sorted array of sorted chunks, shared until written.
/// - Complexity: look-up O(log n), put O(√n)-like: one chunk and the array of chunks are copied where they are shared.
struct SortedBytes: Sendable {
  struct Row: Sendable {
    let key: [UInt8]
    let value: [UInt8]
  }

  /// Where a row stands. `chunk` = number of chunks: behind the last.
  struct Place: Equatable {
    var chunk: Int
    var row: Int
  }

  private static let chunkRowsMax = 256
  /// None is empty.
  private(set) var chunks: [[Row]] = []

  subscript(place: Place) -> Row { chunks[place.chunk][place.row] }
  var end: Place { Place(chunk: chunks.count, row: 0) }

  /// The first row whose key is not below `key`.
  func lowerBound(_ key: RawSpan) -> Place {
    var low = 0
    var high = chunks.count
    while low < high {
      let middle = (low + high) / 2
      let last = chunks[middle][chunks[middle].count - 1].key
      if last.raw.compare(key) < 0 { low = middle + 1 } else { high = middle }
    }
    guard low < chunks.count else { return end }
    let chunk = low
    low = 0
    high = chunks[chunk].count
    while low < high {
      let middle = (low + high) / 2
      let row = chunks[chunk][middle].key
      if row.raw.compare(key) < 0 { low = middle + 1 } else { high = middle }
    }
    return Place(chunk: chunk, row: low)
  }

  func find(_ key: RawSpan) -> Place? {
    let place = lowerBound(key)
    return place != end && self[place].key.raw.equals(key) ? place : nil
  }

  func after(_ place: Place) -> Place {
    place.row + 1 < chunks[place.chunk].count ? Place(chunk: place.chunk, row: place.row + 1) : Place(chunk: place.chunk + 1, row: 0)
  }

  func before(_ place: Place) -> Place? {
    if place.row > 0 { return Place(chunk: place.chunk, row: place.row - 1) }
    guard place.chunk > 0 else { return nil }
    return Place(chunk: place.chunk - 1, row: chunks[place.chunk - 1].count - 1)
  }

  mutating func put(_ row: Row) {
    var place = lowerBound(row.key.raw)
    if place != end, self[place].key == row.key {
      chunks[place.chunk][place.row] = row
      return
    }
    if place == end {
      guard !chunks.isEmpty else { return chunks.append([row]) }
      place = Place(chunk: chunks.count - 1, row: chunks[chunks.count - 1].count)
    }
    chunks[place.chunk].insert(row, at: place.row)
    if chunks[place.chunk].count > Self.chunkRowsMax {
      let upper = Array(chunks[place.chunk][(Self.chunkRowsMax / 2)...])
      chunks[place.chunk].removeLast(upper.count)
      chunks.insert(upper, at: place.chunk + 1)
    }
  }

  mutating func remove(_ key: RawSpan) -> Bool {
    guard let place = find(key) else { return false }
    chunks[place.chunk].remove(at: place.row)
    if chunks[place.chunk].isEmpty { chunks.remove(at: place.chunk) }
    return true
  }
}
