/// A pure function of the event set. Rows are kept by (key, ULID, digest, row number): one event may emit one key twice.
///
/// Conform to `ReduceView` or `FoldView`. A view may know an event's body and when it happened, nothing else: no clock, no random
/// number, no state of its own, so that every node computes the same.
public protocol EventView<Event>: Sendable {
  associatedtype Event: EventType
  /// Not named `Key`, as the compound key is: a view could then name neither in `finish`.
  associatedtype RowKey: ViewKey
  associatedtype Row: Codable & Sendable

  /// In URLs. Not static: one type with two parameters is two views.
  var name: String { get }

  /// Raise it when the code changes meaning: the view is built anew beside the old one. Default 1.
  var version: Int { get }

  /// Stored properties that change results, as text (`minutes=60`). Default empty.
  ///
  /// Part of the fingerprint: name, version, parameters, type names of Event, RowKey, Row, State. Another one builds the view anew.
  var parameters: String { get }

  /// Whether it is brought up to date after each commit, and not only when it is read: then a read finds it so, and each commit costs
  /// another. Default false.
  var isKeptUp: Bool { get }

  /// Whether it is kept which figures that were served have changed since, and by which late event. Default false.
  ///
  /// It costs a catch-up of many events a row for each key that was there before, and a view that is far behind is then never built anew.
  var restates: Bool { get }

  /// Emits none, one or many rows (≤ 1 000). Throwing skips the event and lists it.
  func map(_ event: Event, _ when: Happened, emit: inout Emit<RowKey, Row>) throws
}

extension EventView {
  public var version: Int { 1 }
  public var parameters: String { "" }
  public var isKeptUp: Bool { false }
  public var restates: Bool { false }
}

/// A view that joins the rows of a key, in order of happening.
public protocol ReduceView<Event>: EventView where Row: Reducible {
  associatedtype Value: Encodable & Sendable = Row

  /// The answer for the joined rows; nil: no row. Default: the joined row itself.
  /// - Parameter key: nil if `joined` is of several keys.
  func finish(_ joined: Row, _ key: RowKey?) -> Value?
}

extension ReduceView where Value == Row {
  public func finish(_ joined: Row, _ key: RowKey?) -> Row? { joined }
}

/// A view that applies the rows of a key, in order of happening, to a state. A refold reads rows, never event bodies.
public protocol FoldView<Event>: EventView {
  /// No Set, and no Dictionary but by String: equal states have equal bytes.
  associatedtype State: Codable & Equatable & Sendable
  associatedtype Value: Encodable & Sendable = State

  /// The state before the first row.
  func start(_ key: RowKey) -> State
  func apply(_ row: Row, _ when: Happened, to state: inout State)
  /// The answer; nil: no row. Default: the state itself.
  func finish(_ state: State, _ key: RowKey) -> Value?
}

extension FoldView where Value == State {
  public func finish(_ state: State, _ key: RowKey) -> State? { state }
}
