import EventModel
public import StoreConformance
public import ViewKit

/// The laws of a view, checked on anybody's. Needs no test framework: `check` throws a `ViewLawBroken`, which says what was expected, what
/// was found, and the seed that shows it again.
///
/// ```swift
/// try ViewLaws.check(Stock()) { random in
///   .moved(.init(sku: "K1", from: "HAM", to: "ROT", quantity: .random(in: 1...9, using: &random)))
/// }
/// ```
///
/// Random events happen at random times, some at the same one, some void others, and arrive in random order. At every moment the view,
/// run by the engine over a store in memory, must give what its own code gives over the sorted events, equal to the byte:
///
/// | law | what would break it |
/// | --- | --- |
/// | its events can be read back | `encode` and `readings` that differ |
/// | `map` is a function of the event | a clock, a random number, the order of a Set |
/// | `joined` is associative | an average of averages |
/// | keys may be joined, if it says so | a reducer that needs the order, but says `commutative` |
/// | late = sorted, incremental = from scratch | a `joined` or `apply` that depends on more than its arguments |
/// | snapshot = no snapshot | a row or a state that loses something when it is stored |
/// | split over two stores and merged = one store | the same |
/// | voided = never there | the same |
///
/// The law of brackets compares numbers to nine digits, as sums of doubles depend on them; all others compare bytes.
public enum ViewLaws {
  /// Checks a view that joins.
  ///
  /// - Parameters:
  ///   - seed: of the run: the same each time, unless `LATERBASE_SEED` says otherwise.
  ///   - rounds: how many random histories, from one event to 89.
  ///   - event: makes one random event. Make keys meet: a few shipments and places are enough.
  /// - Throws: `ViewLawBroken`; `DeclarationError` for a view that can't run.
  public static func check<V: ReduceView>(
    _ view: V, seed: UInt64 = testSeed(), rounds: Int = 10, event: (inout any RandomNumberGenerator) throws -> V.Event
  ) throws {
    let laws = try Laws(view, seed: seed) { try Reference(view, $0) }
    try laws.check(rounds: rounds, event) { events, random in
      try Brackets(view, events).check(&random)
    }
  }

  /// Checks a view that folds; parameters as above.
  public static func check<V: FoldView>(
    _ view: V, seed: UInt64 = testSeed(), rounds: Int = 10, event: (inout any RandomNumberGenerator) throws -> V.Event
  ) throws {
    let laws = try Laws(view, seed: seed) { try Reference(view, $0) }
    try laws.check(rounds: rounds, event) { _, _ in nil }
  }
}

/// A law that a view broke.
public struct ViewLawBroken: Error, CustomStringConvertible {
  public let view: String
  /// As the table of `ViewLaws` has it.
  public let law: String
  /// Gives the same run again.
  public let seed: UInt64
  /// What was expected, and what was found.
  public let detail: String

  public var description: String { "the view \(view) breaks the law \"\(law)\" (seed: \(seed)): \(detail)" }
}
