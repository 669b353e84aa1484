import EventModel
@testable import EventStore
import StoreConformance
import Testing

@Suite struct `Clocks that are kept` {
  private static func clock(_ numbers: [UInt64]) -> Clock {
    Clock(numbers.enumerated().map { Clock.Entry(origin: Origin(value: UInt64($0 + 1)), n: $1, digest: $1 * 10) })
  }

  private func kept(_ names: [String], _ store: any EventStore) throws -> [Clock] {
    try names.map { name in
      try store.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in try KeptClock.read(name, reader) }
    }
  }

  @Test func `are there when the set is opened again, and disturb nothing`() async throws {
    let fixture = Fixture()
    let set = try fixture.open()
    try await set.appendAll(fixture.draft([#"{"v":1}"#]))
    let held = set.state.clock
    try await set.slice(WriteSize(bytes: 64, events: 1)) { (writer: borrowing any StoreWriter & ~Copyable, state) throws(StoreError) in
      try KeptClock.write("hook a", state.clock, writer)
    }
    #expect(try kept(["hook a", "hook b"], set.store) == [held, Clock()])
    try set.proveSound("kept")
  }

  @Test func `are all taken back where a log is, but for those that are not above`() throws {
    let store = try #require(try Fixture().provider.open("scans", create: true))
    try store.write(WriteSize(bytes: 0, events: 0)) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
      for (name, numbers) in [("a", [7, 7]), ("b", [3, 9]), ("c", [0, 2])] as [(String, [UInt64])] {
        try KeptClock.write(name, Self.clock(numbers), writer)
      }
      // Neighbours in the order of keys.
      for name in ["clock", "clock!"] { try writer.put(.meta, [UInt8](name.utf8).raw, [UInt8]("x".utf8).raw) }
      try KeptClock.lower(to: Clock.Entry(origin: Origin(value: 1), n: 5, digest: 50), writer)
    }
    let at5 = Clock.Entry(origin: Origin(value: 1), n: 5, digest: 50)
    var a = Self.clock([7, 7])
    a.set(at5)
    #expect(try kept(["a", "b", "c"], store) == [a, Self.clock([3, 9]), Self.clock([0, 2])])
    try store.write(WriteSize(bytes: 0, events: 0)) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
      try KeptClock.lower(to: Clock.Entry(origin: Origin(value: 2), n: 0, digest: 0), writer)
    }
    #expect(try kept(["a", "b", "c"], store) == [Clock(at5), Self.clock([3]), Clock()])
  }
}
