import EventModel
import EventStore
import Foundation
import LMDBStore
import StoreConformance
import Testing
import ViewKit

@testable import ViewEngine

/// A database that can be stopped and started: its store outlives it.
final class TestNode {
  enum Place { case memory(MemoryEventStoreProvider), folder(String), mortal(MemoryEventStoreProvider, MortalStore.Life) }

  let place: Place
  let world: ManualWorld
  var options: ViewEngineOptions
  let database: CompiledDatabase
  private(set) var set: EventSet
  private(set) var engine: ViewEngine

  init(
    _ place: Place, _ world: ManualWorld, _ options: ViewEngineOptions = ViewEngineOptions(),
    _ declaration: any DatabaseDeclaration = samples
  )
    throws
  {
    (self.place, self.world, self.options) = (place, world, options)
    database = try CompiledDatabase(declaration)
    set = try Self.open(place, world)
    engine = ViewEngine(set, database, options: options)
  }

  private static func open(_ place: Place, _ world: ManualWorld) throws -> EventSet {
    switch place {
    case .memory(let provider):
      return try EventSet("samples", store: #require(try provider.open("samples", create: true)), world: world.world)
    case .mortal(let provider, let life):
      let store = MortalStore(try #require(try provider.open("samples", create: true)), life)
      return try EventSet("samples", store: store, world: world.world)
    case .folder(let path): return try EventSet("samples", store: LMDBEventStore(folder: path), world: world.world)
    }
  }

  /// Stops, and starts again from what is stored.
  func restart(_ declaration: any DatabaseDeclaration = samples) throws {
    stop()
    set = try Self.open(place, world)
    engine = ViewEngine(set, try CompiledDatabase(declaration), options: options)
  }

  func stop() {
    engine.close()
    set.close()
  }

  /// Appends events that happened at random times, some of them twice, several a request; some void others, held or not.
  func append(_ count: Int, _ random: inout SeededRandom, voids: Bool = true) async throws {
    var events: [(ulid: ULID, body: String, voids: [ULID])] = []
    for _ in 0..<count {
      let ulid = Self.ulid(&random)
      let voids = voids && random.chance(1, in: 8) ? Set((0..<random.next() % 3).map { _ in Self.ulid(&random) }).subtracting([ulid]) : []
      events.append((ulid, Sample.body(&random, voids: voids.sorted()), voids.sorted()))
    }
    _ = await set.append(Draft(events, onTaken: .skip, world: world.world))
  }

  /// Few random bits, so that some ULIDs meet.
  private static func ulid(_ random: inout SeededRandom) -> ULID {
    let at = Instant(milliseconds: 1_780_000_000_000 - Int64(random.next() % 50) * 1000)
    return ULID(at: at, low80: UInt128(random.next() % 40))
  }

  func answer(_ view: String, _ query: ViewQuery = TestNode.everything, _ update: ViewUpdate = .first) async throws -> ViewPage {
    try await engine.rows(view, query, update: update)
  }

  static var everything: ViewQuery {
    var query = ViewQuery()
    (query.limit, query.bytesMax) = (0, .max)
    return query
  }

  /// How many rows of each kind are in the table of the views.
  func kinds() throws -> [UInt8: Int] {
    try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      var kinds: [UInt8: Int] = [:]
      let cursor = try reader.cursor(.view)
      while try cursor.next() { kinds[cursor.key[4], default: 0] += 1 }
      return kinds
    }
  }
}

extension ViewPage {
  var text: String { String(decoding: rows, as: UTF8.self) }
}

/// A new folder that is removed with the object.
final class TemporaryFolder: Sendable {
  let path = NSTemporaryDirectory() + "view-engine-" + UUID().uuidString

  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
