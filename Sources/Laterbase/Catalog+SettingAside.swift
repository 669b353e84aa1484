import EventStore
import Synchronization

/// What becomes of a database that is damaged beyond its records.
package struct DamagePolicy: Sendable {
  /// Whether others fill a database again that isn't here any more.
  let isRefilled: @Sendable (_ name: String) -> Bool
  /// Told when a database was set aside.
  let onSetAside: @Sendable (_ name: String, _ path: String, StoreError) -> Void
  /// Told, from any thread, when a store says that what it holds may not be what was written.
  let onDoubt: @Sendable (_ name: String, _ what: String) -> Void
}

extension Catalog {
  /// How often a database was set aside while it was open, since this catalog was made.
  func replacements(of name: String) -> Int { table.withLock { $0.replacements[name] ?? 0 } }

  /// Sets a database aside that is open, and puts an empty one in its place, to be filled by others. Whoever asks for it meanwhile waits; who
  /// is about to read it, or waits for its news, is told to ask again.
  /// - Parameter fault: what is wrong with it.
  /// - Returns: where it is now.
  /// - Throws: `not-ready` if another one is open under its name by now; what the provider throws: then it is where it was.
  func setAside(_ database: OpenedDatabase, _ fault: String, grace: Duration = .seconds(10)) async throws(LaterbaseError) -> String {
    let name = database.name
    let mine = table.withLock { table in
      guard case .open(let open)? = table.entries[name], open === database else { return false }
      table.entries[name] = .opening([])
      return true
    }
    guard mine else { throw LaterbaseError(.notReady, "another database \(name) is open by now") }
    var empty: OpenedDatabase?
    defer { endOpening(name, empty) }
    await database.setAside(grace: grace)
    do throws(StoreError) {
      let path = try provider.setAside(name)
      table.withLock { $0.replacements[name, default: 0] += 1 }
      // Where that can't be now, on a full disk for one, whoever brings records makes it.
      if let store = try? provider.open(name, create: true) { empty = try? openSet(name, store) }
      damage?.onSetAside(name, path, StoreError(.damaged, fault))
      return path
    } catch {
      throw LaterbaseError(error)
    }
  }

  /// As many damaged folders of a name are kept: a disk that goes on damaging files is not filled with them.
  private static let asidesMax = 8

  /// Why a damaged database is left where it is; nil: it may be set aside.
  func reasonToLeave(_ name: String) -> String? {
    guard let damage, damage.isRefilled(name) else { return "no other node is known that could fill it again" }
    let count = (try? provider.asides(of: name).count) ?? 0
    return count < Self.asidesMax ? nil : "\(count) damaged folders of it are there already: remove what isn't needed"
  }
}
