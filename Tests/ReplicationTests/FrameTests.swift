import EventModel
import EventStore
import StoreConformance
import Testing

@testable import Replication

@Suite struct Frames {
  private func page(_ random: inout SeededRandom, records: Int) -> RecordPage {
    var page = RecordPage()
    for n in 1...records {
      let size = Record.headerBytes + Int(random.next() % 40)
      page.add(Dot(origin: Origin(value: random.next() % 3), n: UInt64(n)), random.bytes(size).raw)
    }
    return page
  }

  private func same(_ a: RecordPage, _ b: RecordPage) -> Bool {
    a.bytes == b.bytes && a.entries.map(\.dot) == b.entries.map(\.dot) && a.entries.map(\.range) == b.entries.map(\.range)
  }

  @Test(arguments: 1...40 as ClosedRange<UInt64>) func `are read the same wherever their bytes are cut`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let sent = page(&random, records: 8)
    let held = random.clock(origins: 8)
    let audit = random.chance(1, in: 3) ? nil : PeerClock.Audit(elements: random.next(), sum: AuditSum(high: 1 << 100, low: 7))
    let end = PullEnd(PeerClock(random.clock(origins: 8), audit: audit), forks: random.clock(origins: 2).entries)
    var bytes: [UInt8] = []
    Frame.write(sent, to: &bytes)
    Frame.write(end, since: held, to: &bytes)
    var reader = FrameReader(held: held, bytesMax: bytes.count)
    var at = 0
    while at < bytes.count {
      #expect(reader.end == nil, "seed \(seed)")
      let count = min(bytes.count - at, 1 + Int(random.next() % [1, 4, 200][Int(seed % 3)]))
      try reader.take(bytes.raw.extracting(at..<at + count))
      at += count
    }
    #expect(reader.isBetweenFrames)
    #expect(same(reader.takePage(), sent), "seed \(seed)")
    #expect(reader.end == end, "seed \(seed)")
    #expect(reader.page.entries.isEmpty)
  }

  @Test func `are read the same whole, and byte by byte, and cut once at each place`() throws {
    var random = SeededRandom(seed: 1)
    let sent = page(&random, records: 2)
    let end = PullEnd(PeerClock(random.clock(origins: 3), audit: nil))
    var bytes: [UInt8] = []
    Frame.write(sent, to: &bytes)
    Frame.write(end, since: Clock(), to: &bytes)
    for cut in 0...bytes.count {
      var reader = FrameReader(bytesMax: bytes.count)
      for part in [0..<cut, cut..<bytes.count] { try reader.take(bytes.raw.extracting(part)) }
      #expect(same(reader.page, sent) && reader.end == end && reader.isBetweenFrames, "cut at \(cut)")
    }
  }

  @Test(
    arguments: [
      [0, 0, 0, 0, 1], [0, 0, 0, 1, 1], [0xFF, 0xFF, 0xFF, 0xFF, 1], [0, 0x20, 0, 0, 1], [0, 0, 0, 96, 1], [0, 0, 0, 25, 0],
      [0, 0, 0, 25, 4],
      [0, 0, 0, 24, 2], [0, 0, 0, 26, 2], [0, 0, 0, 2, 3], [0x7F, 0xFF, 0xFF, 0xFF, 3], [0x50, 0x4F, 0x53, 0x54, 0x20],
    ] as [[UInt8]]) func `of another form are refused by their first five bytes`(bytes: [UInt8])
  {
    for cut in 0...5 {
      var reader = FrameReader(bytesMax: 100)
      #expect(throws: SyncError.self) {
        try reader.take(bytes.raw.extracting(0..<cut))
        try reader.take(bytes.raw.extracting(cut..<5))
      }
    }
  }

  @Test func `behind the end, and more than was asked for, are refused`() throws {
    var bytes: [UInt8] = []
    Frame.write(PullEnd(PeerClock(audit: nil)), since: Clock(), to: &bytes)
    var reader = FrameReader(bytesMax: 1000)
    try reader.take(bytes.raw)
    #expect(throws: SyncError.self) { try reader.take(bytes.raw) }
    var small = FrameReader(bytesMax: bytes.count - 1)
    #expect(throws: SyncError.self) { try small.take(bytes.raw) }
  }

  @Test(arguments: 1...200 as ClosedRange<UInt64>) func `that are garbage, or have a flipped bit, never trap`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    var bytes: [UInt8] = []
    Frame.write(page(&random, records: 3), to: &bytes)
    Frame.write(PullEnd(PeerClock(random.clock(origins: 5), audit: nil)), since: Clock(), to: &bytes)
    if seed % 2 == 0 { bytes = random.bytes(300) } else { bytes[Int(random.next() % UInt64(bytes.count))] ^= 1 << UInt8(random.next() % 8) }
    var reader = FrameReader(bytesMax: 1 << 20)
    try? reader.take(bytes.raw)
    var end = bytes.prefix(40)
    end.replaceSubrange(0..<min(5, end.count), with: [0, 0, 0, 36, 3])
    var other = FrameReader(bytesMax: 1 << 20)
    try? other.take(Array(end).raw)
    _ = try? PullRequest(reading: bytes.raw)
    #expect(reader.page.entries.count <= 3)
  }
}

@Suite struct `A clock on the wire` {
  @Test(arguments: 1...300 as ClosedRange<UInt64>) func `is its difference from a base applied to the base`(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    let (base, clock) = (random.clock(origins: 10), random.clock(origins: 10))
    var bytes: [UInt8] = []
    ClockDifference.write(clock, since: base, to: &bytes)
    var at = 0
    #expect(ClockDifference.read(bytes.raw, at: &at, since: base) == clock, "seed \(seed)")
    #expect(at == bytes.count)
    for cut in 0..<bytes.count {
      var at = 0
      #expect(ClockDifference.read(bytes.raw.extracting(first: cut), at: &at, since: base) == nil, "seed \(seed), cut at \(cut)")
    }
  }

  @Test func `costs one byte where nothing differs`() {
    let clock = Clock((0..<5000).map { Clock.Entry(origin: Origin(value: $0), n: 7, digest: $0) })
    var bytes: [UInt8] = []
    ClockDifference.write(clock, since: clock, to: &bytes)
    #expect(bytes.count == 1)
  }
}

@Suite struct `A pull's request` {
  @Test(arguments: 1...100 as ClosedRange<UInt64>) func `is read as it was written, and in no other form`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let request = PullRequest(
      node: Origin(value: random.next()), cluster: seed % 2 == 0 ? "laterbase" : "", held: random.clock(origins: 6),
      bytesMax: Int(random.next() % 8_000_000), wait: .milliseconds(Int64(random.next() % 300_000)),
      without: Set((0..<random.next() % 4).map { _ in Origin(value: random.next()) }))
    let bytes = request.bytes
    #expect(try PullRequest(reading: bytes.raw) == request, "seed \(seed)")
    for cut in 0..<bytes.count {
      #expect(throws: PullRequest.Fault.malformed) { try PullRequest(reading: bytes.raw.extracting(first: cut)) }
    }
    #expect(throws: PullRequest.Fault.malformed) { try PullRequest(reading: (bytes + [0]).raw) }
    var based = bytes
    based[9 + request.cluster.utf8.count + 15] = 1
    #expect(throws: PullRequest.Fault.unknownBase) { try PullRequest(reading: based.raw) }
  }
}
