public import EventModel

/// All that a view may know of an event besides its body: no origin, no HLC, which differ between dots of one element.
public struct Happened: Hashable, Comparable, Sendable {
  public let id: ULID
  /// The first 16 bytes of the body's digest: sets two bodies under one ULID apart.
  package let digest: UInt128

  public init(id: ULID) { self.init(id: id, digest: 0) }

  package init(id: ULID, digest: UInt128) { (self.id, self.digest) = (id, digest) }

  public var at: Instant { id.at }

  /// The order of happening.
  public static func < (a: Happened, b: Happened) -> Bool { a.id == b.id ? a.digest < b.digest : a.id < b.id }
}
