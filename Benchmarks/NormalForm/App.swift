import EventModel
import Foundation

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How many events of 256 bytes a second one core brings into normal form and hashes, beside the least that any implementation must do:
/// copy and hash the same bytes. Then, how many of them a second become Swift values, beside Foundation's decoder.
@main enum App {
  static let count = 100_000
  static let rounds = 15

  static func main() throws {
    var samples = SampleEvents()
    var input: [UInt8] = []
    var ranges: [Range<Int>] = []
    for _ in 0..<count {
      let event = samples.next()
      ranges.append(input.count..<input.count + event.count)
      input += event
    }
    let normal = try normalised(input, ranges)
    try report("parse, unsorted members", ranges, input) { try parse($0, $1, hashing: false) }
    try report("parse and hash, unsorted members", ranges, input) { try parse($0, $1, hashing: true) }
    try report("parse, in normal form already", normal.ranges, normal.bytes) { try parse($0, $1, hashing: false) }
    try report("parse and hash, in normal form already", normal.ranges, normal.bytes) { try parse($0, $1, hashing: true) }
    report("floor: copy and hash", ranges, input, copyAndHash)
    try decoding(normal.bytes, normal.ranges)
  }

  /// What a view's events are mostly like: a few members of the body, among others that nobody reads.
  struct Scan: Codable {
    var type: String
    var shipment: String
    var location: String
    var weightKg: Double?
  }

  /// Each decoder from what it is given in practice: ours from bytes in normal form, Foundation's from data.
  static func decoding(_ bytes: [UInt8], _ ranges: [Range<Int>]) throws {
    let bodies = ranges.map { JSON(normalForm: [UInt8](bytes[$0])) }
    let data = ranges.map { Data(bytes[$0]) }
    let (ours, theirs) = (EventDecoder(), JSONDecoder())
    try report("decode, EventDecoder", ranges, bytes) { _, _ in
      try bodies.reduce(0) { $0 ^ check(try ours.decode(Scan.self, from: $1)) }
    }
    try report("decode, Foundation's JSONDecoder", ranges, bytes) { _, _ in
      try data.reduce(0) { $0 ^ check(try theirs.decode(Scan.self, from: $1)) }
    }
  }

  private static func check(_ scan: Scan) -> UInt8 {
    UInt8(truncatingIfNeeded: scan.shipment.utf8.count ^ scan.location.utf8.count ^ Int(scan.weightKg ?? 0))
  }

  static func normalised(_ input: [UInt8], _ ranges: [Range<Int>]) throws -> (bytes: [UInt8], ranges: [Range<Int>]) {
    var parser = EventParser()
    var bytes: [UInt8] = []
    var found: [Range<Int>] = []
    for range in ranges {
      if case .output(let body) = try parser.parseEvent(input.raw, in: range, into: &bytes).body { found.append(body) }
    }
    return (bytes, found)
  }

  static func parse(_ input: [UInt8], _ ranges: [Range<Int>], hashing: Bool) throws -> UInt8 {
    var parser = EventParser()
    var output: [UInt8] = []
    var check: UInt8 = 0
    for range in ranges {
      output.removeAll(keepingCapacity: true)
      let event = try parser.parseEvent(input.raw, in: range, into: &output)
      let body = event.body(input: input.raw, output: output.raw)
      check ^= hashing ? hash(body) : body[7]
    }
    return check
  }

  static func copyAndHash(_ input: [UInt8], _ ranges: [Range<Int>]) -> UInt8 {
    var output: [UInt8] = []
    var check: UInt8 = 0
    for range in ranges {
      output.removeAll(keepingCapacity: true)
      output.append(copying: input.raw.extracting(range))
      check ^= hash(output.raw)
    }
    return check
  }

  static func hash(_ bytes: RawSpan) -> UInt8 { UInt8(truncatingIfNeeded: Digest.sha256(bytes).first8) }

  /// Prints the best round, in the thread's own CPU time, so that others on the machine disturb it least.
  static func report(_ name: String, _ ranges: [Range<Int>], _ input: [UInt8], _ body: ([UInt8], [Range<Int>]) throws -> UInt8) rethrows {
    var best = Double.infinity
    var check: UInt8 = 0
    for _ in 0..<rounds {
      let start = nanoseconds()
      check ^= try body(input, ranges)
      best = min(best, nanoseconds() - start)
    }
    let (perEvent, megabytes) = (best / Double(ranges.count), Double(input.count) / best * 1000)
    let label = name + String(repeating: " ", count: 40 - name.utf8.count)
    print("\(label)\(Int(1e9 / perEvent)) events/s  \(Int(megabytes)) MB/s  \(Int(perEvent.rounded())) ns an event  (check \(check))")
  }

  private static func nanoseconds() -> Double {
    var time = timespec()
    // Safe: the clock is written to a local variable during the call.
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }
}
