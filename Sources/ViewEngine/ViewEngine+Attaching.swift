import EventModel
package import EventStore
package import ViewKit

// Views that a database doesn't declare, attached to it at run time. Their names are kept in the table `meta`, under `views`, one a line;
// also those of views that this build doesn't have: they come back with the build that has them.

extension ViewEngine {
  private static let attachedKey = [UInt8]("views".utf8)

  /// The names of the views that were attached to a database, in the order in which they were.
  package static func attached(to set: EventSet) throws(StoreError) -> [String] {
    try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) -> [String] in
      guard let row = try reader.get(.meta, attachedKey.raw) else { return [] }
      return String(decoding: [UInt8](copying: row), as: UTF8.self).split(separator: "\n").map(String.init)
    }
  }

  /// Whether a view was attached at run time.
  package func isAttached(_ name: String) -> Bool { table.withLock { $0.attached.contains(name) } }

  /// Attaches a view, for this run and later ones. Durable when it returns.
  /// - Returns: false, if a view of this name is there already.
  package func attach(_ view: CompiledView) async throws(ViewError) -> Bool {
    let isNew = table.withLock { table in
      guard !table.closed, table.runners[view.name] == nil else { return false }
      table.runners[view.name] = ViewRunner(feed, view, options)
      if !table.attached.contains(view.name) { table.attached.append(view.name) }
      return true
    }
    if !isNew { return false }
    do throws(StoreError) {
      try await storeAttached(detached: nil)
      return true
    } catch {
      _ = takeOut(view.name)
      throw .store(error)
    }
  }

  /// Detaches a view: nobody finds it any more. Its rows are deleted in the background, also by a later run.
  /// - Throws: `noView` if none of this name was attached.
  package func detach(_ name: String) async throws(ViewError) {
    guard takeOut(name) else { throw .noView }
    do throws(StoreError) { try await storeAttached(detached: name) } catch { throw .store(error) }
    startSweep()
  }

  private func takeOut(_ name: String) -> Bool {
    let (wasAttached, runner) = table.withLock { table in
      guard let index = table.attached.firstIndex(of: name) else { return (false, nil as ViewRunner?) }
      table.attached.remove(at: index)
      return (true, table.runners.removeValue(forKey: name))
    }
    runner?.close()
    return wasAttached
  }

  /// Writes which views are attached now: of several that do this at a time, the last one writes what is true.
  private func storeAttached(detached: String?) async throws(StoreError) {
    try await set.slice(WriteSize(bytes: 4096, events: 2)) {
      [table] (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      let names = [UInt8](table.withLock { $0.attached }.joined(separator: "\n").utf8)
      if names.isEmpty { try writer.delete(.meta, Self.attachedKey.raw) } else { try writer.put(.meta, Self.attachedKey.raw, names.raw) }
      guard let detached else { return }
      for var header in try ViewHeader.all(writer) where header.name == detached {
        header.state = .dead
        try writer.put(.view, header.key.raw, header.bytes.raw)
      }
    }
  }

  // MARK: What is left

  /// Goes on with deleting the rows of detached views, if a run before has left some.
  package func sweepDetached() {
    if let left = try? detachedHeader(), left.state == .dead { startSweep() }
  }

  /// Deletes the rows of detached views, a slice at a time, in the background.
  private func startSweep() {
    Task.detached { [self] in
      do throws(StoreError) {
        while let header = try detachedHeader() { _ = try await ViewRunner.sweep(header, set, options) }
      } catch {
        // The database was closed, or its disk is full: a later run finds them.
      }
    }
  }

  /// A view that is dead and that no runner has: its own would delete it.
  private func detachedHeader() throws(StoreError) -> ViewHeader? {
    try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      try ViewHeader.all(reader).first { header in header.state == .dead && table.withLock { $0.runners[header.name] == nil } }
    }
  }
}
