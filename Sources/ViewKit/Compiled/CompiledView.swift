import EventModel

/// A view with its types erased: functions from bytes to bytes, so that the engine knows no view's types.
///
/// A key's rows, in order of happening, have a *total*: of a `ReduceView` the rows joined, of a `FoldView` the state after them. Totals
/// are made of a total and further rows, and lose nothing when they are stored between.
package struct CompiledView: Sendable {
  package let name: String
  package let version: Int
  /// Names everything that results depend on: another one is another view.
  package let fingerprint: String
  /// May values of several keys be joined?
  package let commutative: Bool
  /// Whether it is kept which figures that were served have changed since.
  package let restates: Bool
  /// The type of the events that it maps; of `JSON` it takes any.
  package let eventType: ObjectIdentifier
  /// Whether it is a `FoldView`: its totals are states, which can't be joined.
  package let isFold: Bool
  /// Whether it is brought up to date after each commit.
  package let isKeptUp: Bool

  private let mapEvents: @Sendable ([FeedEvent], _ rowsMax: Int, _ bytesMax: Int, inout MappedRows) -> Void
  private let advanceTotal: @Sendable ([UInt8]?, [UInt8], [PlacedRow]) throws -> [UInt8]
  private let finishTotal: @Sendable ([UInt8], [UInt8]?) throws -> [UInt8]?
  private let showRow: @Sendable ([UInt8]) throws -> [UInt8]

  /// How many rows one event may emit.
  package static let emitsMax = 1000
  /// How long a `ReduceView`'s rows and joins may be as they are stored.
  package static let partialBytesMax = 4080
  /// How long a `FoldView`'s rows and states may be as they are stored.
  package static let stateBytesMax = 64 << 10

  /// How long a row, and a total, may be.
  package var totalBytesMax: Int { isFold ? Self.stateBytesMax : Self.partialBytesMax }

  /// Maps events, one after the other, until there is enough of it.
  ///
  /// - Parameters:
  ///   - rowsMax: as `bytesMax`; the last event may go beyond, and one is mapped at least.
  ///   - mapped: takes what they are mapped to, and of how many.
  package func map(_ events: [FeedEvent], rowsMax: Int = .max, bytesMax: Int = .max, into mapped: inout MappedRows) {
    mapEvents(events, rowsMax, bytesMax, &mapped)
  }

  /// The rows of an event.
  ///
  /// - Throws: why the view skips it: it doesn't decode, `map` throws, a key is none, a row can't be encoded or is too long, there are too
  ///   many.
  package func map(_ event: DecodedEvent, _ when: Happened) throws(Refusal) -> [MappedRow] {
    var mapped = MappedRows()
    map([FeedEvent(event: event, when: when, recorded: .zero)], into: &mapped)
    if let refused = mapped.refused.first { throw refused.why }
    return mapped.rows.map { MappedRow(key: Array(mapped.bytes[$0.key]), row: Array(mapped.bytes[$0.row])) }
  }

  /// The total of the rows of `total` and those after.
  ///
  /// - Parameters:
  ///   - total: nil: there are none yet; then `rows` must not be empty.
  ///   - rows: in order of happening, all after those of `total`.
  package func advance(_ total: [UInt8]?, key: [UInt8], _ rows: [PlacedRow]) throws(Refusal) -> [UInt8] {
    do { return try advanceTotal(total, key, rows) } catch { throw Refusal(error) }
  }

  /// The JSON of a key's value, nil if the view has none for it. A value that can't be encoded is null.
  package func finish(_ total: [UInt8], key: [UInt8]) throws(Refusal) -> [UInt8]? {
    do { return try finishTotal(total, key) } catch { throw Refusal(error) }
  }

  /// The JSON of the value of several keys' totals, joined; only of a `ReduceView`.
  package func finish(joined total: [UInt8]) throws(Refusal) -> [UInt8]? {
    do { return try finishTotal(total, nil) } catch { throw Refusal(error) }
  }

  /// The JSON of a row as the view emitted it. One that can't be encoded is null.
  package func json(ofRow row: [UInt8]) throws(Refusal) -> [UInt8] {
    do { return try showRow(row) } catch { throw Refusal(error) }
  }
}

/// A row as a view emitted it, in bytes.
package struct MappedRow: Sendable, Equatable {
  package let key: [UInt8]
  package let row: [UInt8]
}

/// A row of a key and its place in the order of happening.
package struct PlacedRow: Sendable {
  package let when: Happened
  package let row: [UInt8]

  package init(when: Happened, row: [UInt8]) { (self.when, self.row) = (when, row) }
}

extension CompiledView {
  /// - Throws: if the view is neither a `ReduceView` nor a `FoldView`, or has an illegal name.
  package init(_ view: any EventView) throws(DeclarationError) {
    guard isName(view.name) else { throw DeclarationError("`\(view.name)` is no name of a view: [a-z][a-z0-9_-]{0,63}") }
    if let view = view as? any ReduceView {
      self.init(reducing: view)
    } else if let view = view as? any FoldView {
      self.init(folding: view)
    } else {
      throw DeclarationError("view \(view.name): \(type(of: view)) must be a ReduceView or a FoldView")
    }
  }

  private init<V: ReduceView>(reducing view: V) {
    let rows = StoredCoding<V.Row>()
    self.init(view, rows, types: [], commutative: V.Row.commutative, isFold: false) { total, _, placed in
      var joined = try total.map(rows.value)
      for next in placed {
        let row = try rows.value(next.row)
        joined = joined?.joined(row) ?? row
      }
      guard let joined else { throw CompactError() }
      return try rows.bytes(joined)
    } finish: { total, key in
      try view.finish(rows.value(total), key.map { try V.RowKey(keyBytes: $0) }).map(answer)
    }
  }

  private init<V: FoldView>(folding view: V) {
    let rows = StoredCoding<V.Row>()
    let states = StoredCoding<V.State>()
    self.init(view, rows, types: [V.State.self], commutative: false, isFold: true) { total, key, placed in
      var state = if let total { try states.value(total) } else { try view.start(V.RowKey(keyBytes: key)) }
      for next in placed { view.apply(try rows.value(next.row), next.when, to: &state) }
      return try states.bytes(state)
    } finish: { total, key in
      guard let key else { throw Refusal("", "states of several keys can't be joined") }
      return try view.finish(states.value(total), V.RowKey(keyBytes: key)).map(answer)
    }
  }

  private init<V: EventView>(
    _ view: V, _ rows: StoredCoding<V.Row>, types: [any Any.Type], commutative: Bool, isFold: Bool,
    advance: @escaping @Sendable ([UInt8]?, [UInt8], [PlacedRow]) throws -> [UInt8],
    finish: @escaping @Sendable ([UInt8], [UInt8]?) throws -> [UInt8]?
  ) {
    (name, version, self.commutative, self.isFold) = (view.name, view.version, commutative, isFold)
    isKeptUp = view.isKeptUp
    restates = view.restates
    eventType = ObjectIdentifier(V.Event.self)
    let types = [V.Event.self, V.RowKey.self, V.Row.self] + types
    fingerprint = ([view.name, String(view.version), view.parameters] + types.map(stableName)).joined(separator: "\n")
    (advanceTotal, finishTotal) = (advance, finish)
    showRow = { answer(try rows.value($0)) }
    let takesBodies = V.Event.self == JSON.self
    mapEvents = { events, rowsMax, bytesMax, mapped in
      // One for all events: what its types need is looked up once.
      var emit = Emit<V.RowKey, V.Row>(rows, rowBytesMax: isFold ? Self.stateBytesMax : Self.partialBytesMax, &mapped)
      for event in events {
        emit.takeEvent { emit in
          if takesBodies, let body = event.event.body as? V.Event { return try view.map(body, event.when, emit: &emit) }
          if !takesBodies, case .failure(is BareVoid) = event.event.event { return }
          guard let typed = try event.event.event.get() as? TypedEvent<V.Event> else {
            throw Refusal("", "not an event of \(V.Event.self)")
          }
          try view.map(typed.event, event.when, emit: &emit)
        }
        if emit.mapped.rows.count >= rowsMax || emit.mapped.bytes.count >= bytesMax { break }
      }
      mapped = emit.stored()
    }
  }
}

/// A value's JSON as an answer has it: infinities and NaN are null, and so is a value that can't be encoded.
private func answer(_ value: some Encodable) -> [UInt8] {
  var bytes: [UInt8] = []
  do { try EventEncoder(nonFinite: .null).encode(value, to: &bytes) } catch { bytes = [UInt8]("null".utf8) }
  return bytes
}

/// A type's name that is the same in every run: private types are named with an address otherwise.
func stableName(_ type: any Any.Type) -> String {
  let parts = String(reflecting: type).split(separator: "(unknown context at $", omittingEmptySubsequences: false)
  return parts.enumerated().map { index, part in index == 0 ? part : part.drop { $0.isHexDigit } }.joined(separator: "(")
}
