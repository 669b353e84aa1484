/// JSON pointers (RFC 6901): the places that problem documents name.
public enum JSONPointer {
  /// The pointer to a coding path: `/list/3/name`; the whole value is the empty string.
  public static func text(_ path: [any CodingKey]) -> String {
    path.map { "/" + escaped($0.stringValue) }.joined()
  }

  /// One member's name within a pointer: `~` is `~0`, `/` is `~1`.
  public static func escaped(_ name: String) -> String {
    guard name.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return name }
    var text = ""
    for character in name.unicodeScalars {
      switch character {
      case "~": text += "~0"
      case "/": text += "~1"
      default: text.unicodeScalars.append(character)
      }
    }
    return text
  }
}

extension DecodingError {
  /// Where the value doesn't fit its type. A missing member is named as if it were there.
  public var pointer: String {
    switch self {
    case .keyNotFound(let key, let context): JSONPointer.text(context.codingPath + [key])
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      JSONPointer.text(context.codingPath)
    @unknown default: ""
    }
  }

  /// What is wrong there, in one line.
  public var detail: String {
    switch self {
    case .keyNotFound: "is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context): context.debugDescription
    @unknown default: "\(self)"
    }
  }
}
