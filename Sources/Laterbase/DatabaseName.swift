import Replication

/// What a database or a view may be called.
package enum DatabaseName {
  /// Names that would hide a path of the HTTP interface.
  package static let reserved: Set<String> = ["db", "nodes", "health", "ready", "metrics", "openapi.json", "session"]

  /// Whether it is `[a-z][a-z0-9_-]{0,63}` and not reserved.
  package static func isLegal(_ name: String) -> Bool { isWellFormed(name, first: isLetter) && !reserved.contains(name) }

  /// Whether it is one of the system's: as a legal one, but beginning with `_`.
  package static func isSystem(_ name: String) -> Bool { isWellFormed(name, first: { $0 == UInt8(ascii: "_") }) }

  /// Whether nodes share a database of this name: a legal one, or the membership.
  package static func isShared(_ name: String) -> Bool { isLegal(name) || name == NodesDatabase.name }

  private static func isLetter(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }

  private static func isWellFormed(_ name: String, first: (UInt8) -> Bool) -> Bool {
    guard let head = name.utf8.first, first(head), name.utf8.count <= 64 else { return false }
    return name.utf8.allSatisfy { isLetter($0) || ($0 >= 0x30 && $0 <= 0x39) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
  }
}
