/// What a node says of itself to one that it joins, and what that one answers.
public struct Introduction: Hashable, Sendable {
  /// The name that keeps strangers apart.
  public var cluster: String
  public var member: Member
  /// The greatest revision of what it had said in the membership by then: what it said later, a leaving for one, has a greater one. 0: it
  /// doesn't say.
  public var revision: UInt64

  /// Longest texts, in bytes of UTF-8: what is longer is no introduction.
  public static let nameBytesMax = 255
  public static let addressBytesMax = 2048

  public init(cluster: String, _ member: Member, revision: UInt64 = 0) {
    self.cluster = cluster
    self.member = member
    self.revision = revision
  }

  /// Whether a text may be an address: others are not called, whoever names them.
  public static func isURL(_ address: String) -> Bool { address.hasPrefix("http://") || address.hasPrefix("https://") }

  /// What is wrong with it, in words that end a sentence; nil: nothing.
  public var fault: String? {
    for (what, text) in [("cluster", cluster), ("name", member.name), ("region", member.region)] where text.utf8.count > Self.nameBytesMax {
      return "\(what) must be at most \(Self.nameBytesMax) bytes"
    }
    if cluster.isEmpty { return "cluster must not be empty" }
    if member.region.isEmpty { return "region must not be empty" }
    guard let address = member.address else { return nil }
    if !Self.isURL(address) { return "address must begin with http:// or https://" }
    return address.utf8.count > Self.addressBytesMax ? "address must be at most \(Self.addressBytesMax) bytes" : nil
  }
}
