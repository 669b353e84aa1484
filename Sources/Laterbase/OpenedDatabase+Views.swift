package import EventModel
import EventStore
package import ViewEngine

extension OpenedDatabase {
  /// A page of a view's rows, from one snapshot, at the clock that it names.
  /// - Parameters:
  ///   - separator: between rows: a comma, or a newline.
  ///   - timeout: how long the view may take to catch up.
  /// - Throws: `not-found`; `not-ready` with progress if it takes too long.
  package func rows(
    _ view: String, _ query: ViewQuery, update: ViewUpdate, separator: UInt8 = UInt8(ascii: ","), timeout: Duration
  ) async throws(LaterbaseError) -> ViewPage {
    try await reading(view, query, update, timeout) { (engine, update) throws(ViewError) in
      try await engine.rows(view, query, update: update, separator: separator)
    }
  }

  /// The totals of a view's keys, and the clock that they are right at.
  package func totals(_ view: String, _ query: ViewQuery, timeout: Duration) async throws(LaterbaseError) -> ViewTotals {
    try await reading(view, query, .first, timeout) { (engine, update) throws(ViewError) in
      let (totals, clock, cursor) = try await engine.totals(view, query, update: update)
      return ViewTotals(totals: totals, clock: clock, cursor: cursor)
    }
  }

  /// Reads a view: at once if it is up to date, else when it has caught up, as far as `timeout` allows.
  private func reading<R: Sendable>(
    _ view: String, _ query: ViewQuery, _ update: ViewUpdate, _ timeout: Duration,
    _ body: @escaping @Sendable (ViewEngine, ViewUpdate) async throws(ViewError) -> R
  ) async throws(LaterbaseError) -> R {
    let engine = try engine(view)
    do throws(ViewError) {
      guard case .first = update else { return try await body(engine, update) }
      let target = set.state.clock
      if try !engine.isReady(view, query, at: target) { try await catchUp(engine, view, query, to: target, timeout) }
      return try await body(engine, .no)
    } catch {
      throw self.error(error, view, engine)
    }
  }

  private func catchUp(
    _ engine: ViewEngine, _ view: String, _ query: ViewQuery, to target: Clock, _ timeout: Duration
  ) async throws(ViewError) {
    let outcome = await withTaskGroup(of: ViewError?.self) { group in
      group.addTask {
        do throws(ViewError) { try await engine.catchUp(view, to: target, for: query) } catch { return error }
        return nil
      }
      group.addTask {
        try? await Task.sleep(for: timeout)
        return .cancelled
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
    if let outcome { throw outcome }
  }

  /// How far a view has read.
  package func status(_ view: String) throws(LaterbaseError) -> ViewStatus {
    let engine = try engine(view)
    do throws(ViewError) { return try engine.status(view) } catch { throw self.error(error, view, engine) }
  }

  /// The events that a view skipped, and why.
  package func skipped(_ view: String, limit: Int) throws(LaterbaseError) -> [(id: ULID, reason: String)] {
    let engine = try engine(view)
    do throws(ViewError) { return try engine.skipped(view, limit: limit) } catch { throw self.error(error, view, engine) }
  }

  private func engine(_ view: String) throws(LaterbaseError) -> ViewEngine {
    _ = try reading { _ in }
    guard let views, views.names.contains(view) else { throw noView(view) }
    return views
  }

  private func noView(_ view: String) -> LaterbaseError {
    let names = views?.names ?? []
    let there = names.isEmpty ? "there are none" : "there are: \(names.joined(separator: ", "))"
    return LaterbaseError(.notFound, "the database \(name) has no view \(view); \(there)")
  }

  private func error(_ error: ViewError, _ view: String, _ engine: ViewEngine) -> LaterbaseError {
    switch error {
    case .noView: return noView(view)
    case .store(let error): return self.error(error)
    case .cancelled:
      let pending = (try? engine.status(view).pending).map { "; it has \($0) records to read" } ?? ""
      return LaterbaseError(.notReady, "the view \(view) is not up to date yet\(pending)")
    case .clockNotHeld(let missing):
      let ranges = missing.prefix(10).map { "\($0.origin) \($0.numbers.lowerBound)–\($0.numbers.upperBound)" }.joined(separator: ", ")
      return LaterbaseError(.clockNotHeld, "not held here: \(ranges)\(missing.count > 10 ? " and \(missing.count - 10) more" : "")")
    }
  }
}

/// The totals of some of a view's keys, in their bytes.
package struct ViewTotals: Sendable {
  package let totals: [(key: [UInt8], total: [UInt8])]
  /// What they are right at.
  package let clock: Clock
  package let cursor: [UInt8]?
}
