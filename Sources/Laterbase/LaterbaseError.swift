public import EventModel
public import EventStore
public import Replication

/// Why a request was not done: a slug that never changes its meaning, and what is wrong, for a person.
/// In every case nothing of the transaction was written.
public struct LaterbaseError: Error, Sendable {
  /// What kind of error, as the last part of a problem document's `type`.
  public enum Slug: String, CaseIterable, Sendable {
    case notJSON = "not-json"
    case badEvent = "bad-event"
    case badParameter = "bad-parameter"
    case notCommutative = "not-commutative"
    case forbiddenHost = "forbidden-host"
    case forbidden
    case noDatabase = "no-database"
    case notFound = "not-found"
    case method
    case notAcceptable = "not-acceptable"
    case taken
    case unsynced
    case clockNotHeld = "clock-not-held"
    case gone
    case doesNotFollow = "does-not-follow"
    case unknownBase = "unknown-base"
    case tooLarge = "too-large"
    case uriTooLong = "uri-too-long"
    case mediaType = "media-type"
    case headersTooLarge = "headers-too-large"
    case refused
    case busy
    case behind
    case notReady = "not-ready"
    case storage
    case outcomeUnknown = "outcome-unknown"
    case diskFull = "disk-full"
  }

  /// What is wrong with one event of a request.
  public struct Fault: Hashable, Sendable {
    /// The event's place in its request, from 0.
    public var index: Int
    /// The line of an NDJSON request, from 1, blank ones counted.
    public var line: Int?
    /// Where in the event (RFC 6901); nil if it is no JSON.
    public var pointer: String?
    public var detail: String

    public init(index: Int, line: Int? = nil, pointer: String? = nil, detail: String) {
      self.index = index
      self.line = line
      self.pointer = pointer
      self.detail = detail
    }
  }

  /// What a request of several transactions had committed before the one that failed. That stays.
  public struct Progress: Hashable, Sendable {
    public var lines = 0
    public var recorded = 0
    public var known = 0
    /// This node's own log up to what was written; nil if nothing was.
    public var clock: Clock?

    public init() {}
  }

  /// How far a view has come that is not ready yet, in records of the database.
  public struct CatchUp: Hashable, Sendable {
    public var done: UInt64
    public var left: UInt64
  }

  public var slug: Slug
  public var detail: String
  public var faults: [Fault]
  public var progress: Progress?
  public var catchUp: CatchUp?
  /// The members of the cluster that hold the database that isn't held here.
  public var holders: [Member] = []

  public init(_ slug: Slug, _ detail: String, faults: [Fault] = []) {
    self.slug = slug
    self.detail = detail
    self.faults = faults
  }
}

extension LaterbaseError.Slug {
  /// The HTTP status that it goes with.
  public var status: Int {
    switch self {
    case .notJSON, .badEvent, .badParameter, .notCommutative: 400
    case .forbiddenHost, .forbidden: 403
    case .noDatabase, .notFound: 404
    case .method: 405
    case .notAcceptable: 406
    case .taken, .unsynced, .clockNotHeld, .doesNotFollow: 409
    case .gone: 410
    case .unknownBase: 412
    case .tooLarge: 413
    case .uriTooLong: 414
    case .mediaType: 415
    case .headersTooLarge: 431
    case .refused: 422
    case .busy: 429
    case .behind, .notReady, .storage, .outcomeUnknown: 503
    case .diskFull: 507
    }
  }

  /// What it means, the same for every occurrence.
  public var title: String {
    switch self {
    case .notJSON: "The text is not JSON"
    case .badEvent: "This is not an event"
    case .badParameter: "A parameter is wrong"
    case .notCommutative: "The view's keys can't be joined"
    case .forbiddenHost: "This host name is not allowed"
    case .forbidden: "This is not allowed"
    case .noDatabase: "There is no such database"
    case .notFound: "There is nothing here"
    case .method: "This can't be done here"
    case .notAcceptable: "There is no such representation"
    case .taken: "The ULID belongs to another event"
    case .unsynced: "Events are held nowhere else"
    case .clockNotHeld: "This node doesn't hold that clock"
    case .gone: "This place is not here any more"
    case .doesNotFollow: "The records don't follow what is held"
    case .unknownBase: "The clock's base is not known here"
    case .tooLarge: "The request is too large"
    case .uriTooLong: "The URI is too long"
    case .mediaType: "The content type is not taken here"
    case .headersTooLarge: "The headers are too large"
    case .refused: "The event was refused"
    case .busy: "Too much waits already"
    case .behind: "This node is behind"
    case .notReady: "Not ready yet"
    case .storage: "The storage failed"
    case .outcomeUnknown: "The outcome is unknown"
    case .diskFull: "The disk is full"
    }
  }
}

extension LaterbaseError: CustomStringConvertible {
  public var description: String { ([detail] + faults.map { "\($0.pointer ?? ""): \($0.detail)" }).joined(separator: "\n") }
}

extension LaterbaseError {
  /// What a store's failure means for whoever asked.
  public init(_ error: StoreError) {
    let slug: Slug =
      switch error.code {
      case .diskFull: .diskFull
      case .storage, .inUse, .damaged, .format: .storage
      case .outcomeUnknown: .outcomeUnknown
      case .closed: .notReady
      case .busy: .busy
      case .refused: .refused
      }
    self.init(slug, error.message)
  }

  init(_ error: EventError) {
    let place = error.index.map { "event \($0), " } ?? ""
    let slug: Slug =
      switch error.kind {
      case .notJSON: .notJSON
      case .badEvent: .badEvent
      case .tooLarge, .tooMany: .tooLarge
      }
    self.init(slug, "\(error.detail) (\(place)byte \(error.offset))")
    if error.kind != .tooMany, error.index != nil || error.pointer != nil {
      faults = [Fault(index: error.index ?? 0, pointer: error.pointer, detail: error.detail)]
    }
  }
}
