import EventStore

extension ViewEngine {
  /// Does one step of a view's catch-up, on the task that asks, for suites that stop between any two; nobody else may be reading the view.
  ///
  /// - Returns: whether the view is level with the database.
  package func step(_ view: String) async throws(ViewError) -> Bool {
    let runner = try runner(view)
    do throws(StoreError) { return try await runner.step().level } catch { throw .store(error) }
  }
}
