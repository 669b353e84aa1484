import EventModel
package import EventStore
import Synchronization
package import ViewKit

/// The databases of a node, opened when they are asked for, each once. The mutex owns the table; the storage is opened outside of it.
package final class Catalog: Sendable {
  enum Entry {
    case open(OpenedDatabase)
    /// Being opened: who else wants it waits.
    case opening([CheckedContinuation<Void, Never>])
    /// Being removed: not there for anybody.
    case removing
  }

  struct Table {
    var entries: [String: Entry] = [:]
    /// How often each was set aside while it was open.
    var replacements: [String: Int] = [:]
    var closed = false
  }

  let provider: any EventStoreProvider
  private let world: World
  private let options: EventSetOptions
  private let declared: [String: CompiledDatabase]
  let damage: DamagePolicy?
  let table = Mutex(Table())
  /// Announces each opening and each removal of a database.
  package let openings = ChangeSignal()
  /// Those that were removed here while others hold them.
  package let notHeld: NotHeld

  package init(
    provider: any EventStoreProvider, world: World, options: EventSetOptions,
    declared: [String: CompiledDatabase] = [:], notHeld: NotHeld = NotHeld(), damage: DamagePolicy? = nil
  ) {
    self.damage = damage
    self.provider = provider
    self.world = world
    self.options = options
    self.declared = declared
    self.notHeld = notHeld
  }

  /// The database if it is open already. O(1).
  package func opened(_ name: String) -> OpenedDatabase? {
    table.withLock { table in
      if case .open(let database)? = table.entries[name] { return database }
      return nil
    }
  }

  /// The database, opened if it is there.
  /// - Throws: `no-database` if it isn't.
  package func open(_ name: String) async throws(LaterbaseError) -> OpenedDatabase {
    if let database = opened(name) { return database }
    guard let database = try await open(name, create: false)?.database else { throw .noDatabase(name) }
    return database
  }

  /// The database, made if it isn't there.
  /// - Returns: it, and whether it was made.
  package func create(_ name: String) async throws(LaterbaseError) -> (database: OpenedDatabase, created: Bool) {
    if let database = opened(name), !DatabaseName.isSystem(name) { return (database, false) }
    if DatabaseName.isSystem(name) { throw LaterbaseError(.forbidden, "databases whose names begin with _ are the system's") }
    guard DatabaseName.isLegal(name) else {
      throw LaterbaseError(.badParameter, "\(name) can't be a database's name: [a-z][a-z0-9_-]{0,63}, and none of the service's own")
    }
    guard let result = try await open(name, create: true) else { throw .noDatabase(name) }
    return result
  }

  /// A database of the system's, made if it isn't there.
  package func createSystem(_ name: String) async throws(LaterbaseError) -> OpenedDatabase {
    guard let result = try await open(name, create: true) else { throw .noDatabase(name) }
    return result.database
  }

  /// The names of the databases that are there, sorted, without the system's.
  package func names() throws(LaterbaseError) -> [String] {
    let names: [String]
    do throws(StoreError) { names = try provider.names() } catch { throw LaterbaseError(error) }
    return table.withLock { table in
      names.filter {
        guard DatabaseName.isLegal($0) else { return false }
        if case .removing? = table.entries[$0] { return false }
        return true
      }
    }
  }

  /// Where the damaged databases of a name are that were set aside.
  package func asides(of name: String) throws(LaterbaseError) -> [String] {
    do throws(StoreError) { return try provider.asides(of: name) } catch { throw LaterbaseError(error) }
  }

  /// Removes a database: gone at once for new requests; what is queued is committed, who waits wakes, streams get `grace` to end.
  package func remove(_ name: String, grace: Duration = .seconds(10)) async throws(LaterbaseError) {
    let database = try await open(name)
    let mine = table.withLock { table in
      guard case .open? = table.entries[name] else { return false }
      table.entries[name] = .removing
      return true
    }
    guard mine else { throw .noDatabase(name) }
    await database.remove(grace: grace)
    defer {
      table.withLock { $0.entries[name] = nil }
      openings.announce()
    }
    do throws(StoreError) { try provider.remove(name) } catch { throw LaterbaseError(error) }
  }

  /// Commits what is queued in all databases, and closes them. Nothing is opened after this.
  package func close() {
    let open: [OpenedDatabase] = table.withLock { table in
      table.closed = true
      defer { table.entries = table.entries.filter { if case .open = $0.value { false } else { true } } }
      return table.entries.values.compactMap { if case .open(let database) = $0 { database } else { nil } }
    }
    openings.close()
    for database in open { database.close() }
  }

  private enum Turn {
    case open(OpenedDatabase)
    case mine
    case wait
    case gone
    case closed
  }

  private func open(_ name: String, create: Bool) async throws(LaterbaseError) -> (database: OpenedDatabase, created: Bool)? {
    while true {
      let turn: Turn = table.withLock { table in
        if table.closed { return .closed }
        switch table.entries[name] {
        case .open(let database): return .open(database)
        case .removing: return .gone
        case .opening: return .wait
        case nil:
          table.entries[name] = .opening([])
          return .mine
        }
      }
      switch turn {
      case .open(let database): return (database, false)
      case .gone: return nil
      case .closed: throw LaterbaseError(.notReady, "the node is stopping")
      case .wait: await waitUntilOpened(name)
      case .mine: return try openNow(name, create: create)
      }
    }
  }

  private func waitUntilOpened(_ name: String) async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let waits = table.withLock { table in
        guard case .opening(let waiting)? = table.entries[name] else { return false }
        table.entries[name] = .opening(waiting + [continuation])
        return true
      }
      if !waits { continuation.resume() }
    }
  }

  private func openNow(_ name: String, create: Bool) throws(LaterbaseError) -> (database: OpenedDatabase, created: Bool)? {
    var database: OpenedDatabase?
    defer { endOpening(name, database) }
    do throws(StoreError) {
      database = try present(name)
      if let database { return (database, false) }
      guard create, let store = try provider.open(name, create: true) else { return nil }
      database = try openSet(name, store)
      try notHeld.remove(name)
      return database.map { ($0, true) }
    } catch {
      throw LaterbaseError(error)
    }
  }

  /// Takes an opening's outcome, and wakes who waits for it.
  func endOpening(_ name: String, _ database: OpenedDatabase?) {
    let (waiting, closed) = table.withLock { table in
      var waiting: [CheckedContinuation<Void, Never>] = []
      if case .opening(let others)? = table.entries[name] { waiting = others }
      table.entries[name] = table.closed ? nil : database.map { .open($0) }
      return (waiting, table.closed)
    }
    if closed { database?.close() } else if database != nil { openings.announce() }
    for continuation in waiting { continuation.resume() }
  }

  /// The database that is there. One that is damaged and can be had from others is set aside, and isn't there then.
  private func present(_ name: String) throws(StoreError) -> OpenedDatabase? {
    do throws(StoreError) {
      guard let store = try provider.open(name, create: false) else { return nil }
      return try openSet(name, store)
    } catch {
      // Only what was read shows damage. A disk that is full, fails, or refuses may do better later.
      guard error.code == .damaged, reasonToLeave(name) == nil, let path = try? provider.setAside(name) else { throw error }
      damage?.onSetAside(name, path, error)
      openings.announce()
      return nil
    }
  }

  func openSet(_ name: String, _ store: any EventStore) throws(StoreError) -> OpenedDatabase {
    do throws(StoreError) {
      let set = try EventSet(name, store: store, world: world, options: options)
      do throws(StoreError) {
        let database = try OpenedDatabase(
          name: name, set: set, declared: declared[name], compiledViews: declared.sorted { $0.key < $1.key }.flatMap(\.value.views))
        if let damage { store.whenInDoubt { damage.onDoubt(name, $0) } }
        return database
      } catch {
        set.close()
        throw error
      }
    } catch {
      store.close()
      throw error
    }
  }
}
