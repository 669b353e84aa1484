package import EventModel
package import EventStore
package import Replication

/// Takes pages from a peer into a database, in order: while one goes to disk, the next is verified. The database is made at the first page
/// that begins it, so what proves nothing makes nothing.
package struct Ingest {
  private let node: LaterbaseNode
  private let name: String
  private let sender: Origin
  private var database: OpenedDatabase?
  /// The page that goes to disk.
  private var underWay: Coming<Result<Merged, StoreError>>?

  /// - Parameter sender: the node that holds them; 0: nobody says so.
  package init(_ node: LaterbaseNode, _ name: String, from sender: Origin = Origin(value: 0)) {
    (self.node, self.name, self.sender) = (node, name, sender)
  }

  /// Verifies a page, and queues it behind the one before.
  /// - Throws: `refused`, `failed`: this page's or the one's before. Earlier ones stay.
  package mutating func add(_ page: RecordPage) async throws(SyncError) {
    let verified = await onThread { () -> Result<VerifiedPage, StoreError> in
      do throws(StoreError) { return .success(try VerifiedPage(page)) } catch { return .failure(error) }
    }
    try await settle()
    let next: VerifiedPage
    do throws(StoreError) { next = try verified.get() } catch { throw SyncError(LaterbaseError(error)) }
    let coming = Coming<Result<Merged, StoreError>>()
    let database = try await target(for: next)
    try await repair(database, by: next)
    node.prove(sender, holds: page.heads, in: database)
    database.set.merge(next) { coming.put($0) }
    underWay = coming
  }

  private func repair(_ database: OpenedDatabase, by page: VerifiedPage) async throws(SyncError) {
    do throws(StoreError) {
      for (cut, outcome) in try await database.set.repair(by: page) {
        let what = "the log \(cut.origin) was another one from \(cut.n + 1) on, and lost: \(outcome.records) records went"
        node.tell(.forkRepaired, name, "\(what), \(outcome.appended) events of them are in the own log now")
      }
    } catch {
      throw SyncError(database.error(error))
    }
  }

  /// Waits for the last page.
  /// - Returns: what is on disk.
  package mutating func finish() async throws(SyncError) -> PeerClock {
    try await settle()
    if let database { return database.peerClock }
    do throws(LaterbaseError) { return try await node.catalog.open(name).peerClock } catch { throw SyncError(error) }
  }

  private mutating func settle() async throws(SyncError) {
    guard let coming = underWay else { return }
    underWay = nil
    let merged = await coming.get()
    do throws(StoreError) {
      _ = try merged.get()
    } catch {
      throw SyncError(database?.error(error) ?? LaterbaseError(error))
    }
  }

  private mutating func target(for page: VerifiedPage) async throws(SyncError) -> OpenedDatabase {
    if let database { return database }
    let target: OpenedDatabase
    do throws(LaterbaseError) {
      target = try await open(page)
    } catch {
      throw SyncError(error)
    }
    database = target
    return target
  }

  private func open(_ page: VerifiedPage) async throws(LaterbaseError) -> OpenedDatabase {
    do throws(LaterbaseError) {
      return try await node.catalog.open(name)
    } catch {
      guard error.slug == .noDatabase else { throw error }
    }
    guard page.begins(name) else { throw LaterbaseError(.refused, "there is no database \(name) here, and the records don't begin one") }
    guard node.takes(name) else { throw LaterbaseError(.refused, "this node doesn't hold the database \(name), and is not to") }
    return name == NodesDatabase.name ? try await node.catalog.createSystem(name) : try await node.catalog.create(name).database
  }
}
