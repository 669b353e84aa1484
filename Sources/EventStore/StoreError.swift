/// Why a store could not do what it was asked. In every case but `outcomeUnknown` nothing of the transaction was written.
public struct StoreError: Error, Sendable {
  public enum Code: Sendable, Hashable {
    /// Too little room on the disk; nothing was tried, or the transaction was undone. Reads go on.
    case diskFull
    /// The disk or the system refused. Nothing was written.
    case storage
    /// The commit failed in its last step: it may be on disk or not. The store has been opened anew.
    case outcomeUnknown
    /// Another process has the data folder.
    case inUse
    /// What is on disk is not what was written.
    case damaged
    /// The storage is of another format, or of another database.
    case format
    /// The store, or its database, was closed or removed.
    case closed
    /// Too much waits already, or too many readers are open.
    case busy
    /// A foreign record that does not fit: a hole, a fork, another database's, altered, or malformed.
    case refused
  }

  public let code: Code
  /// What happened, for a person, with the place (file, origin and n) where there is one. Never a body or a key.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}

extension StoreError: CustomStringConvertible {
  public var description: String { "\(code): \(message)" }
}
