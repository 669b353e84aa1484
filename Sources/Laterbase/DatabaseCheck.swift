/// Proves one database, in another process or in this one.
///
/// - Parameters:
///   - database: its name.
///   - tell: takes each line of JSON; the last one has `ok`.
/// - Throws: if there is no result, or the task was cancelled: then it has stopped.
public typealias DatabaseCheck =
  @Sendable (
    _ database: String, _ tell: @escaping @Sendable (String) -> Void
  ) async throws -> Void

/// The worst that a check found wrong with a database: `damage` in its last line.
package enum Damage: String, Sendable {
  /// Only views: they are built anew from the events.
  case views
  /// Records, which peers mend in place.
  case records
  /// What lists the records, or the pages of the file: the folder is to be set aside.
  case store
}
