import EventModel

/// What the two views of shipments must say: the scans sorted by when they happened, and reduced. No store, no engine.
struct ExpectedViews {
  struct Weights: Equatable {
    var count = 0
    var sum = 0.0
    var min = Double.infinity
    var max = -Double.infinity

    mutating func add(_ weight: Double) {
      count += 1
      sum += weight
      min = Swift.min(min, weight)
      max = Swift.max(max, weight)
    }
  }

  let scans: Int
  private(set) var weights: [String: Weights] = [:]
  /// Each shipment's last scan.
  private(set) var last: [String: ScanStream.Scan] = [:]

  init(_ scans: [ScanStream.Scan]) {
    self.scans = scans.count
    for scan in scans.sorted(by: { $0.happened < $1.happened }) {
      last[scan.shipment] = scan
      guard let quarters = scan.weightQuarters else { continue }
      let weight = Double(quarters) / 4
      weights[scan.location, default: Weights()].add(weight)
    }
  }

  /// Rows that are missing, too many, or wrong, in words.
  func differences(weights weightRows: [(key: JSON, value: JSON)], last lastRows: [(key: JSON, value: JSON)]) -> [String] {
    var wrong: [String] = []
    if weightRows.count != weights.count { wrong.append("weight-by-location has \(weightRows.count) rows, not \(weights.count)") }
    for (key, value) in weightRows {
      let found = Weights(
        count: value["count"]?.int ?? -1, sum: value["sum"]?.double ?? .nan, min: value["min"]?.double ?? .nan,
        max: value["max"]?.double ?? .nan)
      if found != weights[key.string ?? ""] { wrong.append("weight-by-location \(key): \(value)") }
    }
    if lastRows.count != last.count { wrong.append("last-location has \(lastRows.count) rows, not \(last.count)") }
    for (key, value) in lastRows {
      let scan = last[key.string ?? ""]
      if value["location"]?.string != scan?.location || value["_at"]?.string != scan?.happened.description {
        wrong.append("last-location \(key): \(value)")
      }
    }
    return wrong
  }
}
