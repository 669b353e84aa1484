import EventModel
import EventStore
import StoreConformance
import Synchronization

@testable import Replication

/// A set in memory as a peer, with what a peer can do wrong.
final class SetPeer: PeerTransport {
  let name: String
  let set: EventSet
  private let world: ManualWorld
  private let alter: @Sendable (RecordPage) -> RecordPage
  /// What it was asked for.
  let asked = Mutex<[PullRequest]>([])

  init(_ name: String, seed: UInt64, alter: @escaping @Sendable (RecordPage) -> RecordPage = { $0 }) throws {
    self.name = name
    self.alter = alter
    world = ManualWorld(seed: seed)
    set = try EventSet("things", store: MemoryEventStore(), world: world.world)
  }

  func append(_ bodies: [String]) async throws {
    world.advance(milliseconds: 1)
    let events = bodies.map { (ulid: ULID(at: world.now, low80: UInt128(world.world.random())), body: $0, voids: [ULID]()) }
    try await set.appendAll(Draft(events, world: world.world))
  }

  func databases() -> [String] { ["things"] }
  func clock(of database: String) -> PeerClock? { PeerClock(set) }

  func pull(
    _ database: String, _ request: PullRequest, receive: @Sendable (RecordPage) async throws(SyncError) -> Void
  ) async throws(SyncError) -> PullEnd {
    asked.withLock { $0.append(request) }
    do throws(StoreError) {
      var outgoing = try Outgoing(request, from: set)
      let sent = alter(try outgoing.nextPage(of: set, bytesMax: 2000) ?? RecordPage())
      do throws(SyncError) { if !sent.entries.isEmpty { try await receive(sent) } } catch { throw StoreError(.refused, error.message) }
      return PullEnd(PeerClock(set), forks: outgoing.forks)
    } catch {
      throw SyncError(.failed, error.message)
    }
  }

  func push(_ database: String, _ pages: [RecordPage]) async throws(SyncError) -> PeerClock {
    do throws(StoreError) {
      for page in pages { _ = try await set.merge(VerifiedPage(page)) }
    } catch {
      throw SyncError(error.code == .refused ? .refused : .failed, error.message)
    }
    return PeerClock(set)
  }
}

extension EventSet {
  /// Flips a bit in a record's body.
  func damage(_ dot: Dot) throws {
    try store.write(WriteSize(bytes: 0, events: 0)) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
      let key = StoreKey.dot(dot)
      guard let held = try writer.get(.log, key.raw) else { throw StoreError(.damaged, "not there") }
      var bytes = [UInt8](copying: held)
      bytes[bytes.count - 2] ^= 1
      try writer.put(.log, key.raw, bytes.raw)
    }
  }
}

extension RecordPage {
  /// A copy with a change to the bytes of one log's records.
  func changing(_ origin: Origin, _ change: (inout [UInt8]) -> Void) -> RecordPage {
    var page = RecordPage()
    for entry in entries {
      var record = Array(bytes[entry.range])
      if entry.dot.origin == origin { change(&record) }
      page.add(entry.dot, record.raw)
    }
    return page
  }
}

extension SeededRandom {
  mutating func clock(origins: Int) -> Clock {
    Clock(
      (0..<Int(next() % UInt64(origins + 1))).map { _ in
        Clock.Entry(origin: Origin(value: next() % 20), n: next() % 3 == 0 ? next() : next() % 4, digest: next() % 3)
      })
  }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}
