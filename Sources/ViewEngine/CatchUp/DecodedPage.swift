import EventModel
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
