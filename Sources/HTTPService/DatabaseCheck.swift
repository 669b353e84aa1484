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
