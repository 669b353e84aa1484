import EventModel
import StoreConformance
import Testing

@testable import HTTPService

@Suite struct Gzipped {
  private static func round(_ pieces: [[UInt8]], cut: (Int) -> Int) throws -> [UInt8] {
    let gzip = Gzip()
    var packed: [UInt8] = []
    for (place, piece) in pieces.enumerated() { packed += gzip.add(piece, isLast: place == pieces.count - 1) }
    let gunzip = Gunzip()
    var read: [UInt8] = []
    var at = 0
    while at < packed.count {
      let end = min(packed.count, at + cut(at))
      try gunzip.add(Array(packed[at..<end])) { read += $0 }
      at = end
    }
    #expect(gunzip.isAtEnd)
    return read
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>) func `bytes are read the same wherever they are cut`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let pieces: [[UInt8]] = (0..<1 + random.next() % 5).map { _ in
      let count = Int(random.next() % 400_000)
      let isPlain = random.chance(1, in: 2)
      return (0..<count).map { _ in isPlain ? 7 : UInt8(truncatingIfNeeded: random.next()) }
    }
    let sizes = (0..<64).map { _ in 1 + Int(random.next() % 50_000) }
    #expect(try Self.round(pieces, cut: { sizes[$0 % 64] }) == pieces.flatMap { $0 }, "seed \(seed)")
  }

  @Test func `bytes come out behind each piece, and one at a time`() throws {
    let gzip = Gzip()
    let gunzip = Gunzip()
    for piece in ["first", "second", ""] {
      var read: [UInt8] = []
      for byte in gzip.add([UInt8](piece.utf8)) { try gunzip.add([byte]) { read += $0 } }
      #expect(read == [UInt8](piece.utf8))
    }
    #expect(!gunzip.isAtEnd)
  }

  @Test func `bytes that are altered, cut off, or followed by others are refused or not at their end`() throws {
    let plain = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
    let packed = Gzip().add(plain, isLast: true)
    for place in packed.indices {
      var altered = packed
      altered[place] ^= 0x10
      let gunzip = Gunzip()
      var read: [UInt8] = []
      let isRefused = (try? gunzip.add(altered) { read += $0 }) == nil
      // What is said of time and system in its head may be anything.
      #expect(isRefused || !gunzip.isAtEnd || read == plain, "byte \(place)")
    }
    let cut = Gunzip()
    try cut.add(packed.dropLast()) { _ in }
    #expect(!cut.isAtEnd)
    #expect(throws: Gunzip.Malformed.self) { try Gunzip().add(packed + [0]) { _ in } }
    #expect(throws: Gunzip.Malformed.self) { try Gunzip().add([UInt8]("{\"n\":1}".utf8)) { _ in } }
  }
}
