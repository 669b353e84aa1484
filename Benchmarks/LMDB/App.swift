import CLMDBLoops
import EventStore
import Foundation
import LMDBStore

/// What a loop cost in C, over the store's transactions, and over the `EventStore` protocol: nanoseconds an operation, one entry a round.
struct Row {
  let name: String
  var samples: [[Double]] = [[], [], []]

  mutating func add(_ way: Int, _ nanoseconds: UInt64, _ operations: UInt64) {
    samples[way].append(Double(nanoseconds) / Double(operations))
  }

  /// The medians, and the two ratios to C, each the median of the rounds' own ratios: what the machine does to a round it does to all three.
  func line() -> String {
    func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    let medians = samples.map(median)
    let ratios = (1...2).map { way in median(zip(samples[way], samples[0]).map { $0 / $1 }) }
    let cells =
      medians.map { $0.formatted(.number.precision(.fractionLength(1))) }
      + ratios.map { $0.formatted(.number.precision(.fractionLength(3))) }
    return "| " + ([name] + cells).joined(separator: " | ") + " |"
  }
}

/// `LMDBBenchmark [folder] [rows] [rounds]`: prints a table. Time is the thread's processor time, but where it says "with the flush".
@main struct App {
  static func main() throws {
    let arguments = CommandLine.arguments
    let folder =
      (arguments.count > 1 ? arguments[1] : NSTemporaryDirectory()) + "/lmdb-benchmark-\(ProcessInfo.processInfo.processIdentifier)"
    let rows = arguments.count > 2 ? UInt64(arguments[2]) ?? 0 : 300_000
    let rounds = arguments.count > 3 ? Int(arguments[3]) ?? 0 : 9
    guard rows >= 1000, rounds > 0 else { throw StoreError(.refused, "usage: LMDBBenchmark [folder] [rows, at least 1000] [rounds]") }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    print(
      "| nanoseconds an operation | C | Swift, transactions | Swift, protocol | ratio | protocol's ratio |\n| --- | --- | --- | --- | --- | --- |"
    )
    for scattered in [false, true] { try measure(folder, rows, rounds, scattered) }
  }

  static func measure(_ folder: String, _ rows: UInt64, _ rounds: Int, _ scattered: Bool) throws {
    let kind = scattered ? "random keys" : "rising keys"
    var table = ["put, \(kind)", "put, \(kind), with the flush", "scan, \(kind)", "get, \(kind)", "begin and end a read"].map {
      Row(name: $0)
    }
    let count = rows
    for round in 0..<rounds {
      let place = "\(folder)/\(scattered)-\(round)"
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: place) }
      var sums: [UInt64] = [0, 0, 0]
      for turn in 0..<3 {
        let way = (turn + round) % 3
        let times = way == 0 ? inC(place, rows, count, scattered, &sums[0]) : try inSwift(place, rows, count, scattered, way, &sums[way])
        table[0].add(way, times[0].cpu, rows)
        table[1].add(way, times[0].wall, rows)
        for index in 1...2 { table[index + 1].add(way, times[index].cpu, index == 1 ? rows : count) }
        table[4].add(way, times[3].cpu, count)
      }
      if Set(sums).count != 1 { throw StoreError(.damaged, "the loops saw different rows: \(sums)") }
    }
    for row in table where scattered || row.name != table[4].name { print(row.line()) }
  }

  static func inC(_ place: String, _ rows: UInt64, _ count: UInt64, _ scattered: Bool, _ sum: inout UInt64) -> [loop_time] {
    let flag: Int32 = scattered ? 1 : 0
    guard let store = unsafe loop_open(place + "/c") else { return [] }
    defer { unsafe loop_close(store) }
    var (scanned, got): (UInt64, UInt64) = (0, 0)
    let times = unsafe [
      loop_put(store, 0, rows, 1000, flag), loop_scan(store, &scanned), loop_get(store, rows, count, flag, &got), loop_renew(store, count),
    ]
    sum = scanned &+ got
    return times
  }

  static func inSwift(_ place: String, _ rows: UInt64, _ count: UInt64, _ scattered: Bool, _ way: Int, _ sum: inout UInt64) throws
    -> [loop_time]
  {
    let loops = Loops(store: try LMDBEventStore(folder: place + "/\(way)"))
    defer { loops.store.close() }
    var (scanned, got): (UInt64, UInt64) = (0, 0)
    let times =
      way == 1
      ? [
        try loops.put(0, rows, 1000, scattered), try loops.scan(&scanned), try loops.get(rows, count, scattered, &got),
        try loops.begin(count),
      ]
      : [
        try loops.putErased(0, rows, 1000, scattered), try loops.scanErased(&scanned), try loops.getErased(rows, count, scattered, &got),
        try loops.beginErased(count),
      ]
    sum = scanned &+ got
    return times
  }
}
