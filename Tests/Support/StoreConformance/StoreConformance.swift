public import EventStore

/// The laws of `EventStore`, checked on any implementation. Needs no test framework: each check throws `LawBroken` with its seed.
///
/// ```swift
/// try await StoreConformance(MyProvider()).checkAll(seed: 1)
/// ```
public struct StoreConformance: Sendable {
  let provider: any EventStoreProvider

  /// - Parameter provider: an empty one. Databases are opened, closed and opened again under names of the suite's own.
  public init(_ provider: any EventStoreProvider) { self.provider = provider }

  /// Checks every law once with random histories of one seed.
  public func checkAll(seed: UInt64) async throws {
    try checkMaps(seed: seed)
    try checkMarks(seed: seed)
    try checkSnapshots(seed: seed)
    try await checkAppends(seed: seed)
    try await checkMerges(seed: seed)
    try await checkFeed(seed: seed)
    try await checkCrashes(seed: seed)
    try await checkForks(seed: seed)
    try await checkForkCrashes(seed: seed)
    try await checkDamageCut(seed: seed)
    try await checkRepeats(seed: seed)
  }

  func open(_ name: String) throws -> any EventStore {
    guard let store = try provider.open(name, create: true) else { throw LawBroken(description: "open with create returned nil") }
    return store
  }

  func openSet(_ name: String, _ world: ManualWorld, _ options: EventSetOptions = EventSetOptions(), as setName: String = "law") throws
    -> EventSet
  {
    try EventSet(setName, store: open(name), world: world.world, options: options)
  }

  func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
    if !condition { throw LawBroken(description: what()) }
  }
}
