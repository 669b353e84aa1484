import EventModel
import Laterbase

/// What a request for the changes feed says.
struct FeedCall: Sendable {
  enum Form: Sendable, Equatable {
    case page(ListForm)
    case longPoll(ListForm)
    case stream(FeedStream.Form)
  }

  let form: Form
  let clock: Clock
  /// 0: none.
  let limit: Int
  let bodies: Bool
  let filter: MemberFilter
  /// How long a long poll waits, and after how long with nothing to tell a stream ends.
  let timeout: Duration?
  /// How long a stream may be silent.
  let heartbeat: Duration
  let parameters: Parameters

  /// What the names of parameters that ask for a member's value begin with.
  static let memberPrefix = "where."

  /// - Throws: `bad-parameter` that names what is wrong; `not-acceptable`.
  init(_ parameters: Parameters, _ headers: Headers) throws(LaterbaseError) {
    self.parameters = parameters
    form = try Self.form(parameters.text("feed"), headers.accept)
    var isStream = false
    if case .stream = form { isStream = true }
    limit = try parameters.count("limit", default: isStream ? 0 : Frontend.limitStandard)
    bodies = try parameters.flag("bodies", default: true)
    filter = try Self.filter(parameters)
    timeout = parameters.contains("timeout") ? try parameters.timeout(default: .zero) : nil
    guard isStream || !parameters.contains("heartbeat") else {
      throw LaterbaseError(.badParameter, "heartbeat goes with feed=continuous and feed=eventsource")
    }
    heartbeat = try parameters.heartbeat()
    let given = try parameters.clock("lc")
    let last = form == .stream(.events) ? headers.lastEventID : nil
    clock = try last.map { (text) throws(LaterbaseError) in try Parameters.clock(text, "Last-Event-ID") } ?? given ?? Clock()
  }

  private static func form(_ feed: String?, _ accept: String?) throws(LaterbaseError) -> Form {
    switch feed {
    case nil, "normal": return .page(try Accepted.list(accept))
    case "longpoll": return .longPoll(try Accepted.list(accept))
    case "continuous":
      try Accepted.lines(accept)
      return .stream(.lines)
    case "eventsource":
      try Accepted.eventStream(accept)
      return .stream(.events)
    default: throw Parameters.wrong("feed", "normal, longpoll, continuous or eventsource")
    }
  }

  /// A value in a query matches a string of the same text, and the number, boolean or quoted string that the text is in JSON.
  private static func filter(_ parameters: Parameters) throws(LaterbaseError) -> MemberFilter {
    var filter = MemberFilter()
    if let type = parameters.text("type") { filter.require("type", oneOf: [JSON(type)]) }
    for (name, value) in parameters.named where name.hasPrefix(memberPrefix) {
      let member = String(name.dropFirst(memberPrefix.count))
      guard !member.isEmpty, !member.hasPrefix("_") else {
        throw LaterbaseError(.badParameter, "\(name) must name a member of the event's own: none that begins with _")
      }
      if member == "type", parameters.contains("type") { throw LaterbaseError(.badParameter, "type is asked for twice") }
      filter.require(member, oneOf: [JSON(value)] + (scalar(value).map { [$0] } ?? []))
    }
    guard filter.count <= MemberFilter.conditionsMax else {
      throw LaterbaseError(.badParameter, "more than \(MemberFilter.conditionsMax) members are asked for")
    }
    return filter
  }

  private static func scalar(_ text: String) -> JSON? {
    guard let value = try? JSON(parsing: Array(text.utf8)) else { return nil }
    return [.number, .boolean, .string].contains(value.kind) ? value : nil
  }
}

extension Parameters {
  /// Whether a list is asked for as a long poll.
  func isLongPoll() throws(LaterbaseError) -> Bool {
    switch text("feed") {
    case nil, "normal": return false
    case "longpoll": return true
    default: throw Self.wrong("feed", "normal or longpoll")
    }
  }

  /// A query's parameters and a body's members together.
  init(_ query: Substring?, _ object: JSON, known: [String], prefix: String? = nil) throws(LaterbaseError) {
    try self.init(query, known: known, prefix: prefix)
    for (name, value) in object.members ?? [] {
      guard known.contains(name) || prefix.map(name.hasPrefix) ?? false else {
        throw LaterbaseError(.badParameter, "there is no member \(name) here; there are: \(known.joined(separator: ", "))")
      }
      guard !contains(name) else { throw LaterbaseError(.badParameter, "\(name) is given twice") }
      switch value.kind {
      case .string: add(name, value.string ?? "")
      case .number, .boolean: add(name, value.description)
      case .null: break
      case .array, .object: throw Self.wrong(name, "a plain value")
      }
    }
  }
}
