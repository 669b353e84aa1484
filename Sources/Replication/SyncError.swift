/// Why two nodes could not exchange what they hold. Whatever was merged before stays; the next exchange goes on from there.
public struct SyncError: Error, Sendable {
  public enum Code: Sendable, Hashable {
    /// The peer doesn't answer, or stopped in the middle.
    case unreachable
    /// The peer doesn't hold the database.
    case notHeld
    /// The peer doesn't talk to this node: another cluster, or a host name that it doesn't take.
    case forbidden
    /// Records that don't fit what is held: altered, a hole, a fork, or another database's.
    case refused
    /// The peer doesn't know the clock that the request's clock is said by; whole it may be repeated.
    case unknownBase
    /// What came is not the protocol.
    case malformed
    /// The node itself could not: its disk, or too much waits.
    case failed
    /// Nobody waits for the outcome any more.
    case cancelled
  }

  public let code: Code
  /// What happened, for a person, with origin and n where there are any. Never a body or a key.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}

extension SyncError: CustomStringConvertible {
  public var description: String { message }
}
