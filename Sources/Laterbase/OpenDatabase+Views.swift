import EventModel
import ViewEngine
public import ViewKit

extension OpenDatabase {
  /// The value of one key of a view, brought up to date first.
  /// - Parameter time: what had happened, or was known, by a time; all that is held now, if it isn't given.
  /// - Returns: nil if the view has no value for the key.
  /// - Throws: `no-database`; `not-found` if the database doesn't declare the view; `clock-not-held`; the store's errors.
  public func value<V: ReduceView<Event>>(of view: V, key: V.RowKey, _ time: TimeTravel = TimeTravel()) async throws -> V.Value? {
    try await total(view, key, time).flatMap { try view.value(ofTotal: $0, key: key) }
  }

  /// The value of one key of a view, brought up to date first.
  public func value<V: FoldView<Event>>(of view: V, key: V.RowKey, _ time: TimeTravel = TimeTravel()) async throws -> V.Value? {
    try await total(view, key, time).flatMap { try view.value(ofTotal: $0, key: key) }
  }

  /// The values of all keys of a view, in key order, brought up to date first. All of them are in memory.
  public func rows<V: ReduceView<Event>>(of view: V, _ time: TimeTravel = TimeTravel()) async throws -> [(key: V.RowKey, value: V.Value)] {
    try await totals(view, time).compactMap { (bytes, total) in
      let key = try V.RowKey(keyBytes: bytes)
      return try view.value(ofTotal: total, key: key).map { (key, $0) }
    }
  }

  /// The values of all keys of a view, in key order, brought up to date first. All of them are in memory.
  public func rows<V: FoldView<Event>>(of view: V, _ time: TimeTravel = TimeTravel()) async throws -> [(key: V.RowKey, value: V.Value)] {
    try await totals(view, time).compactMap { (bytes, total) in
      let key = try V.RowKey(keyBytes: bytes)
      return try view.value(ofTotal: total, key: key).map { (key, $0) }
    }
  }

  private static var timeout: Duration { .seconds(300) }

  private func total(_ view: any EventView, _ key: some ViewKey, _ time: TimeTravel) async throws -> [UInt8]? {
    let database = try await opened(declaring: view)
    let query = try Self.query(ViewQuery(key: KeyBytes.bytes(of: key)), time, database)
    return try await database.totals(view.name, query, timeout: Self.timeout).totals.first?.total
  }

  private func totals(_ view: any EventView, _ time: TimeTravel) async throws -> [(key: [UInt8], total: [UInt8])] {
    let database = try await opened(declaring: view)
    var query = try Self.query(ViewQuery(), time, database)
    query.limit = 0
    query.bytesMax = .max
    return try await database.totals(view.name, query, timeout: Self.timeout).totals
  }

  private static func query(_ query: ViewQuery, _ time: TimeTravel, _ database: OpenedDatabase) throws(LaterbaseError) -> ViewQuery {
    var query = query
    (query.happenedFrom, query.happenedBefore) = (time.happenedFrom, time.happenedBefore)
    if let known = time.known { query.known = try database.clock(of: known) }
    return query
  }

  /// The database, if the very view is one of its own: one of the same name and another meaning isn't.
  func opened(declaring view: any EventView) async throws -> OpenedDatabase {
    let declared = compiled?.views.first { $0.name == view.name }
    guard let declared, try CompiledView(view).fingerprint == declared.fingerprint else {
      throw LaterbaseError(.notFound, "the database \(name) doesn't declare this view \(view.name)")
    }
    return try await node.catalog.open(name)
  }
}
