import Laterbase

/// What a path names.
enum Route: Sendable, Equatable {
  case root
  case health
  case ready
  case databases
  case database(String)
  case events(String)
  case feed(String)
  case read(String)
  case event(String, String)
  case views(String)
  case view(String, String)
  case skipped(String, String)
  case restatements(String, String)
  case clock(String)
  case verify(String)
  case pull(String)
  case log(String)
  case nodes
  case node(String)

  /// - Returns: nil if the path names nothing.
  init?(path: Substring) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).map { $0.percentDecoded }
    guard parts.count >= 2, parts[0]?.isEmpty == true, let first = parts[1] else { return nil }
    let rest = parts.dropFirst(2).compactMap(\.self)
    guard rest.count == parts.count - 2, !rest.contains("") else { return nil }
    switch (first, rest.count) {
    case ("", 0): self = .root
    case ("health", 0): self = .health
    case ("ready", 0): self = .ready
    case ("nodes", 0): self = .nodes
    case ("nodes", 1): self = .node(rest[0])
    case ("db", 0): self = .databases
    case ("db", 1): self = .database(rest[0])
    case ("db", 2) where rest[1] == "e": self = .events(rest[0])
    case ("db", 2) where rest[1] == "v": self = .views(rest[0])
    case ("db", 2) where rest[1] == "clock": self = .clock(rest[0])
    case ("db", 2) where rest[1] == "verify": self = .verify(rest[0])
    case ("db", 2) where rest[1] == "pull": self = .pull(rest[0])
    case ("db", 2) where rest[1] == "log": self = .log(rest[0])
    case ("db", 3) where rest[1] == "e" && rest[2] == "_feed": self = .feed(rest[0])
    case ("db", 3) where rest[1] == "e" && rest[2] == "_read": self = .read(rest[0])
    case ("db", 3) where rest[1] == "e": self = .event(rest[0], rest[2])
    case ("db", 3) where rest[1] == "v": self = .view(rest[0], rest[2])
    case ("db", 4) where rest[1] == "v" && rest[3] == "_errors": self = .skipped(rest[0], rest[2])
    case ("db", 4) where rest[1] == "v" && rest[3] == "_restatements": self = .restatements(rest[0], rest[2])
    case (let database, 1) where !DatabaseName.reserved.contains(database): self = .view(database, rest[0])
    default: return nil
    }
  }

  /// The methods that it takes, without HEAD and OPTIONS.
  var methods: [Call.Method] {
    switch self {
    case .root, .health, .ready, .databases, .event, .views, .skipped, .restatements, .clock, .verify: [.get]
    case .view: [.get, .put, .delete]
    case .database: [.get, .put, .post, .delete]
    case .events, .nodes: [.get, .post]
    case .node: [.delete]
    case .feed, .read, .pull, .log: [.post]
    }
  }

  /// Those that it takes where it stands: the short form of a view's path is for reading.
  func methods(at path: Substring) -> [Call.Method] {
    if case .view = self, !path.hasPrefix("/db/") { return [.get] }
    return methods
  }

  /// What `Allow` says of it.
  func allow(at path: Substring) -> String {
    (methods(at: path).flatMap { $0 == .get ? [$0, .head] : [$0] } + [.options]).map(\.rawValue).joined(separator: ", ")
  }

  /// The database that it is in.
  var database: String? {
    switch self {
    case .root, .health, .ready, .databases, .nodes, .node: nil
    case .database(let name), .events(let name), .feed(let name), .read(let name), .views(let name): name
    case .event(let name, _), .view(let name, _), .skipped(let name, _), .restatements(let name, _): name
    case .clock(let name), .verify(let name), .pull(let name), .log(let name): name
    }
  }
}

extension Substring {
  /// The text with `%xx` decoded; nil if it has a `%` without two hex digits, or isn't UTF-8 then.
  var percentDecoded: String? {
    guard utf8.contains(UInt8(ascii: "%")) else { return String(self) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(utf8.count)
    var rest = utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = rest.popFirst()?.hexDigit, let low = rest.popFirst()?.hexDigit else { return nil }
      bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}

extension UInt8 {
  fileprivate var hexDigit: UInt8? {
    switch self {
    case 0x30...0x39: self - 0x30
    case 0x41...0x46: self - 0x37
    case 0x61...0x66: self - 0x57
    default: nil
    }
  }
}
