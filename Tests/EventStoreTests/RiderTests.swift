import EventModel
import EventStore
import StoreConformance
import Synchronization
import Testing

@Suite struct `Slices that ride with a group` {
  private final class Told: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
  }

  /// Puts a row of its name.
  private static func rider(_ name: String, _ told: Told, throwing: Bool = false, isPut: Bool = true) -> SliceRider {
    SliceRider(WriteSize(bytes: 100, events: 1)) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      let key = Array(name.utf8)
      try writer.put(.view, key.raw, key.raw)
      if throwing { throw StoreError(.storage, name) }
      return isPut
    } done: { result in
      switch result {
      case .success(let isPut): told.add("\(name) \(isPut)")
      case .failure(let error): told.add("\(name) \(error.code)")
      }
    }
  }

  /// A set of one event, with a rider "a"; the next write is refused.
  private static func beforeFault(_ error: StoreError, _ fixture: Fixture) async throws -> (EventSet, Told) {
    let store = FaultyStore(MemoryEventStore())
    let (set, told) = (try EventSet("scans", store: store, world: fixture.world.world), Told())
    try await set.appendAll(fixture.draft(["{}"], second: 1))
    set.ride(rider("a", told))
    store.next(.refuses(error))
    return (set, told)
  }

  private static func rows(_ set: EventSet) throws -> [String] {
    try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      var rows: [String] = []
      let cursor = try reader.cursor(.view)
      while try cursor.next() { rows.append(String(decoding: [UInt8](copying: cursor.key), as: UTF8.self)) }
      return rows
    }
  }

  @Test func `are told before the appends that they went with, and what fails takes nothing along`() async throws {
    let fixture = Fixture()
    let (set, told) = (try fixture.open(), Told())
    try await set.appendAll(fixture.draft(["{}"], second: 1))
    set.ride(Self.rider("a", told))
    set.ride(Self.rider("fails", told, throwing: true))
    let taken = Self.rider("taken back", told)
    set.ride(taken)
    set.ride(Self.rider("b", told, isPut: false))
    #expect(set.withdraw(taken))
    await withCheckedContinuation { continuation in
      set.append(fixture.draft(["{}"], second: 2)) { outcome in
        if case .recorded = outcome { told.add("append") }
        continuation.resume()
      }
    }
    #expect(told.all == ["fails storage", "a true", "b false", "append"])
    #expect(try Self.rows(set) == ["a", "b"])
    #expect(!set.withdraw(taken))
    try set.proveSound("riders")
    set.close()
  }

  @Test func `go alone when they are sent, and before the end`() async throws {
    let fixture = Fixture()
    let (set, told) = (try fixture.open(), Told())
    set.ride(Self.rider("sent", told))
    set.sendRiders()
    while told.all.isEmpty { await Task.yield() }
    #expect(try Self.rows(set) == ["sent"])
    set.ride(Self.rider("last", told))
    set.close()
    #expect(told.all == ["sent true", "last true"])
    set.ride(Self.rider("late", told))
    #expect(told.all.last == "late closed")
  }

  @Test func `are told of a group that fails as a whole`() async throws {
    let fixture = Fixture()
    let (set, told) = try await Self.beforeFault(StoreError(.storage, "a fault"), fixture)
    guard case .failed = await set.append(fixture.draft(["{}"], second: 2)) else {
      Issue.record("there was no fault")
      return
    }
    #expect(told.all == ["a storage"])
    #expect(try Self.rows(set) == [])
    set.close()
  }

  @Test func `take no room from the appends that they go with`() async throws {
    let fixture = Fixture()
    let (set, told) = try await Self.beforeFault(StoreError(.diskFull, "no room"), fixture)
    try await set.appendAll(fixture.draft(["{}"], second: 2))
    #expect(told.all == ["a diskFull"])
    #expect(try Self.rows(set) == [])
    #expect(set.state.records == 2)
    set.close()
  }
}
