import EventModel
import StoreConformance
import Testing

@Suite struct `Identifiers and times` {
  @Test func `a ULID is written and read back, in either case`() throws {
    let ulid = try #require(ULID("01ARZ3NDEKTSV4RRFFQ69G5FAV"))
    #expect(ulid.description == "01ARZ3NDEKTSV4RRFFQ69G5FAV")
    #expect(ULID("01arz3ndektsv4rrffq69g5fav") == ulid)
    #expect(ulid.at.description == "2016-07-30T23:54:10.259Z")
    #expect(ULID(value: .max).description == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ")
  }

  @Test(arguments: [
    "", "81ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FA", "01ARZ3NDEKTSV4RRFFQ69G5FAVX", "01ARZ3NDEKTSV4RRFFQ69G5FAI",
    "01ARZ3NDEKTSV4RRFFQ69G5FAL", "O1ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAU", "01ARZ3NDEK-SV4RRFFQ69G5FAV",
  ])
  func `a malformed ULID is refused`(text: String) { #expect(ULID(text) == nil) }

  @Test func `every value survives its text`() {
    var random = SeededRandom(seed: testSeed())
    for _ in 0..<2000 {
      let ulid = ULID(value: UInt128(random.next()) << 64 | UInt128(random.next()))
      #expect(ULID(ulid.description) == ulid)
      let origin = Origin(value: random.next())
      #expect(Origin(origin.description) == origin)
    }
    #expect(Origin(value: .max).description == "FZZZZZZZZZZZZ")
    #expect(Origin("G000000000000") == nil)
  }

  @Test func `a UUID of version 7 is taken as its 128 bits`() {
    #expect(ULID(uuidV7: [UInt8]("017F22E2-79B0-7CC3-98C4-DC0C0C07398F".utf8).raw)?.value == 0x017F_22E2_79B0_7CC3_98C4_DC0C_0C07_398F)
    #expect(ULID(uuidV7: [UInt8]("017f22e2-79b0-4cc3-98c4-dc0c0c07398f".utf8).raw) == nil)
    #expect(ULID(uuidV7: [UInt8]("017f22e2-79b0-7cc3-18c4-dc0c0c07398f".utf8).raw) == nil)
  }

  @Test(arguments: [
    ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"), ("2020-02-29t23:59:59.9999z", "2020-02-29T23:59:59.999Z"),
    ("2026-03-01 12:00:00.5+02:00", "2026-03-01T10:00:00.500Z"), ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ("2000-12-31T23:30:00-01:30", "2001-01-01T01:00:00.000Z"),
  ])
  func `a time is read and written in one form`(text: String, expected: String) { #expect(Instant(rfc3339: text)?.description == expected) }

  @Test(arguments: [
    "2026-03-01T12:00:00", "2026-02-29T12:00:00Z", "2026-13-01T12:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T12:00:60Z",
    "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2026-03-01T12:00:00.Z", "2026-03-01T12:00Z",
    "2026-03-01  12:00:00Z", "2026-03-01T12:00:00+0200", "2026-03-01T12:00:00Z ", "+2026-03-01T12:00:00Z", "2026-03-01T12:00:00,5Z",
    "2026-3-1T12:00:00Z", "2026-03-01T12:00:00+24:00",
  ])
  func `a time of another form is refused`(text: String) { #expect(Instant(rfc3339: text) == nil) }

  @Test func `every day from 1970 to 9999 survives its text`() {
    var day = Int64(0)
    while day * 86_400_000 <= Instant.last.milliseconds {
      let instant = Instant(milliseconds: day * 86_400_000 + day * 7919 % 86_400_000)
      #expect(Instant(rfc3339: instant.description) == instant)
      day += 13
    }
  }
}
