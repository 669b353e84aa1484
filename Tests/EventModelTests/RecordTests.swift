import EventModel
import Foundation
import Testing

@Suite struct `Records` {
  static let origin = Origin(value: 0x0123_4567_89AB_CDEF)
  static let bodies = ["{}", #"{"location":"HAM","shipment":"S1","weightKg":12.5}"#, #"{"_voids":["01ARZ3NDEKTSV4RRFFQ69G5FAV"]}"#]

  /// Three records of one log, built from fixed values.
  static func log() -> [(dot: Dot, bytes: [UInt8])] {
    var chain = Chain.start(database: "shipments", origin: origin)
    return bodies.enumerated().map { index, body in
      let dot = Dot(origin: origin, n: UInt64(index + 1))
      let kind: Record.Kind = index == 2 ? .void : .event
      let hlc = HLC(Instant(milliseconds: 1_780_000_000_000), counter: UInt16(index))
      let ulid = ULID(at: Instant(milliseconds: 1_779_000_000_000 + Int64(index)), low80: 0x1234_5678_9ABC_DEF0_1122)
      let salt = UInt128(0xA0A1_A2A3_A4A5_A6A7) << 64 | UInt128(index)
      let text = [UInt8](body.utf8)
      let commitment = Record.commitment(salt: salt, body: .sha256(text.raw))
      chain = Chain.next(after: chain, dot, hlc: hlc, ulid: ulid, kind: kind, commitment: commitment)
      var bytes: [UInt8] = []
      Record.write(Record.Header(kind: kind, hlc: hlc, ulid: ulid, salt: salt, chain: chain), body: text.raw, at: dot, to: &bytes)
      return (dot, bytes)
    }
  }

  @Test func `have the golden bytes`() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures/records")
    for (dot, bytes) in Self.log() {
      let golden = try String(contentsOf: folder.appending(path: "log-\(dot.n).hex"), encoding: .utf8)
      #expect(bytes.map { String(format: "%02x", $0) }.joined() == golden.filter(\.isHexDigit), "record \(dot.n)")
    }
  }

  @Test func `are read back as they were written`() throws {
    for (dot, bytes) in Self.log() {
      let read = Record.Header(reading: bytes.raw)
      let header = try #require(read)
      var again: [UInt8] = []
      Record.write(header, body: bytes.raw.extracting(droppingFirst: Record.headerBytes), at: dot, to: &again)
      #expect(again == bytes)
      #expect(isIntact(bytes, dot))
    }
  }

  @Test func `a flipped bit anywhere, or another place, is found`() {
    for (dot, bytes) in Self.log() {
      for bit in 0..<bytes.count * 8 {
        var damaged = bytes
        damaged[bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(!isIntact(damaged, dot))
      }
      #expect(!isIntact(bytes, Dot(origin: dot.origin, n: dot.n + 1)))
      #expect(!isIntact(bytes, Dot(origin: Origin(value: 1), n: dot.n)))
      #expect(!isIntact([UInt8](bytes.dropLast()), dot))
    }
  }

  private func isIntact(_ bytes: [UInt8], _ dot: Dot) -> Bool { Record.isIntact(bytes.raw, at: dot) }
  private func crc(_ bytes: some Collection<UInt8>, from crc: UInt32 = 0) -> UInt32 { CRC32C.checksum([UInt8](bytes).raw, from: crc) }

  @Test func `CRC32C has the check value of RFC 3720, whole or in parts`() {
    let text = [UInt8]("123456789".utf8)
    #expect(crc(text) == 0xE306_9283)
    for cut in 0...text.count {
      let first = crc(text[..<cut])
      #expect(crc(text[cut...], from: first) == 0xE306_9283)
    }
    #expect(crc([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
  }
}
