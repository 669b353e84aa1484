import EventStore
import ViewKit

extension LaterbaseNode {
  /// Tells the hooks of all databases of what is committed, until cancelled.
  func runHooks() async {
    await withTaskGroup { group in
      for database in declared.values where !database.hooks.isEmpty {
        group.addTask { await self.runHooks(of: database) }
      }
    }
  }

  /// Waits until the database is there, and again after it was removed.
  private func runHooks(of declared: CompiledDatabase) async {
    var backoff = Backoff()
    while !Task.isCancelled, !catalog.openings.isClosed {
      let seen = catalog.openings.version
      do throws(LaterbaseError) {
        let database = try await catalog.open(declared.name)
        backoff.succeeded()
        await withTaskGroup { group in
          for hook in declared.hooks { group.addTask { await HookRunner(database: database, hook: hook, node: self).run() } }
        }
      } catch {
        if error.slug == .noDatabase {
          await catalog.openings.wait(after: seen)
        } else {
          backoff.failed()
        }
      }
      if let pause = backoff.pause(world) { try? await Task.sleep(for: pause) }
    }
  }
}
