import EventModel
import EventStore
import LMDBStore
import Synchronization
import ViewEngine

extension OpenedDatabase {
  /// Proves the database in this process, on a thread of its own: its records and, if these are sound, its views. Changes nothing.
  /// - Parameter tell: takes each line of JSON; the last one has `ok`.
  /// - Throws: `storage` if it can't be read; `no-database`; a `CancellationError` soon after the task was cancelled.
  package func verify(_ tell: @escaping @Sendable (String) -> Void) async throws {
    let isCancelled = Flag()
    let result = await withTaskCancellationHandler {
      await onThread { [self] () -> Result<VerifyReport, StoreError> in
        do throws(StoreError) { return .success(try check(isCancelled, tell)) } catch { return .failure(error) }
      }
    } onCancel: {
      isCancelled.set()
    }
    try Task.checkCancellation()
    do throws(StoreError) { _ = try result.get() } catch { throw self.error(error) }
  }

  private func check(_ isCancelled: Flag, _ tell: (String) -> Void) throws(StoreError) -> VerifyReport {
    let report = try set.verify { (report) throws(StoreError) in
      if isCancelled.isSet { throw StoreError(.closed, "the check was cancelled") }
      tell("{\"database\":\"\(name)\",\"records\":\(report.records)}")
    }
    // What views are made of must be sound first.
    let views = report.isSound ? try self.views.verify { tell("{\"database\":\"\(name)\",\"keys\":\($0.keys)}") } : nil
    let faults = report.faults + (views?.faults ?? [])
    let members: [(name: String, value: JSON)] = [
      ("database", JSON(name)), ("ok", JSON(faults.isEmpty)), ("records", JSON(report.records)), ("events", JSON(report.elements)),
      ("bytes", JSON(report.bytes)), ("views", JSON(views?.views ?? 0)), ("faults", JSON(faults.map { JSON($0) })),
    ]
    tell(JSON(members: members).description)
    return report
  }

  /// Frees what a process held that read this database beside us and has died.
  package func forgetDeadReaders() { try? (set.store as? LMDBEventStore)?.forgetDeadReaders() }
}

/// A yes that another thread says.
private final class Flag: Sendable {
  private let value = Atomic(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}
