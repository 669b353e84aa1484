public import EventModel

/// The events of one append request, ready to be recorded: parsed, hashed and salted outside the writer's thread, so that the writer
/// only numbers, chains and puts.
///
/// Bodies lie in `input` (a request's own bytes, where they were in normal form already) or in `output` (where they had to be written
/// anew); nothing is copied again until it goes into the store.
public struct Draft: Sendable {
  public enum Source: Sendable { case input, output }

  public struct Item: Sendable {
    public let ulid: ULID
    /// SHA-256 of the body.
    public let digest: Digest
    public let salt: UInt128
    /// SHA-256(salt ‖ digest).
    public let commitment: Digest
    /// What the body's `_voids` lists, if it has any.
    public let voids: [ULID]
    public let source: Source
    public let range: Range<Int>

    public var kind: Record.Kind { voids.isEmpty ? .event : .void }
    public var id: ElementID { ElementID(ulid: ulid, digest: digest.first16) }
  }

  /// What to do with an event whose ULID another body has.
  public enum OnTaken: Sendable {
    /// Refuse the whole request.
    case refuse
    /// Leave the event out and say so.
    case skip
  }

  public var input: [UInt8]
  public var output: [UInt8]
  public private(set) var items: [Item] = []
  public var onTaken: OnTaken
  /// Bytes of the bodies.
  public private(set) var bodyBytes = 0

  public init(input: [UInt8] = [], output: [UInt8] = [], onTaken: OnTaken = .refuse) {
    self.input = input
    self.output = output
    self.onTaken = onTaken
  }

  public mutating func reserve(_ count: Int) { items.reserveCapacity(count) }

  /// Adds an event whose body lies at `range` of `source`, in normal form. Hashes it: O(length).
  public mutating func add(_ ulid: ULID, voids: [ULID] = [], _ source: Source, _ range: Range<Int>, salt: UInt128) {
    add(ulid, voids: voids, source, range, salt: salt, digest: digest(source, range))
  }

  /// Adds an event whose body's digest is known.
  public mutating func add(_ ulid: ULID, voids: [ULID] = [], _ source: Source, _ range: Range<Int>, salt: UInt128, digest: Digest) {
    let commitment = Record.commitment(salt: salt, body: digest)
    items.append(
      Item(ulid: ulid, digest: digest, salt: salt, commitment: commitment, voids: voids, source: source, range: range))
    bodyBytes += range.count
  }

  /// SHA-256 of the body at `range` of `source`.
  public func digest(_ source: Source, _ range: Range<Int>) -> Digest {
    switch source {
    case .input: .sha256(input.raw.extracting(range))
    case .output: .sha256(output.raw.extracting(range))
    }
  }

  /// The body of an item, borrowed.
  @_lifetime(borrow self)
  func body(of item: Item) -> RawSpan {
    switch item.source {
    case .input: return input.raw.extracting(item.range)
    case .output: return output.raw.extracting(item.range)
    }
  }
}

/// What became of an append.
public enum AppendOutcome: Sendable {
  case recorded(Appended)
  /// Refused: these items' ULIDs are other bodies'. Nothing was written.
  case taken([Taken])
  case failed(StoreError)
}

/// An item whose ULID another body has.
public struct Taken: Hashable, Sendable {
  /// The item's place in its request, from 0.
  public let index: Int
  public let ulid: ULID

  public init(index: Int, ulid: ULID) {
    self.index = index
    self.ulid = ulid
  }
}

/// What an append recorded. It is on disk.
public struct Appended: Sendable {
  /// Events that are new.
  public let recorded: Int
  /// Events that were there already.
  public let known: Int
  /// Left out, when that was asked for.
  public let taken: [Taken]
  /// This node's own log up to what this request wrote (or up to now, if it wrote nothing); nil if nothing was ever appended here.
  public let clock: Clock.Entry?

  public init(recorded: Int, known: Int, taken: [Taken], clock: Clock.Entry?) {
    self.recorded = recorded
    self.known = known
    self.taken = taken
    self.clock = clock
  }
}
