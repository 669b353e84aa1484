package import EventModel
import EventStore
import ViewKit

/// How far a hook is.
package struct HookStatus: Sendable {
  package let name: String
  /// It was told of what this covers.
  package let clock: Clock
  /// Records that it may have to be told of yet.
  package let pending: UInt64
  /// Why it fails at the moment.
  package let failure: String?
}

extension OpenedDatabase {
  /// How far the database's hooks are, in the order of their declaration.
  package func hookStatus() throws(LaterbaseError) -> [HookStatus] {
    guard let hooks = declared?.hooks, !hooks.isEmpty else { return [] }
    return try reading { (set) throws(StoreError) in
      try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
        var all: [HookStatus] = []
        for hook in hooks {
          let clock = try KeptClock.read(hook.clockName, reader)
          all.append(HookStatus(name: hook.name, clock: clock, pending: state.pending(after: clock), failure: hookFailures[hook.name]))
        }
        return all
      }
    }
  }
}
