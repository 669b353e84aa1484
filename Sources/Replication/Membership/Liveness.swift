public import EventModel

/// When this node last heard from each other one. It is local: others may hear more, or less.
public struct Liveness: Sendable {
  public enum State: String, Sendable {
    case live
    /// The last try failed, or it has been quiet for long.
    case suspect
    /// Not heard from for so long that nobody should wait for it.
    case down
  }

  private struct Contact {
    var heard: Instant?
    /// The last try failed, and it wasn't heard from since.
    var isFailing = false
  }

  /// Who answers is heard from at least once a minute: each long poll ends after 30 s.
  static let quietMaxMilliseconds: Int64 = 100_000
  static let downAfterMilliseconds: Int64 = 300_000

  private var contacts: [Origin: Contact] = [:]
  private let began: Instant

  /// - Parameter began: when this node began to listen: nobody is down before it had the time to be heard.
  public init(began: Instant) { self.began = began }

  public mutating func heard(_ node: Origin, at now: Instant) { contacts[node] = Contact(heard: now) }

  public mutating func failed(_ node: Origin) { contacts[node, default: Contact()].isFailing = true }

  public mutating func forget(_ node: Origin) { contacts[node] = nil }

  /// Nil: not since this node runs.
  public func lastHeard(_ node: Origin) -> Instant? { contacts[node]?.heard }

  public func state(of node: Origin, at now: Instant) -> State {
    let contact = contacts[node]
    let quiet = now.milliseconds - (contact?.heard ?? began).milliseconds
    if quiet > Self.downAfterMilliseconds { return .down }
    guard let contact, contact.heard != nil, !contact.isFailing, quiet <= Self.quietMaxMilliseconds else { return .suspect }
    return .live
  }
}
