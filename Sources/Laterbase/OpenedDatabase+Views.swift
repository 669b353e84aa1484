package import EventModel
import EventStore
package import ViewEngine
package import ViewKit

extension OpenedDatabase {
  /// A page of a view, to be read at once: it has caught up as far as the query and `update` want. Of `lazy`: `startCatchUp` afterwards.
  /// - Parameter timeout: how long the view may take to catch up.
  /// - Throws: `not-found`; `not-ready` with progress if it takes too long; `clock-not-held`; `not-commutative`.
  package func listing(
    _ view: String, _ query: ViewQuery, update: ViewUpdate, timeout: Duration
  ) async throws(LaterbaseError) -> ViewListing {
    let engine = try engine(view)
    var update = update
    do throws(ViewError) {
      while true {
        switch try engine.listing(view, query, update: update) {
        case .ready(let listing): return listing
        case .behind(let clock):
          try await catchUp(engine, view, query, to: clock, timeout)
          // What came since needn't be in it.
          update = .to(clock)
        }
      }
    } catch {
      throw self.error(error, view)
    }
  }

  /// Starts a catch-up that nobody waits for.
  package func startCatchUp(_ view: String) throws(LaterbaseError) {
    let engine = try engine(view)
    do throws(ViewError) { try engine.startCatchUp(view) } catch { throw self.error(error, view) }
  }

  /// The totals of a view's keys, and the clock that they are right at.
  package func totals(_ view: String, _ query: ViewQuery, timeout: Duration) async throws(LaterbaseError) -> ViewTotals {
    var listing = try await listing(view, query, update: .first, timeout: timeout)
    do throws(ViewError) {
      let (totals, clock, cursor) = try ViewEngine.totals(&listing, bytesMax: query.bytesMax)
      return ViewTotals(totals: totals, clock: clock, cursor: cursor)
    } catch {
      throw self.error(error, view)
    }
  }

  /// Visits one key's value, if the view is up to date: a point read that waits for nothing.
  /// - Parameter body: takes the clock that it is right at, as a token, and the value's JSON; empty: the view has none.
  /// - Returns: nil: the view must catch up first.
  package func value<R>(_ view: String, _ key: [UInt8], _ body: (String, RawSpan) -> R) throws(LaterbaseError) -> R? {
    let engine = try engine(view)
    do throws(ViewError) { return try engine.value(view, key, body) } catch { throw self.error(error, view) }
  }

  /// A view by its name.
  package func compiled(_ view: String) throws(LaterbaseError) -> CompiledView {
    let engine = try engine(view)
    do throws(ViewError) { return try engine.compiled(view) } catch { throw self.error(error, view) }
  }

  func catchUp(
    _ engine: ViewEngine, _ view: String, _ query: ViewQuery = ViewQuery(), to target: Clock, _ timeout: Duration
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
    do throws(ViewError) { return try engine.status(view) } catch { throw self.error(error, view) }
  }

  /// The events that a view skipped, and why, to be read a piece at a time.
  /// - Parameter limit: 0: all.
  /// - Throws: `not-found`.
  package func skipped(_ view: String, limit: Int, form: ListForm) throws(LaterbaseError) -> SkippedPieces {
    SkippedPieces(self, try engine(view), view, limit: limit, form: form)
  }

  func engine(_ view: String) throws(LaterbaseError) -> ViewEngine {
    _ = try reading { _ in }
    guard views.has(view) else { throw noView(view) }
    return views
  }

  func noView(_ view: String) -> LaterbaseError {
    let names = views.names
    let there = names.isEmpty ? "there are none" : "there are: \(names.joined(separator: ", "))"
    return LaterbaseError(.notFound, "the database \(name) has no view \(view); \(there)")
  }

  func error(_ error: ViewError, _ view: String) -> LaterbaseError {
    switch error {
    case .noView: return noView(view)
    case .store(let error): return self.error(error)
    case .cancelled:
      var error = LaterbaseError(.notReady, "the view \(view) is not up to date yet")
      if let left = try? views.status(view).pending {
        let records = set.state.records
        error.catchUp = LaterbaseError.CatchUp(done: records > left ? records - left : 0, left: left)
        error.detail += "; it has \(left) records to read"
      }
      return error
    case .noRestatements: return LaterbaseError(.notFound, "the view \(view) keeps no restatements")
    case .gone:
      return LaterbaseError(
        .gone, "this list of restatements doesn't begin so early, or is another one's: a cursor is good at its own node; start without one")
    case .clockNotHeld(let missing):
      let ranges = missing.prefix(10).map { "\($0.origin) \($0.numbers.lowerBound)–\($0.numbers.upperBound)" }.joined(separator: ", ")
      return LaterbaseError(.clockNotHeld, "not held here: \(ranges)\(missing.count > 10 ? " and \(missing.count - 10) more" : "")")
    case .notCommutative:
      return LaterbaseError(
        .notCommutative,
        "the rows of \(view) can't be joined in another order than they happened, so its keys can't be joined; let the view emit the "
          + "shorter key as well")
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
