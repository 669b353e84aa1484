public import EventModel

/// What is said of an element beside its body, as it is handed out.
public struct StoredEvent: Sendable {
  public let ulid: ULID
  /// The element's first dot: the least (HLC, origin, n) held.
  public let first: RecordedDot
  /// The events held that declare this one wrong, sorted.
  public let voidedBy: [ULID]
  /// Whether it declares others wrong itself, in its body's `_voids`. Told by the feed only.
  public let isVoid: Bool
  /// The first 16 bytes of its body's digest. Told by the feed only, where it is asked to.
  public let digest: UInt128?
  /// The record that the feed stands at: whoever has taken this event raises his clock to it. Told by the feed only.
  public let reached: Clock.Entry?

  public init(
    ulid: ULID, first: RecordedDot, voidedBy: [ULID], isVoid: Bool = false, digest: UInt128? = nil, reached: Clock.Entry? = nil
  ) {
    self.ulid = ulid
    self.first = first
    self.voidedBy = voidedBy
    self.isVoid = isVoid
    self.digest = digest
    self.reached = reached
  }
}

/// Takes one element: what is said of it, and its body, which is valid until the call returns. Answers false to end the walk after it.
public typealias EventVisitor = (StoredEvent, RawSpan) throws(StoreError) -> Bool
