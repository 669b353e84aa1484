import CLMDBLoops
import EventModel
import EventStore
import Foundation
import LMDBStore
import Laterbase

/// What one size and number of groups showed.
struct Row {
  static let head = """
    | events | groups | rebuild, events/s | two views at once, events/s | a fold, events/s | floor: cursor in C, records/s | bytes an event \
    | late event then its key, µs p50 | p99 | rows read, written, joins | one key, µs p50 | p99 | all keys, ms |
    | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
    """

  let events: Int
  let groups: Int
  var rebuild = 0.0
  var together = 0.0
  var fold = 0.0
  var floor = 0.0
  var viewBytes = 0.0
  var late = Samples()
  var touched = ""
  var key = Samples()
  var all = Duration.zero

  var line: String {
    let rates = [rebuild, together, fold, floor].map { String(Int($0)) }.joined(separator: " | ")
    return "| \(events) | \(groups) | \(rates) | \(Int(viewBytes)) | \(late.cells) | \(touched) | \(key.cells) "
      + "| \(String(format: "%.1f", all / .milliseconds(1))) |"
  }
}

struct Measurement {
  private let folder: String
  private let events: Int
  private let groups: Int
  private static let samples = 300

  init(_ folder: String, events: Int, groups: Int) { (self.folder, self.events, self.groups) = (folder, events, groups) }

  func run() async throws -> Row {
    var row = Row(events: events, groups: groups)
    try await opened { try await $0.fill(events, groups: groups) }
    let before = try bytesUsed()
    row.floor = floor()
    row.rebuild = try await rebuilds { try await $0.value(of: Scans.weights, key: Scan.shipment(0)) != nil }
    row.viewBytes = Double(try bytesUsed() - before) / Double(events)
    try await opened { try await measureReads($0.scans, &row) }
    row.fold = try await rebuilds { try await $0.value(of: Scans.rises, key: Scan.shipment(0)) != nil }
    try forgetViews()
    row.together = try await rebuilds { scans in
      async let other = scans.value(of: Scans.again, key: Scan.shipment(0))
      let value = try await scans.value(of: Scans.weights, key: Scan.shipment(0))
      let both = try await (value, other)
      return both.0 != nil && both.1 != nil
    }
    return row
  }

  private func opened<R>(_ body: (Scans) async throws -> R) async throws -> R {
    let scans = try Scans(folder)
    defer { scans.node.close() }
    return try await body(scans)
  }

  private func rebuilds(_ read: (OpenDatabase<Scan>) async throws -> Bool) async throws -> Double {
    try await opened { scans in
      let (found, took) = try await timed { try await read(scans.scans) }
      guard found else { throw StoreError(.damaged, "the view has no value for a key that has events") }
      return Double(events) / (took / .seconds(1))
    }
  }

  /// Deletes the table of the views: each is built anew.
  private func forgetViews() throws {
    let store = try LMDBEventStore(folder: Scans.storeFolder(folder))
    defer { store.close() }
    var left = true
    while left {
      left = try store.write(WriteSize(bytes: 1 << 20, events: 0)) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
        for _ in 0..<20_000 {
          let cursor = try writer.cursor(.view)
          guard try cursor.next() else { return false }
          try writer.delete(.view, [UInt8](copying: cursor.key).raw)
        }
        return true
      }
    }
  }

  private func bytesUsed() throws -> UInt64 {
    let store = try LMDBEventStore(folder: Scans.storeFolder(folder))
    defer { store.close() }
    return try store.bytesUsed()
  }

  private func floor() -> Double {
    guard let store = unsafe loop_open(Scans.storeFolder(folder)) else { return 0 }
    defer { unsafe loop_close(store) }
    var sum: UInt64 = 0
    return unsafe Double(events) / (Double(loop_scan(store, &sum).wall) / 1e9)
  }

  private func measureReads(_ scans: OpenDatabase<Scan>, _ row: inout Row) async throws {
    var work: [ViewProgress] = [try await scans.progress(of: Scans.weights)]
    for sample in 0..<Self.samples {
      // A place anywhere, and one of few groups: pages that a cache has hold for all sizes alike.
      let at = 1_700_000_000_000 + Int64(UInt64(sample) &* 0x9E37_79B9_7F4A_7C15 >> 20) % (Int64(events) * 1000)
      let group = sample &* 7919 % groups
      try await scans.append([Scan(lateAt: at, group: group)])
      row.late.add(try await timed { try await scans.value(of: Scans.weights, key: Scan.shipment(group)) }.took)
    }
    work.append(try await scans.progress(of: Scans.weights))
    func each(_ count: (ViewProgress) -> Int) -> Int { (count(work[1]) - count(work[0])) / Self.samples }
    row.touched = "\(each(\.rowsRead)), \(each(\.rowsWritten)), \(each(\.joins))"
    for sample in 0..<Self.samples * 10 {
      let group = sample &* 7919 % groups
      row.key.add(try await timed { try await scans.value(of: Scans.weights, key: Scan.shipment(group)) }.took)
    }
    row.all = try await timed { try await scans.rows(of: Scans.weights) }.took
  }
}

/// Appends that wait for the disk, alone and while a view is built.
struct Contention {
  private let folder: String
  private let events: Int
  private let groups: Int

  init(_ folder: String, events: Int, groups: Int) { (self.folder, self.events, self.groups) = (folder, events, min(groups, events)) }

  func run() async throws {
    let scans = try Scans(folder)
    defer { scans.node.close() }
    try await scans.fill(events, groups: groups)
    let alone = try await append(scans.scans) { $0 >= .seconds(3) }
    line("alone", alone)
    let rebuild = Task { try await timed { try await scans.scans.value(of: Scans.weights, key: Scan.shipment(0)) }.took }
    let done = Flag()
    let watch = Task {
      let took = try await rebuild.value
      done.raise()
      return took
    }
    let during = try await append(scans.scans) { _ in done.isRaised }
    line("during a rebuild of \(events) events, which took \(try await watch.value)", during)
  }

  private func append(_ scans: OpenDatabase<Scan>, until isOver: (Duration) -> Bool) async throws -> Samples {
    var samples = Samples()
    let began = ContinuousClock.now
    var number = events
    while !isOver(ContinuousClock.now - began) {
      number += 1
      samples.add(try await timed { try await scans.append([Scan(number, groups: groups)]) }.took)
    }
    return samples
  }

  private func line(_ what: String, _ samples: Samples) {
    let total = samples.microseconds.reduce(0, +)
    print("| \(what) | \(samples.cells) | \(Int(Double(samples.microseconds.count) / total * 1e6)) |")
  }
}
