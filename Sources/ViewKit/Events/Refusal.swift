import EventModel

/// Why an event is refused: 422, and a JSON pointer into its body.
public struct Refusal: Error, Sendable, Equatable {
  /// RFC 6901; empty: the whole body.
  public let pointer: String
  /// What is wrong there, in one line.
  public let detail: String

  public init(_ pointer: String, _ detail: String) { (self.pointer, self.detail) = (pointer, detail) }

  /// What any error says of an event: a `Refusal` itself, the place of a `DecodingError`, else the error's description.
  public init(_ error: any Error) {
    switch error {
    case let refusal as Refusal: self = refusal
    case let error as DecodingError: self.init(error.pointer, error.detail)
    default: self.init("", "\(error)")
    }
  }
}

extension Refusal: CustomStringConvertible {
  public var description: String { pointer.isEmpty ? detail : "\(pointer): \(detail)" }
}
