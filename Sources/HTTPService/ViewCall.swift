import EventModel
import Laterbase
import Replication
import ViewEngine
import ViewKit

/// A read of a view as a request asks for it: its parameters, each checked, and all of them together.
struct ViewCall: Sendable {
  let form: ListForm
  let parameters: Parameters
  let update: ViewUpdate
  let timeout: Duration
  let level: Consistency
  /// The key of `key`.
  private let key: JSON?
  /// Without what was known: that takes the database.
  private var query = ViewQuery()
  private let known: [TimeTravel.Known]

  private static let keyNames = ["key", "keys", "startkey", "endkey", "inclusive_end", "prefix"]
  private static let names =
    keyNames + [
      "descending", "limit", "skip", "cursor", "group", "group_level", "reduce", "include_events", "as_of", "between", "known_at",
      "held_at", "update", "timeout", "consistency", "at_least",
    ]

  init(_ call: Call, _ options: ServerOptions) throws(LaterbaseError) {
    form = try Accepted.list(call.headers.accept)
    parameters = try Parameters(call.query, known: Self.names)
    update = try parameters.update()
    timeout = try parameters.timeout(default: options.viewTimeout)
    level = try parameters.consistency(default: options.readConsistency)
    key = try parameters.json("key")
    known = try parameters.known()
    (query.happenedFrom, query.happenedBefore) = try parameters.happened()
    query.shape = try parameters.shape()
    query.keys = try keys()
    query.descending = try parameters.flag("descending", default: false)
    query.skip = try parameters.count("skip", default: 0)
    query.limit = try parameters.count("limit", default: 1000)
    query.cursor = try cursor()
  }

  /// Of a feed of the view, which only says which keys it is of.
  init(keysOf parameters: Parameters, _ options: ServerOptions) throws(LaterbaseError) {
    (form, update, timeout, level, known) = (.lines, .first, options.viewTimeout, options.readConsistency, [])
    self.parameters = parameters
    key = try parameters.json("key")
    query.keys = try keys()
  }

  /// Which keys are asked for.
  var allKeys: ViewQuery { query }

  /// The query at a database.
  func query(of database: OpenedDatabase) throws(LaterbaseError) -> ViewQuery {
    var query = query
    for known in known {
      let clock = try database.clock(of: known)
      query.known = query.known.map { $0.common(with: clock) } ?? clock
    }
    return query
  }

  /// The key, in its bytes and as the answer shows it, if the request asks for one key's value as it is now, and nothing else.
  var oneKey: AskedKey? {
    guard let key, case .these(let keys) = query.keys, keys.count == 1, query.shape == .values, case .first = update, known.isEmpty,
      query.happenedFrom == nil, query.happenedBefore == nil, query.skip == 0, query.cursor == nil
    else { return nil }
    return AskedKey(bytes: keys[0], json: key)
  }

  private mutating func keys() throws(LaterbaseError) -> ViewQuery.Keys {
    if let one = parameters.first(of: ["key", "keys"]), let other = parameters.first(of: Self.keyNames.filter { $0 != one }) {
      throw LaterbaseError(.badParameter, "\(other) can't be given together with \(one)")
    }
    if let start = try parameters.json("startkey") {
      query.start = try Self.bytes("startkey") { () throws(KeyError) in try KeyBytes.bound(start) }
    }
    if let end = try parameters.json("endkey") { query.end = try Self.bytes("endkey") { () throws(KeyError) in try KeyBytes.bound(end) } }
    if let prefix = try parameters.json("prefix") {
      query.prefix = try Self.bytes("prefix") { () throws(KeyError) in try ViewQuery.prefix(of: prefix) }
    }
    query.inclusiveEnd = try parameters.flag("inclusive_end", default: true)
    if let key { return .these([try Self.bytes("key") { () throws(KeyError) in try KeyBytes.bytes(of: key) }]) }
    guard let list = try parameters.json("keys") else { return .all }
    guard let elements = list.elements else { throw Parameters.wrong("keys", "a JSON array of keys") }
    var keys: [[UInt8]] = []
    for key in elements { keys.append(try Self.bytes("keys") { () throws(KeyError) in try KeyBytes.bytes(of: key) }) }
    return .these(keys)
  }

  private static func bytes(_ name: String, _ body: () throws(KeyError) -> [UInt8]) throws(LaterbaseError) -> [UInt8] {
    do throws(KeyError) { return try body() } catch { throw Parameters.wrong(name, "a key: \(error)") }
  }

  private func cursor() throws(LaterbaseError) -> [UInt8]? {
    guard let text = parameters.text("cursor") else { return nil }
    guard let bytes = Base64URL.decode([UInt8](text.utf8).raw), query.takes(cursor: bytes) else {
      throw Parameters.wrong("cursor", "a cursor that a page of the same query gave out")
    }
    return bytes
  }
}

// MARK: Parameters
extension Parameters {
  fileprivate func json(_ name: String) throws(LaterbaseError) -> JSON? {
    guard let text = text(name) else { return nil }
    do throws(JSONError) { return try JSON(parsing: [UInt8](text.utf8)) } catch {
      throw Self.wrong(name, "JSON, a string in quotes: \(name)=\"HAM\"")
    }
  }

  fileprivate func update() throws(LaterbaseError) -> ViewUpdate {
    switch text("update") {
    case nil, "true": return .first
    case "false": return .no
    case "lazy": return .lazy
    default: throw Self.wrong("update", "true, false or lazy")
    }
  }

  /// What `group`, `group_level`, `reduce` and `include_events` ask for.
  fileprivate func shape() throws(LaterbaseError) -> ViewQuery.Shape {
    let reduces = try flag("reduce", default: true)
    let events = try flag("include_events", default: false)
    let groups = try flag("group", default: true)
    let level = try count("group_level", default: 0)
    if reduces, events { throw LaterbaseError(.badParameter, "include_events takes reduce=false: a joined row is of many events") }
    if let group = first(of: ["group", "group_level"]) {
      if !reduces { throw LaterbaseError(.badParameter, "\(group) can't be given together with reduce=false") }
      if contains("group"), contains("group_level") {
        throw LaterbaseError(.badParameter, "group can't be given together with group_level")
      }
    }
    if !reduces { return .rows(events: events) }
    return contains("group_level") || !groups ? .joined(level: level) : .values
  }

  /// What `as_of` and `between` ask for: happened from, happened before.
  fileprivate func happened() throws(LaterbaseError) -> (from: Instant?, before: Instant?) {
    // Its own millisecond is included.
    let before = try instant("as_of").map { $0.adding(milliseconds: 1) }
    guard let text = text("between") else { return (nil, before) }
    let bounds = text.split(separator: ",", omittingEmptySubsequences: false).map { Instant(rfc3339: String($0)) }
    guard bounds.count == 2, let from = bounds[0], let to = bounds[1], from <= to else {
      throw Self.wrong("between", "<from>,<to>: two times of RFC 3339 with offsets, the first one included, the second, not before it, not")
    }
    return (from, before.map { min($0, to) } ?? to)
  }

  /// What `known_at` and `held_at` ask for: both, if both are given.
  fileprivate func known() throws(LaterbaseError) -> [TimeTravel.Known] {
    var known: [TimeTravel.Known] = []
    if let text = text("known_at") {
      if let instant = Instant(rfc3339: text) {
        known.append(.recordedBy(instant))
      } else if let clock = text == "0" ? Clock() : Clock(token: text) {
        known.append(.exactly(clock))
      } else {
        throw Self.wrong("known_at", "a time of RFC 3339 with an offset, 1970 to 9999, or a clock that a node gave out")
      }
    }
    if let instant = try instant("held_at") { known.append(.heldAt(instant)) }
    return known
  }
}
