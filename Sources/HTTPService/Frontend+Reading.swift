import EventModel
import EventStore
import HummingbirdCore
import Laterbase
import NIOCore

extension Frontend {
  /// The parameters of each shape of `GET /db/{db}/e`, and those of all.
  private static let shapes: [(name: String, parameters: [String])] = [
    ("keys", ["keys"]), ("key", ["key", "at"]), ("range", ["from", "to", "cursor", "descending", "limit"]),
    ("feed", feedParameters),
  ]
  static let everywhere = ["bodies", "consistency", "at_least", "timeout"]
  /// Keys that a URL, and a body, may name.
  private static let keysMax = 250
  private static let readKeysMax = 10_000
  static let limitStandard = 1000

  /// `GET /db/{db}/e` in its four shapes.
  func events(_ name: String, _ call: Call) async throws(LaterbaseError) -> Answer {
    let known = Self.shapes.flatMap(\.parameters) + Self.everywhere
    let parameters = try Parameters(call.query, known: known, prefix: FeedCall.memberPrefix)
    let given = parameters.named.map { $0.name.hasPrefix(FeedCall.memberPrefix) ? FeedCall.memberPrefix : $0.name }
    let shape = Self.shapes.first { shape in shape.parameters.contains { $0 != "limit" && given.contains($0) } } ?? Self.shapes[3]
    for (other, name) in zip(parameters.named, given) where !(shape.parameters + Self.everywhere).contains(name) {
      throw LaterbaseError(
        .badParameter, "\(other.name) can't be given together with \(parameters.first(of: shape.parameters) ?? shape.name)")
    }
    if shape.name == "feed" { return try await feed(name, try FeedCall(parameters, call.headers), call) }
    let form = try Accepted.list(call.headers.accept)
    let database = try await opened(name)
    let bodies = try parameters.flag("bodies", default: true)
    switch shape.name {
    case "keys":
      let keys = try Self.keys(parameters.text("keys") ?? "")
      try await wait(for: database, parameters)
      return try answer(KeysReader(database, keys, form: form, bodies: bodies), of: database, form, Self.writeMissing)
    case "key":
      let key = try Self.externalKey(parameters)
      try await wait(for: database, parameters)
      return try answer(KeysReader(database, [key], form: form, bodies: bodies), of: database, form) { Self.writeCursor(nil, to: &$1) }
    default:
      let bounds = try Self.bounds(parameters)
      let limit = try parameters.count("limit", default: Self.limitStandard)
      try await wait(for: database, parameters)
      return try answer(RangeReader(database, bounds, limit: limit, form: form, bodies: bodies), of: database, form) {
        Self.writeCursor($0.cursor, to: &$1)
      }
    }
  }

  // MARK: keys

  /// `POST /db/{db}/e/_read`.
  func read(_ name: String, _ call: Call, _ body: RequestBody) async throws(LaterbaseError) -> Answer {
    let form = try Accepted.list(call.headers.accept)
    let parameters = try Parameters(call.query, known: Self.everywhere)
    let bodies = try parameters.flag("bodies", default: true)
    let keys = try Self.keys(try await object(body, call, bytesMax: 1 << 20))
    let database = try await opened(name)
    try await wait(for: database, parameters)
    return try answer(KeysReader(database, keys, form: form, bodies: bodies), of: database, form, Self.writeMissing)
  }

  static func keys(_ object: JSON) throws(LaterbaseError) -> [ULID] {
    guard let list = object["keys"]?.elements else { throw LaterbaseError(.badParameter, "the body must be {\"keys\":[…]}") }
    if let members = object.members, members.count > 1 {
      throw LaterbaseError(.badParameter, "there is no member \(members.first { $0.name != "keys" }?.name ?? "") here, only keys")
    }
    guard list.count <= readKeysMax else { throw LaterbaseError(.tooLarge, "more than \(readKeysMax) keys") }
    var keys: [ULID] = []
    keys.reserveCapacity(list.count)
    for element in list {
      let raw = element.raw
      guard raw.byteCount == 28, let key = ULID(text: raw.extracting(1..<27)) else {
        throw Parameters.wrong("keys", "an array of ULIDs: the one at \(keys.count) is none")
      }
      keys.append(key)
    }
    return keys
  }

  private static func keys(_ text: String) throws(LaterbaseError) -> [ULID] {
    var keys: [ULID] = []
    if text.isEmpty { return [] }
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let key = ULID(String(part)) else {
        throw Parameters.wrong("keys", "ULIDs separated by commas: the one at \(keys.count) is none")
      }
      keys.append(key)
    }
    guard keys.count <= keysMax else {
      throw Parameters.wrong("keys", "at most \(keysMax) ULIDs; POST /db/{db}/e/_read takes \(readKeysMax)")
    }
    return keys
  }

  private static func externalKey(_ parameters: Parameters) throws(LaterbaseError) -> ULID {
    guard let key = parameters.text("key"), key.utf8.count <= ParsedEvent.keyBytesMax else {
      throw Parameters.wrong("key", "an external key of at most \(ParsedEvent.keyBytesMax) bytes")
    }
    guard let at = try parameters.instant("at") else { throw Parameters.wrong("at", "the time of happening that goes with the key") }
    return ULID(at: at, externalKey: [UInt8](key.utf8))
  }

  // MARK: range

  private static func bounds(_ parameters: Parameters) throws(LaterbaseError) -> RangeReader.Bounds {
    var bounds = RangeReader.Bounds()
    bounds.from = try parameters.instant("from")
    bounds.to = try parameters.instant("to")
    bounds.descending = try parameters.flag("descending", default: false)
    if let text = parameters.text("cursor") {
      guard let bytes = Base64URL.decode([UInt8](text.utf8).raw), let cursor = ElementID(key: bytes.raw) else {
        throw Parameters.wrong("cursor", "a cursor that a page gave out")
      }
      bounds.cursor = cursor
    }
    return bounds
  }
}
