public import EventModel

/// The dots of some elements, for asking whether a node holds them: it does where its clock covers one dot of each.
///
/// Most elements have one dot; of those the highest n of each origin says it all.
public struct ElementDots: Sendable {
  /// Of elements that have one dot: the highest n of each origin.
  private var single: [Origin: UInt64] = [:]
  /// Of elements that have several: all of each.
  private var several: [[Dot]] = []
  /// Of more such elements only the first dot counts: a holder by another one is overlooked then, but never one made up.
  private static let severalMax = 10_000

  /// How many logs had been cut, at the node that holds the elements under these dots, when they were read; nil: none ever was. A cut
  /// records elements anew, and a dot may be another element's then.
  public var cuts: UInt64?

  public init() {}

  /// Adds an element that is held under these dots, at least one.
  public mutating func add(_ dots: [Dot]) {
    guard let first = dots.first else { return }
    if dots.count > 1, several.count < Self.severalMax {
      several.append(dots)
    } else {
      single[first.origin] = max(single[first.origin] ?? 0, first.n)
    }
  }

  /// Adds other elements.
  public mutating func add(_ others: ElementDots) {
    for (origin, n) in others.single { add([Dot(origin: origin, n: n)]) }
    for dots in others.several { add(dots) }
    if let earlier = others.cuts { cuts = min(cuts ?? earlier, earlier) }
  }

  /// Whether a node with this clock holds all of the elements.
  public func areHeld(by clock: Clock) -> Bool {
    single.allSatisfy { clock[$0.key] >= $0.value } && several.allSatisfy { $0.contains { clock.covers($0) } }
  }

  /// One dot of each element: who covers these holds them all.
  public var least: [Dot] {
    var least = single
    for dots in several { least[dots[0].origin] = max(least[dots[0].origin] ?? 0, dots[0].n) }
    return least.map { Dot(origin: $0.key, n: $0.value) }.sorted { $0.origin < $1.origin }
  }
}
