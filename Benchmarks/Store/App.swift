import CAppendFloor
import EventModel
import EventStore
import Foundation
import LMDBStore
import Synchronization

/// Durable appends in process, by callers that each wait for their answer, and the whole feed; beside raw LMDB in C with the same bytes
/// and the same flushes, in the same run.
@main struct StoreBenchmark {
  static let bodyBytes = 256
  static let seconds = 2.0

  static func main() async throws {
    let root = CommandLine.arguments.count > 1 ? CommandLine.arguments[1] : FileManager.default.temporaryDirectory.path
    let base = URL(filePath: root).appending(path: "laterbase-store-\(getpid())")
    try FileManager.default.createDirectory(at: base, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: base) }
    let only = CommandLine.arguments.dropFirst(2).first
    if only != "feed" { try await measureAppends(base) }
    if only != "append" { try await measureFeed(base) }
  }

  static func measureAppends(_ base: URL) async throws {
    func folder(_ name: String) -> String { base.appending(path: name).path }
    print("| work | ours, events/s | raw LMDB in C, events/s | ours / floor |\n| --- | ---: | ---: | ---: |")
    let single = unsafe append_floor(folder("floor-1"), bodyBytes, 1, seconds)
    for callers in [1, 16, 64, 256] {
      let rate = try await appends(folder("ours-\(callers)"), callers: callers, batch: 1)
      row("append, \(callers) callers (floor: one transaction an append)", rate, single)
    }
    for batch in [100, 1000] {
      let floor = unsafe append_floor(folder("floor-\(batch)"), bodyBytes, Int32(batch), seconds)
      for callers in [1, 4] {
        let rate = try await appends(folder("ours-\(batch)-\(callers)"), callers: callers, batch: batch)
        row("batches of \(batch), \(callers) callers", rate, floor)
      }
    }
  }

  static func row(_ name: String, _ ours: Double, _ floor: Double) {
    print("| \(name) | \(Int(ours)) | \(Int(floor)) | \(String(format: "%.2f", ours / floor)) |")
  }

  static let system = World(
    now: { Instant(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) },
    random: { random.withLock { $0.next() } })
  static let random = Mutex(Generator())

  /// xorshift64*: the salts' quality is not what is measured.
  struct Generator: Sendable {
    var state: UInt64 = 88_172_645_463_325_252
    mutating func next() -> UInt64 {
      state ^= state >> 12
      state ^= state << 25
      state ^= state >> 27
      return state &* 2_685_821_657_736_338_717
    }
  }

  static func open(_ folder: String) throws -> EventSet {
    try EventSet("bench", store: LMDBEventStore(folder: folder), world: system)
  }

  static let template: [UInt8] = {
    let head = #"{"location":"HAM","note":""#
    let tail = #"","shipment":"SHP-000123","type":"shipment.scanned","weightKg":12.5}"#
    return [UInt8]((head + String(repeating: "x", count: bodyBytes - head.utf8.count - tail.utf8.count) + tail).utf8)
  }()

  static func draft(_ count: Int) -> Draft {
    var draft = Draft()
    draft.reserve(count)
    let at = system.now()
    let number = system.random128() & (ULID.topRandomBit - 1)
    for i in 0..<count {
      let start = draft.input.count
      draft.input.append(contentsOf: template)
      draft.add(ULID(at: at, low80: number + UInt128(i)), .input, start..<draft.input.count, salt: system.random128())
    }
    return draft
  }

  static func appends(_ folder: String, callers: Int, batch: Int) async throws -> Double {
    let set = try open(folder)
    let began = ContinuousClock.now
    let total = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<callers {
        group.addTask {
          var count = 0
          while (ContinuousClock.now - began) < .seconds(seconds) {
            guard case .recorded(let appended) = await set.append(draft(batch)) else { return -1 }
            count += appended.recorded
          }
          return count
        }
      }
      return await group.reduce(0, +)
    }
    let took = ContinuousClock.now - began
    set.close()
    return Double(total) / (took / .seconds(1))
  }

  static func measureFeed(_ base: URL) async throws {
    let folder = base.appending(path: "feed").path
    let floorFolder = base.appending(path: "feed-floor").path
    _ = unsafe append_floor(floorFolder, bodyBytes, 1000, seconds)
    let set = try open(folder)
    for _ in 0..<1000 { _ = await set.append(draft(1000)) }
    let before = residentBytes()
    let began = ContinuousClock.now
    var clock = Clock()
    var events = 0
    var bytes = 0
    var chunk: [UInt8] = []
    var pending: UInt64 = 1
    while pending > 0 {
      chunk.removeAll(keepingCapacity: true)
      let page = try set.feed(after: clock) { (_, body) throws(StoreError) in
        chunk.append(copying: body)
        events += 1
        return chunk.count < 256 << 10
      }
      bytes += chunk.count
      clock = page.clock
      pending = page.pending
    }
    let took = (ContinuousClock.now - began) / .seconds(1)
    var records: UInt64 = 0
    let floor = unsafe scan_floor(floorFolder, &records)
    print("\n| work | MB/s | events/s |\n| --- | ---: | ---: |")
    print(
      "| feed of \(events) events, checksums verified, bodies copied | \(Int(Double(bytes) / took / 1e6)) | \(Int(Double(events) / took)) |"
    )
    print("| raw LMDB cursor in C, bodies copied (\(records) records) | \(Int(floor / 1e6)) | \(Int(floor / Double(bodyBytes))) |")
    print("\nResident memory beyond the file's own pages grew by \((residentBytes() - before) / 1024) KiB during the feed.")
    set.close()
  }

  /// Anonymous resident memory: the map's pages are the file's.
  static func residentBytes() -> Int {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("RssAnon") })
    else { return 0 }
    return (Int(line.filter(\.isNumber)) ?? 0) * 1024
  }
}
