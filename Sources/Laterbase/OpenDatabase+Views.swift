import EventModel
import ViewEngine
public import ViewKit

extension OpenDatabase {
  /// The value of one key of a view, brought up to date first.
  /// - Returns: nil if the view has no value for the key.
  /// - Throws: `no-database`; `not-found` if the database doesn't declare the view; the store's errors.
  public func value<V: ReduceView<Event>>(of view: V, key: V.RowKey) async throws -> V.Value? {
    try await total(view, key).flatMap { try view.value(ofTotal: $0, key: key) }
  }

  /// The value of one key of a view, brought up to date first.
  public func value<V: FoldView<Event>>(of view: V, key: V.RowKey) async throws -> V.Value? {
    try await total(view, key).flatMap { try view.value(ofTotal: $0, key: key) }
  }

  /// The values of all keys of a view, in key order, brought up to date first. All of them are in memory.
  public func rows<V: ReduceView<Event>>(of view: V) async throws -> [(key: V.RowKey, value: V.Value)] {
    try await totals(view).compactMap { (bytes, total) in
      let key = try V.RowKey(keyBytes: bytes)
      return try view.value(ofTotal: total, key: key).map { (key, $0) }
    }
  }

  /// The values of all keys of a view, in key order, brought up to date first. All of them are in memory.
  public func rows<V: FoldView<Event>>(of view: V) async throws -> [(key: V.RowKey, value: V.Value)] {
    try await totals(view).compactMap { (bytes, total) in
      let key = try V.RowKey(keyBytes: bytes)
      return try view.value(ofTotal: total, key: key).map { (key, $0) }
    }
  }

  private static var timeout: Duration { .seconds(300) }

  private func total(_ view: any EventView, _ key: some ViewKey) async throws -> [UInt8]? {
    let database = try await opened(declaring: view)
    return try await database.totals(view.name, ViewQuery(key: KeyBytes.bytes(of: key)), timeout: Self.timeout).totals.first?.total
  }

  private func totals(_ view: any EventView) async throws -> [(key: [UInt8], total: [UInt8])] {
    let database = try await opened(declaring: view)
    var query = ViewQuery()
    query.limit = 0
    query.bytesMax = .max
    return try await database.totals(view.name, query, timeout: Self.timeout).totals
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
