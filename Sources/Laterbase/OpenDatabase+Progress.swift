public import EventModel
import ViewEngine
public import ViewKit

/// How far a view has read, and what that took since its database was opened.
public struct ViewProgress: Sendable {
  /// What it is right at: nothing, while it is built.
  public let clock: Clock
  /// Records that it hasn't read. Falls while it is built, too.
  public let pending: UInt64
  /// Rows of all keys.
  public let rows: UInt64
  /// Events that it could not decode or map.
  public let skipped: UInt64
  /// Joins of two partials, or rows applied to a state.
  public let joins: Int
  /// Rows of the table that were read and written.
  public let rowsRead: Int, rowsWritten: Int
}

extension OpenDatabase {
  /// How far a view has read; starts nothing.
  /// - Throws: `no-database`; `not-found` if the database doesn't declare the view; the store's errors.
  public func progress(of view: any EventView) async throws -> ViewProgress {
    let status = try await opened(declaring: view).status(view.name)
    return ViewProgress(
      clock: status.clock, pending: status.pending, rows: status.rows, skipped: status.skipped, joins: status.work.combines,
      rowsRead: status.work.rowsRead, rowsWritten: status.work.rowsWritten)
  }
}
