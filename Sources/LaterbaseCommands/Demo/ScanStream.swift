import EventModel

/// A generated month of shipment scans in the order in which they arrived, the same for the same seed.
///
/// Each shipment is scanned along a route. Nine of ten scans arrive within two minutes; the others are late, by hours or by days.
/// Besides, one depot's scanner is offline for two days and sends what it has when the month is over: the late batch.
/// Weights are whole quarters of a kilogram, so their sums are exact in binary whatever the order.
struct ScanStream {
  struct Scan {
    let shipment: String
    let location: String
    /// Some scanners have no scale.
    let weightQuarters: Int?
    let happened: Instant
    let arrived: Instant
    /// Names the scan at its source: sent again, it is the same event.
    let key: String

    var isLate: Bool { arrived.milliseconds - happened.milliseconds >= 3_600_000 }
  }

  static let locations = ["AMS", "ANR", "BRE", "FRA", "HAM", "LEJ", "LYS", "MIL", "MUC", "PRG", "ROT", "VIE"]
  static let offlineLocation = "LEJ"
  static let start = Instant(milliseconds: 1_772_409_600_000)  // 2026-03-02T00:00:00Z
  static let days = 30

  /// In order of arrival, without the late batch.
  let scans: [Scan]
  /// What the offline scanner sent when it was back, in order of happening.
  let lateBatch: [Scan]

  init(shipments: Int = 1_450, seed: UInt64 = 5283) {
    var random = SplitMix64(state: seed)
    var all: [Scan] = []
    for number in 1...shipments { Self.route(shipment: number, using: &random, into: &all) }
    all.sort { ($0.arrived, $0.key) < ($1.arrived, $1.key) }
    let offline = Self.day(12)..<Self.day(14)
    scans = all.filter { !Self.missed($0, offline) }
    lateBatch = all.filter { Self.missed($0, offline) }.sorted { ($0.happened, $0.key) < ($1.happened, $1.key) }
  }

  private static func day(_ number: Int) -> Instant { start.adding(milliseconds: Int64(number) * 86_400_000) }

  private static func missed(_ scan: Scan, _ offline: Range<Instant>) -> Bool {
    scan.location == offlineLocation && offline.contains(scan.happened)
  }

  /// Four to ten scans, 2 to 30 hours apart, until the month ends.
  private static func route(shipment number: Int, using random: inout SplitMix64, into scans: inout [Scan]) {
    let digits = String(number)
    let shipment = "SHP-" + String(repeating: "0", count: 6 - digits.count) + digits
    let weightQuarters = Int.random(in: 2...160, using: &random)
    var happened = start.adding(milliseconds: Int64.random(in: 0..<26 * 86_400_000, using: &random))
    for stop in 1...Int.random(in: 4...10, using: &random) {
      guard happened < day(days) else { return }
      let weighed = Int.random(in: 1...8, using: &random) > 1
      scans.append(
        Scan(
          shipment: shipment, location: locations[Int.random(in: locations.indices, using: &random)],
          weightQuarters: weighed ? weightQuarters : nil, happened: happened,
          arrived: happened.adding(milliseconds: delayMilliseconds(using: &random)), key: "\(shipment)/\(stop)"))
      happened = happened.adding(milliseconds: Int64.random(in: 7_200_000...108_000_000, using: &random))
    }
  }

  private static func delayMilliseconds(using random: inout SplitMix64) -> Int64 {
    switch Int.random(in: 0..<20, using: &random) {
    case 0: .random(in: 3_600_000...72_000_000, using: &random)  // 1 to 20 hours
    case 1: .random(in: 86_400_000...345_600_000, using: &random)  // 1 to 4 days
    default: .random(in: 1_000...120_000, using: &random)
    }
  }
}

extension ScanStream.Scan {
  /// The event as a client sends it: one line of NDJSON.
  var line: String {
    let weight = weightQuarters.map { ",\"weightKg\":\(Double($0) / 4)" } ?? ""
    return
      "{\"_at\":\"\(happened)\",\"_key\":\"\(key)\",\"type\":\"scanned\",\"shipment\":\"\(shipment)\",\"location\":\"\(location)\"\(weight)}\n"
  }
}

/// A small random generator that gives the same numbers on every platform.
/// Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
