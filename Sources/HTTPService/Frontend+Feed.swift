import EventModel
import HummingbirdCore
import Laterbase
import NIOCore

extension Frontend {
  static let feedParameters = ["lc", "feed", "limit", "heartbeat", "type", FeedCall.memberPrefix]

  /// `POST /db/{db}/e/_feed`.
  func feed(_ name: String, _ call: Call, _ body: RequestBody) async throws(LaterbaseError) -> Answer {
    let object = try await object(body, call, bytesMax: 2 << 20)
    let parameters = try Parameters(
      call.query, object, known: Self.feedParameters + Self.everywhere, prefix: FeedCall.memberPrefix)
    return try await feed(name, try FeedCall(parameters, call.headers), call)
  }

  /// The feed in its four forms.
  func feed(_ name: String, _ feed: FeedCall, _ call: Call) async throws(LaterbaseError) -> Answer {
    let database = try await opened(name)
    try await wait(for: database, feed.parameters)
    func reader(_ form: ListForm) -> FeedReader {
      FeedReader(database, after: feed.clock, limit: feed.limit, form: form, bodies: feed.bodies, filter: feed.filter)
    }
    switch feed.form {
    case .page(let form): return try answer(reader(form), of: database, form, Self.writeClock)
    case .longPoll(let form):
      let reader = try await waited(reader(form), feed.timeout ?? .seconds(30))
      return try answer(reader, of: database, form, Self.writeClock)
    case .stream(let form):
      let source = FeedStream(database, reader(.lines), form, limit: feed.limit)
      return try stream(source, heartbeat: feed.heartbeat, timeout: feed.timeout, call)
    }
  }

  /// A reader at the clock from which on there is something, or where the time was over.
  private func waited(_ reader: FeedReader, _ timeout: Duration) async throws(LaterbaseError) -> FeedReader {
    let deadline = ContinuousClock.now + timeout
    return try await untilShutdown { () throws(LaterbaseError) in
      var reader = reader
      try await reader.wait(until: deadline)
      return reader
    }
  }
}
