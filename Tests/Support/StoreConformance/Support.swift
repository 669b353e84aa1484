public import EventModel
public import EventStore
import Synchronization

/// A law that an implementation broke: what was expected, what was found, and the seed that shows it again.
public struct LawBroken: Error, CustomStringConvertible {
  public let description: String

  package init(description: String) { self.description = description }
}

/// A seeded generator (SplitMix64; Steele, Lea, Flood 2014): the same seed, the same run.
public struct SeededRandom: RandomNumberGenerator, Sendable {
  public let seed: UInt64
  private var state: UInt64

  public init(seed: UInt64) { (self.seed, state) = (seed, seed) }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  /// True in `part` of `whole` cases.
  public mutating func chance(_ part: UInt64, in whole: UInt64) -> Bool { next(upperBound: whole) < part }
}

/// A world that stands still until it is moved, with seeded randomness.
public final class ManualWorld: Sendable {
  private struct State {
    var now: Int64
    var random: SeededRandom
  }

  private let state: Mutex<State>

  public init(seed: UInt64, now: Instant = Instant(milliseconds: 1_780_000_000_000)) {
    state = Mutex(State(now: now.milliseconds, random: SeededRandom(seed: seed)))
  }

  /// Moves the wall clock, backwards too.
  public func advance(milliseconds: Int64) { state.withLock { $0.now += milliseconds } }

  public var now: Instant { state.withLock { Instant(milliseconds: $0.now) } }

  public var world: World {
    World(now: { self.now }, random: { self.state.withLock { $0.random.next() } })
  }
}

extension Draft {
  /// A draft of events given as ULID, body in normal form, and what it declares wrong.
  public init(
    _ events: [(ulid: ULID, body: String, voids: [ULID])], onTaken: OnTaken = .refuse, world: World
  ) {
    self.init(onTaken: onTaken)
    for event in events {
      let start = output.count
      output.append(contentsOf: event.body.utf8)
      add(event.ulid, voids: event.voids, .output, start..<output.count, salt: world.random128())
    }
  }
}

/// An element as a reader sees it, for comparing.
public struct SeenEvent: Hashable, Sendable {
  public let ulid: ULID
  public let body: String

  public init(ulid: ULID, body: String) { (self.ulid, self.body) = (ulid, body) }
}

extension EventSet {
  /// All that the feed has after a clock, page by page.
  public func feedAll(after clock: Clock = Clock(), pageEvents: Int = .max) throws -> (events: [SeenEvent], clock: Clock) {
    var events: [SeenEvent] = []
    var clock = clock
    while true {
      var count = 0
      let page = try feed(after: clock) { (event, body) throws(StoreError) in
        events.append(SeenEvent(ulid: event.ulid, body: String(decoding: [UInt8](copying: body), as: UTF8.self)))
        count += 1
        return count < pageEvents
      }
      clock = page.clock
      if page.pending == 0 { return (events, clock) }
    }
  }

  /// All elements in order of happening.
  public func rangeAll() throws -> [SeenEvent] {
    var events: [SeenEvent] = []
    _ = try range { (event, body) throws(StoreError) in
      events.append(SeenEvent(ulid: event.ulid, body: String(decoding: [UInt8](copying: body), as: UTF8.self)))
      return true
    }
    return events
  }

  /// Appends and returns what was recorded; throws for anything else.
  @discardableResult
  public func appendAll(_ draft: Draft) async throws -> Appended {
    switch await append(draft) {
    case .recorded(let appended): return appended
    case .taken(let taken): throw LawBroken(description: "taken: \(taken)")
    case .failed(let error): throw error
    }
  }

  /// Pulls what `other` has and this lacks, in pages; at most `pagesMax`.
  public func pull(from other: EventSet, pageBytes: Int = 1 << 20, pagesMax: Int = .max) async throws {
    var clock = state.clock
    for _ in 0..<pagesMax {
      let (page, next) = try other.records(after: clock, bytesMax: pageBytes)
      if page.entries.isEmpty { return }
      _ = try await merge(VerifiedPage(page))
      clock = clock.merged(next)
    }
  }

  /// Flips a bit in a record's body, and reads what can be read.
  public func spoil(_ dot: Dot) throws {
    try rot(dot)
    _ = try feedAll()
  }

  /// Flips a bit in a record's body; nobody has noticed yet.
  public func rot(_ dot: Dot) throws {
    try store.write(WriteSize(bytes: 0, events: 0)) { (writer: borrowing any StoreWriter & ~Copyable) throws(StoreError) in
      guard let held = try writer.get(.log, StoreKey.dot(dot).raw) else { throw StoreError(.damaged, "not there") }
      var bytes = [UInt8](copying: held)
      bytes[bytes.count - 2] ^= 1
      try writer.put(.log, StoreKey.dot(dot).raw, bytes.raw)
    }
  }

  /// Throws unless the whole database proves.
  public func proveSound(_ context: @autoclosure () -> String) throws {
    let report = try verify()
    guard report.isSound else { throw LawBroken(description: "\(context()): \(report.faults)") }
  }
}
