public import EventModel

/// A database as its author declares it: a value, no engine.
///
///     let shipments = Database("shipments", of: ShipmentEvent.self) { Stock(); Dwell(over: 60) }
///
/// Its name is its identity: made at two nodes, it merges.
public struct Database<Event: EventType>: DatabaseDeclaration {
  public let name: String
  public let hooks: [any Hook]
  public let views: [any EventView]

  public init(
    _ name: String, of _: Event.Type, hooks: [any Hook<Event>] = [], @ViewsBuilder<Event> views: () -> [any EventView] = { [] }
  ) {
    (self.name, self.views) = (name, views())
    self.hooks = hooks.map { $0 }
  }

  /// A database that takes any JSON object.
  public init(_ name: String, hooks: [any Hook<JSON>] = [], @ViewsBuilder<JSON> views: () -> [any EventView] = { [] })
  where Event == JSON {
    self.init(name, of: JSON.self, hooks: hooks, views: views)
  }
}

/// Any database's declaration, whatever its type of events.
public protocol DatabaseDeclaration<Event>: Sendable {
  associatedtype Event: EventType
  var name: String { get }
  var hooks: [any Hook] { get }
  var views: [any EventView] { get }
}

/// Collects views over a database's own events, or over any JSON.
@resultBuilder public enum ViewsBuilder<Event: EventType> {
  public static func buildExpression<V: EventView>(_ view: V) -> [any EventView] where V.Event == Event { [view] }
  @_disfavoredOverload
  public static func buildExpression<V: EventView>(_ view: V) -> [any EventView] where V.Event == JSON { [view] }
  public static func buildBlock(_ views: [any EventView]...) -> [any EventView] { views.flatMap(\.self) }
  public static func buildOptional(_ views: [any EventView]?) -> [any EventView] { views ?? [] }
  public static func buildEither(first views: [any EventView]) -> [any EventView] { views }
  public static func buildEither(second views: [any EventView]) -> [any EventView] { views }
  public static func buildArray(_ views: [[any EventView]]) -> [any EventView] { views.flatMap(\.self) }
}

/// Code of an author's that runs beside the events of a database.
public protocol Hook<Event>: Sendable {
  associatedtype Event: EventType
  /// Names its durable clock.
  var name: String { get }
  /// At the recording node only, never for a peer's event. Amend the event by the event alone: a retry must give one body.
  func willAppend(_ event: inout Event) async throws(Refusal)
  /// Own and peers' events, in the feed's order, each at least once. If it throws, they come again, with backoff.
  func didCommit(_ events: [(Event, Happened)]) async throws
}

extension Hook {
  public func willAppend(_ event: inout Event) async throws(Refusal) {}
  public func didCommit(_ events: [(Event, Happened)]) async throws {}
}
