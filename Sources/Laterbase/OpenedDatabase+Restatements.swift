import EventStore
package import ViewEngine

extension OpenedDatabase {
  /// Which figures of a view that were served have changed since, from a place on. The view is brought up to date first, which is a read.
  /// - Throws: `not-found` if there is no such view, or it keeps no restatements; `gone`; `not-ready` if it takes too long.
  package func restatements(
    _ view: String, from place: RestatementPlace?, limit: Int, timeout: Duration
  ) async throws(LaterbaseError) -> RestatementPage {
    let engine = try engine(view)
    do throws(ViewError) {
      // What can't be answered needn't wait.
      _ = try engine.restatements(view, from: place, limit: 1)
      // Of an empty database a view is level before it is there.
      for _ in 0..<8 {
        try await catchUp(engine, view, to: set.state.clock, timeout)
        if let page = try engine.restatements(view, from: place, limit: limit) { return page }
      }
      throw .cancelled
    } catch {
      throw self.error(error, view)
    }
  }
}
