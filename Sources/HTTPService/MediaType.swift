import Laterbase

/// A content type: what a body is, and its parameters.
struct MediaType: Equatable, Sendable {
  /// `type/subtype`, lower case.
  var essence: String
  var parameters: [(name: String, value: String)] = []

  static let json = "application/json"
  static let ndjson = "application/x-ndjson"
  static let eventStream = "text/event-stream"
  static let records = "application/vnd.laterbase.records"
  static let problem = "application/problem+json"

  /// - Returns: nil if it has not the form of one.
  init?(_ text: String) {
    let parts = text.split(separator: ";", omittingEmptySubsequences: false).map { $0.trimmed }
    guard let essence = parts.first?.lowercased(), essence.utf8.filter({ $0 == UInt8(ascii: "/") }).count == 1, !essence.contains(" ")
    else { return nil }
    self.essence = essence
    for part in parts.dropFirst() where !part.isEmpty {
      guard let sign = part.firstIndex(of: "=") else { return nil }
      var value = part[part.index(after: sign)...].trimmed
      if value.count >= 2, value.hasPrefix("\""), value.hasSuffix("\"") { value = value.dropFirst().dropLast() }
      parameters.append((part[..<sign].trimmed.lowercased(), value.lowercased()))
    }
  }

  static func == (a: MediaType, b: MediaType) -> Bool { a.essence == b.essence && a.parameters.elementsEqual(b.parameters, by: ==) }

  /// What a request's body is, one of the types taken.
  /// - Parameter encodings: those that are taken beside none.
  /// - Throws: `media-type`, naming the header to add.
  static func ofRequest(_ headers: Headers, taken: [String], encodings: [String] = []) throws(LaterbaseError) -> String {
    if let encoding = headers.contentEncoding?.lowercased(), encoding != "identity", !encodings.contains(encoding) {
      throw LaterbaseError(.mediaType, "a body with Content-Encoding: \(encoding) is not taken; send it as it is")
    }
    guard let text = headers.contentType else {
      throw LaterbaseError(.mediaType, "the body has no content type; add the header Content-Type: \(taken.joined(separator: ", or "))")
    }
    if taken.contains(text) { return text }
    guard let type = MediaType(text), taken.contains(type.essence) else {
      throw LaterbaseError(.mediaType, "\(text) is not taken here; add the header Content-Type: \(taken.joined(separator: ", or "))")
    }
    guard type.parameters.allSatisfy({ $0 == ("charset", "utf-8") }) else {
      throw LaterbaseError(.mediaType, "\(text) has a parameter that is not taken; send the header Content-Type: \(type.essence)")
    }
    return type.essence
  }
}

extension Substring {
  /// Without spaces and tabs around it.
  var trimmed: Substring {
    let start = drop { $0 == " " || $0 == "\t" }
    guard let end = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
    return start[...end]
  }
}

/// What a client wants to be answered with.
enum Accepted {
  /// The form of a list's answer.
  static func list(_ accept: String?) throws(LaterbaseError) -> ListForm {
    switch accept {
    case nil, "*/*", MediaType.json: return .array
    case MediaType.ndjson: return .lines
    case let accept?:
      guard let type = best(accept, of: [MediaType.json, MediaType.ndjson]) else {
        throw LaterbaseError(.notAcceptable, "there is application/json and application/x-ndjson here, not \(accept)")
      }
      return type == MediaType.json ? .array : .lines
    }
  }

  /// Refuses a client that doesn't take JSON.
  static func json(_ accept: String?) throws(LaterbaseError) {
    switch accept {
    case nil, "*/*", MediaType.json: return
    case let accept?:
      if best(accept, of: [MediaType.json]) == nil {
        throw LaterbaseError(.notAcceptable, "there is only application/json here, not \(accept)")
      }
    }
  }

  /// Refuses a client that doesn't take lines of JSON.
  static func lines(_ accept: String?) throws(LaterbaseError) {
    if let accept, best(accept, of: [MediaType.ndjson]) == nil {
      throw LaterbaseError(.notAcceptable, "there is only application/x-ndjson here, not \(accept)")
    }
  }

  /// Refuses a client that doesn't take server-sent events.
  static func eventStream(_ accept: String?) throws(LaterbaseError) {
    if let accept, best(accept, of: [MediaType.eventStream]) == nil {
      throw LaterbaseError(.notAcceptable, "there is only text/event-stream here, not \(accept)")
    }
  }

  /// The type with the highest quality, of equal ones that which is named first; nil if none is wanted (RFC 9110, section 12.5.1).
  private static func best(_ accept: String, of types: [String]) -> String? {
    let ranges = accept.split(separator: ",").compactMap { MediaType(String($0.trimmed)) }
    var best: (type: String, quality: Double, place: Int)?
    for type in types {
      let main = type.prefix { $0 != "/" } + "/*"
      let matching = ranges.enumerated().filter { [type, String(main), "*/*"].contains($0.element.essence) }
      let exactness = { (range: MediaType) in range.essence == type ? 2 : range.essence == "*/*" ? 0 : 1 }
      guard let match = matching.max(by: { exactness($0.element) < exactness($1.element) }) else { continue }
      let quality = match.element.parameters.first { $0.name == "q" }.map { Double($0.value) ?? 0 } ?? 1
      guard quality > 0 else { continue }
      if let found = best, (found.quality, -found.place) >= (quality, -match.offset) { continue }
      best = (type, quality, match.offset)
    }
    return best?.type
  }
}
