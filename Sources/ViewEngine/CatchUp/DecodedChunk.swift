import EventModel
import Synchronization
import ViewKit

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
