import EventModel
import Laterbase
import Testing
import ViewKit

@Suite struct `The example of SWIFT.md in an app` {
  @Test func `answers by its own types, whatever arrived late`() async throws {
    let db = try LaterbaseNode(registry, storage: .memory)[shipments]
    func at(_ minute: Int64) -> Instant { Instant(milliseconds: 1_772_366_400_000 + minute * 60_000) }
    try await db.append([.moved(.init(sku: "K1", from: "HAM", to: "ROT", quantity: 7))], at: at(0))
    for (minute, location) in [(0, "HAM"), (300, "LEJ"), (100, "ROT")] {
      try await db.append([.scanned(.init(shipment: "S1", location: location, weightKg: 1.5))], at: at(Int64(minute)))
    }
    #expect(try await db.value(of: Stock(), key: Key("ROT", "K1"))?.sum == 7)
    #expect(try await db.rows(of: Stock()).map(\.key) == [Key("HAM", "K1"), Key("ROT", "K1")])
    #expect(try await db.value(of: Dwell(over: 60), key: "S1") == ["HAM": 100, "ROT": 200])
    #expect(try await db.value(of: ScansByLocation(), key: "LEJ")?.last.value == "S1")
    var events = 0
    for try await page in db.feed() { events += page.events.count }
    #expect(events == 4)
  }
}
