package import EventModel
import EventStore
package import ViewEngine

/// Follows a view: its rows as they are, then those that change, a page at a time. A row is handed out again only if it is another one than
/// last time, as far back as `SentRows` remembers. Between pages it holds no transaction, and of what it has not handed out at most the
/// keys of one page.
package struct ViewFollower: Sendable {
  package struct Page: Sendable {
    /// `{"key":…,"value":…}` each; of a key that the view has no value for any more, the value is null.
    package var rows: [[UInt8]] = []
    /// Whoever has all so far goes on behind this clock; nil in the middle of something.
    package var clock: Clock?
    /// Whether there is more at once.
    package var more = false
  }

  private enum Place {
    /// Rows as they are; `clock` was held before the first was read.
    case listing(after: [UInt8]?, clock: Clock?)
    case behind(Clock)
    /// Rows of these keys, right at `clock`.
    case rows(ArraySlice<[UInt8]>, ViewChanges)
  }

  package let database: OpenedDatabase
  private let view: String
  private let query: ViewQuery
  private var place: Place
  private var sent = SentRows()

  private static let pageBytes = 128 << 10

  /// - Parameters:
  ///   - query: which keys: `keys`, `start`, `end`, `inclusiveEnd` and `prefix` count.
  ///   - clock: only what has changed behind it; nil: first all rows as they are.
  package init(_ database: OpenedDatabase, _ view: String, _ query: ViewQuery, after clock: Clock?) {
    (self.database, self.view, self.query) = (database, view, query)
    place = clock.map { .behind($0) } ?? .listing(after: nil, clock: nil)
  }

  /// - Parameter timeout: how long the view may take to catch up.
  /// - Throws: `not-ready` if it takes longer: try again. Else what is final: `no-database`, `not-found`, the store's errors.
  package mutating func next(timeout: Duration) async throws(LaterbaseError) -> Page {
    var page = Page()
    let engine = try database.engine(view)
    do throws(ViewError) {
      switch place {
      case .listing(let key, nil):
        let clock = database.set.state.clock
        try await database.catchUp(engine, view, to: clock, timeout)
        place = .listing(after: key, clock: clock)
        page.more = true
      case .listing(let key, let clock?):
        let read = try await engine.rows(view, after: key, query, bytesMax: Self.pageBytes)
        page.rows = sent.takeChanged(read.rows)
        page.more = true
        place = read.last.map { Place.listing(after: $0, clock: clock) } ?? .behind(clock)
        if read.last == nil { page.clock = clock }
      case .behind(let clock):
        let changes = try await engine.changes(view, after: clock, query)
        if changes.clock == clock { break }
        if changes.keys.isEmpty {
          place = .behind(changes.clock)
          (page.clock, page.more) = (changes.clock, !changes.isLast)
        } else {
          try await database.catchUp(engine, view, to: changes.clock, timeout)
          place = .rows(changes.keys[...], changes)
          page.more = true
        }
      case .rows(let keys, let changes):
        let read = try await engine.rows(view, of: keys, bytesMax: Self.pageBytes)
        page.rows = sent.takeChanged(read.rows)
        let left = keys.dropFirst(read.rows.count)
        place = left.isEmpty ? .behind(changes.clock) : .rows(left, changes)
        if left.isEmpty { page.clock = changes.clock }
        page.more = !left.isEmpty || !changes.isLast
      }
    } catch {
      throw database.error(error, view)
    }
    return page
  }
}
