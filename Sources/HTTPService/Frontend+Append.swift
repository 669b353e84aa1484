import EventModel
import EventStore
import HummingbirdCore
import Laterbase
import NIOCore
import Replication
import ViewKit

/// What `POST /db/{db}/e` says beside its body. A class, because it is handed from thread to thread.
final class AppendCall: Sendable {
  let database: String
  let mediaType: String
  let onTaken: Draft.OnTaken
  /// The request's name.
  let request: ULID?
  let consistency: Consistency
  let timeout: Duration
  /// Whether the answer leaves out `ids`.
  let minimal: Bool
  /// Where the database's events are: a path that an event's ULID ends.
  let place: [UInt8]

  init(
    database: String, mediaType: String, onTaken: Draft.OnTaken, request: ULID?, consistency: Consistency, timeout: Duration, minimal: Bool
  ) {
    self.database = database
    self.mediaType = mediaType
    self.onTaken = onTaken
    self.request = request
    self.consistency = consistency
    self.timeout = timeout
    self.minimal = minimal
    place = [UInt8]("/db/\(database)/e/".utf8)
  }
}

extension Frontend {
  func appendCall(_ name: String, _ call: Call) throws(LaterbaseError) -> AppendCall {
    try Accepted.json(call.headers.accept)
    let parameters = try Parameters(call.query, known: ["consistency", "timeout", "on_taken"])
    try checkWritable(name)
    let taken = [MediaType.json, MediaType.ndjson] + (node.declaration(name)?.documents.flatMap(\.mediaTypes) ?? [])
    let mediaType = try MediaType.ofRequest(call.headers, taken: taken)
    return AppendCall(
      database: name, mediaType: mediaType, onTaken: try Self.onTaken(parameters), request: try Self.request(call.headers),
      consistency: try parameters.consistency(default: options.writeConsistency),
      timeout: try parameters.timeout(default: .seconds(5)),
      minimal: call.headers.prefer.map(Self.isMinimal) ?? false)
  }

  private static func onTaken(_ parameters: Parameters) throws(LaterbaseError) -> Draft.OnTaken {
    switch parameters.text("on_taken") {
    case nil, "refuse": return .refuse
    case "skip": return .skip
    default: throw Parameters.wrong("on_taken", "refuse or skip")
    }
  }

  private static func request(_ headers: Headers) throws(LaterbaseError) -> ULID? {
    guard let key = headers.idempotencyKey else { return nil }
    guard let request = ULID(key) else { throw LaterbaseError(.badParameter, "the header Idempotency-Key must be a ULID") }
    return request
  }

  private static func isMinimal(_ prefer: String) -> Bool {
    prefer == "return=minimal" || prefer.split(separator: ",").contains { $0.split(separator: ";").first?.trimmed == "return=minimal" }
  }

  /// `POST /db/{db}/e`.
  func append(_ name: String, _ call: Call, _ body: RequestBody) async throws(LaterbaseError) -> Answer {
    let append = try appendCall(name, call)
    if append.mediaType == MediaType.ndjson { return try await appendLines(append, body) }
    let bytes = try await collect(body, call, bytesMax: options.limits.requestBytesMax)
    let draft = try await asked(append, bytes)
    if draft.items.isEmpty { return Self.answer(try await nothing(append), append, created: false) }
    let (database, created) = try await target(name)
    let receipt: Receipt
    if append.consistency.isLocal {
      receipt = try await node.append(draft, to: database, consistency: append.consistency, timeout: append.timeout)
    } else {
      receipt = try await untilShutdown { [node] () throws(LaterbaseError) in
        try await node.append(draft, to: database, consistency: append.consistency, timeout: append.timeout)
      }
    }
    return Self.answer(receipt, append, created: created)
  }

  /// The draft of a request's events, the database's hooks having been asked.
  private func asked(_ append: AppendCall, _ bytes: [UInt8]) async throws(LaterbaseError) -> Draft {
    var intake = node.intake(node.declaration(append.database), request: append.request, onTaken: append.onTaken)
    return try await intake.draft(asking: try intake.parse(document: bytes, mediaType: append.mediaType))
  }

  /// The draft of a request's events, where there are no hooks to ask.
  func draft(_ append: AppendCall, _ bytes: [UInt8]) throws(LaterbaseError) -> Draft {
    var intake = node.intake(node.declaration(append.database), request: append.request, onTaken: append.onTaken)
    return try intake.draft(document: bytes, mediaType: append.mediaType)
  }

  /// The database to record in, made if that is allowed.
  private func target(_ name: String) async throws(LaterbaseError) -> (database: OpenedDatabase, created: Bool) {
    options.createsDatabases ? try await node.catalog.create(name) : (try await node.catalog.open(name), false)
  }

  /// What a request without an event comes to. It makes no database.
  private func nothing(_ append: AppendCall) async throws(LaterbaseError) -> Receipt {
    var appended = Appended(recorded: 0, known: 0, taken: [], clock: nil)
    do throws(LaterbaseError) {
      appended = Self.nothing(try await node.catalog.open(append.database))
    } catch {
      if error.slug != .noDatabase || !options.createsDatabases { throw error }
    }
    return Receipt(ids: [], appended)
  }

  static func nothing(_ database: OpenedDatabase) -> Appended {
    let state = database.set.state
    return Appended(recorded: 0, known: 0, taken: [], clock: state.own.flatMap { state.clock.entry($0) })
  }

  private func appendLines(_ append: AppendCall, _ body: RequestBody) async throws(LaterbaseError) -> Answer {
    let created = Flag()
    var lines = LineAppend(
      intake: node.intake(node.declaration(append.database), request: append.request, onTaken: append.onTaken),
      idsMax: append.minimal ? 0 : options.limits.eventsMax, keepsDots: !append.consistency.isLocal
    ) { [self] () throws(LaterbaseError) in
      let target = try await target(append.database)
      created.isSet = target.created
      return target.database
    }
    do {
      for try await piece in body { try await lines.write(piece.bytes) }
    } catch let error as LaterbaseError {
      throw error
    } catch {
      throw Self.brokenOff
    }
    let result = try await lines.finish()
    guard let database = result.database else { return Self.answer(try await nothing(append), append, created: false) }
    var receipt = result.receipt
    if let dots = result.dots {
      let count = try await untilShutdown { [node] () throws(LaterbaseError) in
        await node.copies(of: dots, in: database, at: append.consistency, timeout: append.timeout)
      }
      receipt.set(count)
    }
    return Self.answer(receipt, append, created: created.isSet, hasIDs: result.hasIDs)
  }

  /// A yes or no that a closure of one task sets.
  private final class Flag {
    var isSet = false
  }
}
