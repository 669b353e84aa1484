import EventModel
import Synchronization
import ViewKit

/// A consecutive part of the feed, read for all views of a database.
struct DecodedPage: Sendable {
  /// Its events, a few at a time.
  var chunks: [DecodedChunk] = []
  var count = 0
  /// What void events of this page declare wrong, and ULIDs of its events that any event held declares wrong.
  var voids: Set<ULID> = []
  /// Where the feed stands after it.
  var clock: Clock

  /// Decodes what nobody else is decoding right now.
  func decode(_ database: CompiledDatabase) {
    for chunk in chunks { chunk.decodeIfFree(database) }
  }

  /// Its events, decoded. Whoever waits for another who decodes them does the rest himself meanwhile.
  func events(_ database: CompiledDatabase) -> [FeedEvent] {
    if chunks.count > 1 { decode(database) }
    var events: [FeedEvent] = []
    events.reserveCapacity(count)
    for chunk in chunks { events += chunk.events(database) }
    return events
  }
}

/// A few events that are decoded at a time, by whoever needs them first.
final class DecodedChunk: Sendable {
  typealias Read = (body: JSON, when: Happened, recorded: HLC)

  static let eventsMax = 128

  private enum State {
    case read([Read])
    case decoded([FeedEvent])
  }

  private let state: Mutex<State>

  init(_ events: [Read]) { state = Mutex(.read(events)) }

  func events(_ database: CompiledDatabase) -> [FeedEvent] { state.withLock { Self.decode(&$0, database) } }

  func decodeIfFree(_ database: CompiledDatabase) { _ = state.withLockIfAvailable { _ = Self.decode(&$0, database) } }

  private static func decode(_ state: inout State, _ database: CompiledDatabase) -> [FeedEvent] {
    switch state {
    case .decoded(let events): return events
    case .read(let read):
      let events = read.map { FeedEvent(event: database.decode($0.body), when: $0.when, recorded: $0.recorded) }
      state = .decoded(events)
      return events
    }
  }
}
