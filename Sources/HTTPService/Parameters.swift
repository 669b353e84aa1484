import EventModel
import Laterbase
import Replication

/// A query's parameters, read strictly: unknown ones, repeated ones, and values of a wrong form are refused by name.
struct Parameters: Sendable {
  private var pairs: [(name: String, value: String)] = []

  /// All that are given.
  var named: [(name: String, value: String)] { pairs }

  init() {}

  /// - Parameters:
  ///   - query: what follows the question mark. Empty pairs are skipped; a plus sign is a plus sign.
  ///   - known: the names that the request may have.
  ///   - prefix: what further names that it may have begin with.
  init(_ query: Substring?, known: [String], prefix: String? = nil) throws(LaterbaseError) {
    guard let query, !query.isEmpty else { return }
    for pair in query.split(separator: "&") {
      let sign = pair.utf8.firstIndex(of: UInt8(ascii: "="))
      guard let name = pair[..<(sign ?? pair.endIndex)].percentDecoded else {
        throw LaterbaseError(.badParameter, "a parameter's name is not percent-encoded UTF-8")
      }
      guard known.contains(name) || prefix.map(name.hasPrefix) ?? false else {
        let all = known + (prefix.map { ["\($0)…"] } ?? [])
        throw LaterbaseError(
          .badParameter,
          "there is no parameter \(name) here; \(all.isEmpty ? "there are none" : "there are: " + all.joined(separator: ", "))")
      }
      guard !pairs.contains(where: { $0.name == name }) else { throw LaterbaseError(.badParameter, "\(name) is given twice") }
      guard let value = (sign.map { pair[pair.index(after: $0)...] } ?? "").percentDecoded else {
        throw Self.wrong(name, "percent-encoded UTF-8")
      }
      pairs.append((name, value))
    }
  }

  static func wrong(_ name: String, _ expected: String) -> LaterbaseError {
    LaterbaseError(.badParameter, "\(name) must be \(expected)")
  }

  mutating func add(_ name: String, _ value: String) { pairs.append((name, value)) }

  func contains(_ name: String) -> Bool { text(name) != nil }

  func text(_ name: String) -> String? { pairs.first { $0.name == name }?.value }

  /// The first of the names that is given.
  func first(of names: [String]) -> String? { names.first { contains($0) } }

  func flag(_ name: String, default standard: Bool) throws(LaterbaseError) -> Bool {
    switch text(name) {
    case nil: return standard
    case "true": return true
    case "false": return false
    default: throw Self.wrong(name, "true or false")
    }
  }

  /// A whole number, 0 or more.
  func count(_ name: String, default standard: Int) throws(LaterbaseError) -> Int {
    guard let text = text(name) else { return standard }
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let count = Int(text) else {
      throw Self.wrong(name, "a whole number, 0 or more")
    }
    return count
  }

  func clock(_ name: String) throws(LaterbaseError) -> Clock? {
    guard let text = text(name) else { return nil }
    return try Self.clock(text, name)
  }

  /// A clock's token; `0` and nothing are the empty clock.
  static func clock(_ text: String, _ name: String) throws(LaterbaseError) -> Clock {
    if text.isEmpty || text == "0" { return Clock() }
    guard let clock = Clock(token: text) else { throw wrong(name, "a clock that a node gave out") }
    return clock
  }

  func instant(_ name: String) throws(LaterbaseError) -> Instant? {
    guard let text = text(name) else { return nil }
    guard let instant = Instant(rfc3339: text) else { throw Self.wrong(name, "a time of RFC 3339 with an offset, 1970 to 9999") }
    return instant
  }

  /// `500ms`, `10s`, `2m`, `26h`, `90d`, up to five minutes.
  func timeout(default standard: Duration) throws(LaterbaseError) -> Duration {
    guard let text = text("timeout") else { return standard }
    guard let duration = Duration(text: text), duration <= .seconds(300) else {
      throw Self.wrong("timeout", "a duration as 500ms, 10s or 2m, at most 5m")
    }
    return duration
  }

  func consistency(default standard: Consistency) throws(LaterbaseError) -> Consistency {
    guard let text = text("consistency") else { return standard }
    guard let level = Consistency(rawValue: text) else {
      throw Self.wrong("consistency", "one of: " + Consistency.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return level
  }
}

extension Duration {
  /// Reads `500ms`, `10s`, `2m`, `26h` or `90d`.
  init?(text: String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let count = Int64(digits), count <= 1_000_000_000 else { return nil }
    switch text[digits.endIndex...] {
    case "ms": self = .milliseconds(count)
    case "s": self = .seconds(count)
    case "m": self = .seconds(count * 60)
    case "h": self = .seconds(count * 3600)
    case "d": self = .seconds(count * 86_400)
    default: return nil
    }
  }
}
