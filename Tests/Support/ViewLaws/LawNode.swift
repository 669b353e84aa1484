import EventModel
import EventStore
import StoreConformance
import ViewEngine
import ViewKit

/// A store in memory with the view beside it, under random bounds, so that a few rows meet what millions do. Stop it when it is done with.
final class LawNode {
  private let provider = MemoryEventStoreProvider()
  private let world: ManualWorld
  private let database: CompiledDatabase
  private var options = ViewEngineOptions()
  private let view: String
  private(set) var set: EventSet
  private var engine: ViewEngine

  init(_ database: CompiledDatabase, _ world: ManualWorld, _ random: inout SeededRandom) throws {
    (self.database, self.world, view) = (database, world, database.views[0].name)
    options.recordsMax = [1, 7, 8192].randomElement(using: &random) ?? 1
    options.rowsMax = [1, 3, 20, 4096].randomElement(using: &random) ?? 1
    options.buildBytesMax = [1, 3000, 64 << 20].randomElement(using: &random) ?? 1
    options.refoldRowsMax = [0, 5, 8192].randomElement(using: &random) ?? 0
    options.borderLevel = Int.random(in: 0...2, using: &random)
    set = try Self.open(provider, world)
    engine = ViewEngine(set, database, options: options)
  }

  private static func open(_ provider: MemoryEventStoreProvider, _ world: ManualWorld) throws -> EventSet {
    try EventSet("laws", store: provider.open("laws", create: true) ?? MemoryEventStore(), world: world.world)
  }

  func restart() throws {
    stop()
    set = try Self.open(provider, world)
    engine = ViewEngine(set, database, options: options)
  }

  func stop() {
    engine.close()
    set.close()
  }

  func append(_ entries: some Collection<History.Entry>) async throws {
    try await set.appendAll(Draft(entries.map { ($0.ulid, $0.body.description, $0.voids) }, world: world.world))
  }

  /// Does some steps of a catch-up, then leaves it; nil: all of them.
  func catchUp(steps: Int? = nil) async throws {
    var done = 0
    while done != steps, try await !engine.step(view) { done += 1 }
  }

  /// What the view answers as it is stored.
  func rows() async throws -> [Reference.Row] {
    var query = ViewQuery()
    (query.limit, query.bytesMax) = (0, .max)
    let page = try await engine.rows(view, query, update: .no)
    let rows = JSON(normalForm: [UInt8(ascii: "[")] + page.rows + [UInt8(ascii: "]")])
    return (rows.elements ?? []).map { Reference.Row(key: $0["key"] ?? .null, value: $0["value"] ?? .null) }
  }

  func skipped() throws -> Int { Int(try engine.status(view).skipped) }
}
