package import EventModel
package import EventStore
import Synchronization
package import ViewKit

/// Runs a database's views: each is kept in the table `view` of the database's own store, and brought up to date when it is read.
///
/// A view's rows are right at the clock stored beside them, at every moment, also after a crash: a slice's rows, totals and clock are one
/// transaction. What it answers is the value of the sequence of a key's rows in order of happening (`GroupTree`), whatever the order in
/// which events came.
package final class ViewEngine: Sendable {
  package let set: EventSet
  package let database: CompiledDatabase
  let feed: DecodedFeed
  let options: ViewEngineOptions
  let table: Table

  /// Which views there are. The mutex owns it.
  final class Table: Sendable {
    struct Views {
      var runners: [String: ViewRunner]
      /// The names of those that were attached at run time, also of such that this build doesn't have.
      var attached: [String]
      var closed = false
    }

    private let views: Mutex<Views>

    init(_ runners: [String: ViewRunner], attached: [String]) { views = Mutex(Views(runners: runners, attached: attached)) }

    func withLock<R: Sendable>(_ body: (inout Views) -> R) -> R { views.withLock { body(&$0) } }
  }

  /// - Parameters:
  ///   - attachable: the views that may be attached beside those that are declared.
  ///   - attached: the names of those that are.
  package init(
    _ set: EventSet, _ database: CompiledDatabase, attachable: [CompiledView] = [], attached: [String] = [],
    options: ViewEngineOptions = ViewEngineOptions()
  ) {
    (self.set, self.database, self.options) = (set, database, options)
    feed = DecodedFeed(set, database)
    let attached = attached.filter { name in !database.views.contains { $0.name == name } }
    let views = database.views + attached.compactMap { name in attachable.first { $0.name == name } }
    let runners = views.map { [feed] in ($0.name, ViewRunner(feed, $0, options)) }
    set.whenCut(Self.lower)
    table = Table(Dictionary(runners, uniquingKeysWith: { first, _ in first }), attached: attached)
  }

  /// The names of the views: those that are declared, in the order of their declaration, then those that were attached.
  package var names: [String] {
    database.views.map(\.name) + table.withLock { views in views.attached.filter { views.runners[$0] != nil } }
  }

  /// Whether there is a view of this name.
  package func has(_ view: String) -> Bool { table.withLock { $0.runners[view] != nil } }

  /// A view by its name.
  package func compiled(_ view: String) throws(ViewError) -> CompiledView { try runner(view).view }

  func runner(_ view: String) throws(ViewError) -> ViewRunner {
    guard let runner = table.withLock({ $0.runners[view] }) else { throw .noView }
    return runner
  }

  /// Brings a view up to a clock, so that a query may be answered. Callers at one time share the work.
  package func catchUp(_ view: String, to clock: Clock, for query: ViewQuery) async throws(ViewError) {
    try await runner(view).catchUp(to: clock, onDisk: !query.isOfFewKeys)
  }

  /// Brings a view up to a clock: by default all that the database holds now. Callers at one time share the work.
  ///
  /// - Throws: `cancelled` when the task was cancelled; what was done so far is kept, and the work goes on if others wait for it.
  package func catchUp(_ view: String, to clock: Clock? = nil) async throws(ViewError) {
    try await runner(view).catchUp(to: clock ?? set.state.clock)
  }

  /// Starts a catch-up that nobody waits for.
  package func startCatchUp(_ view: String) throws(ViewError) { try runner(view).start(to: set.state.clock) }

  /// Brings all views up to date, one after the other. For a node's background work.
  package func catchUpAll() async throws(ViewError) {
    for name in names { try await catchUp(name) }
  }

  /// Brings the views that ask for it up to date after each commit, until the set is closed.
  package func keepUp() async {
    let names = database.views.filter(\.isKeptUp).map(\.name)
    while !names.isEmpty, !set.changes.isClosed {
      let seen = set.changes.version
      // Together: they share what is decoded. A fault is found again, and told, by who reads.
      await withTaskGroup { group in
        for name in names { group.addTask { try? await self.catchUp(name) } }
      }
      await set.changes.wait(after: seen)
    }
  }

  /// How far a view has read.
  package func status(_ view: String) throws(ViewError) -> ViewStatus {
    let runner = try runner(view)
    do throws(StoreError) {
      return try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
        let headers = try runner.headers(reader)
        let live = headers.live
        return ViewStatus(
          name: runner.view.name, version: runner.view.version, clock: live?.clock ?? Clock(),
          pending: state.pending(after: (headers.building ?? live)?.clock ?? Clock()), rows: live?.rows ?? 0, skipped: live?.skipped ?? 0,
          work: runner.counts)
      }
    } catch {
      throw .store(error)
    }
  }

  /// Visits the events that a view skipped, and why, in order of happening, until the visit answers false.
  /// - Parameter last: those behind this one; nil: from the first.
  /// - Returns: the last one visited; nil at the end.
  package func skipped(_ view: String, after last: ElementID?, _ visit: (ElementID, RawSpan) -> Bool) throws(ViewError) -> ElementID? {
    let runner = try runner(view)
    do throws(StoreError) {
      return try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) -> ElementID? in
        guard let header = try runner.headers(reader).live else { return nil }
        let prefix = ViewKeys.prefix(header.number, .skipped)
        let cursor = try reader.cursor(.view)
        // Behind a key is what it begins.
        var found = try cursor.seek((prefix + (last.map { ViewKeys.element(Happened(id: $0.ulid, digest: $0.digest)) + [0] } ?? [])).raw)
        while found, cursor.key.starts(with: prefix.raw), let id = ElementID(key: cursor.key.extracting(droppingFirst: prefix.count)) {
          if !visit(id, cursor.value) { return id }
          found = try cursor.next()
        }
        return nil
      }
    } catch {
      throw .store(error)
    }
  }

  /// The first events that a view skipped, and why.
  package func skipped(_ view: String, limit: Int) throws(ViewError) -> [(id: ULID, reason: String)] {
    var events: [(id: ULID, reason: String)] = []
    _ = try skipped(view, after: nil) { (id, reason) in
      events.append((id.ulid, String(decoding: [UInt8](copying: reason), as: UTF8.self)))
      return events.count < limit
    }
    return events
  }

  /// Ends catch-ups under way after their slice; whoever waits is cancelled. Call before the set is closed.
  package func close() {
    let runners = table.withLock { views in
      views.closed = true
      return views.runners.sorted { $0.key < $1.key }.map(\.value)
    }
    for runner in runners { runner.close() }
  }
}

/// The bounds of a catch-up: a slice is a few milliseconds of the writer's time.
package struct ViewEngineOptions: Sendable {
  package var recordsMax = 4096
  package var rowsMax = 8192
  package var bytesMax = 4 << 20
  /// How long the writer may put the rows of a slice, if a flush isn't longer: the next one takes fewer, down to `rowsMin`, where it was.
  package var sliceTimeMax = Duration.milliseconds(5)
  package var rowsMin = 1024
  /// A catch-up pauses while a read of the store has lasted as long as this: each slice would add to a file whose old pages can't be used.
  package var readAgeMax = Duration.seconds(5)
  /// How many records whoever reads maps himself.
  package var aheadRecordsMax: UInt64 = 64
  /// As many where he may keep others from being answered meanwhile: on an event loop.
  package var shortRecordsMax: UInt64 = 8
  /// How much of what a reader computed goes to the disk with the next append, whose transaction it makes longer.
  package var ridingRowsMax = 512
  package var ridingBytesMax = 128 << 10
  /// A view that has as many records to read, and a third of all, may be sooner built anew.
  package var rebuildRecordsMin: UInt64 = 50_000
  /// What is sorted at a time where a view is built anew.
  package var buildBytesMax = 64 << 20
  /// How many stored rows a slice folds again, of a `FoldView`.
  package var refoldRowsMax = 8192
  /// How many stored rows one transaction of a listing reads, about; a total that must be computed counts as 32 of them.
  package var readStepsMax = 65_536
  /// How many restatements of a view are kept, and how long.
  package var restatementsMax: UInt64 = 100_000
  package var restatementsAgeMilliseconds: Int64 = 90 * 86_400_000
  /// A `FoldView` keeps its state before each row of this level or a higher one. Another one than in other runs over a store is for tests
  /// that have few rows: borders that are there stay right.
  package var borderLevel = 2
  /// Where catch-ups run.
  package var executor: any TaskExecutor = ViewThreads.shared

  package init() {}
}

/// How far a view has read.
package struct ViewStatus: Sendable {
  package let name: String
  package let version: Int
  /// What it is right at; nothing, while it is built.
  package let clock: Clock
  /// Records that it hasn't read. Falls while it is built, too.
  package let pending: UInt64
  /// Rows of all keys.
  package let rows: UInt64
  /// Events that it could not decode or map.
  package let skipped: UInt64
  package let work: ViewCounts
}

/// Why a view could not be read.
package enum ViewError: Error, Sendable {
  /// The database declares no view of this name.
  case noView
  case store(StoreError)
  case cancelled
  /// A clock asked for names records that this node doesn't hold: these.
  case clockNotHeld([Clock.Range])
  /// Keys were to be joined, of a view whose reducer doesn't allow that.
  case notCommutative
  /// The view keeps no restatements.
  case noRestatements
  /// A place in a list that isn't this one, or that doesn't go back so far any more.
  case gone
}
