/// The URL of a node, `http://host:port`, as somebody said it: hostile until it was looked at.
public enum PeerURL {
  /// What is wrong with a text, in words that end a sentence; nil: it may be called.
  public static func fault(_ text: String) -> String? {
    guard text.utf8.count <= Introduction.addressBytesMax else { return "url must be at most \(Introduction.addressBytesMax) bytes" }
    guard let scheme = ["http://", "https://"].first(where: text.hasPrefix) else { return "url must begin with http:// or https://" }
    let rest = text.dropFirst(scheme.count)
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !rest.contains(where: { "?#@\\".contains($0) }) else {
      return "url must be a server's: http://host:port, without a user, a query or a fragment"
    }
    guard let host = rest.split(separator: "/", omittingEmptySubsequences: false).first, !host.isEmpty, host.first != ":" else {
      return "url names no host"
    }
    return nil
  }

  /// The text without slashes at its end.
  public static func trimmed(_ text: String) -> String {
    var text = text[...]
    while text.last == "/" { text.removeLast() }
    return String(text)
  }
}
