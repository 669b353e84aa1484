public import EventModel

/// What a database's events decode to, once for all of its views. Encoded with sorted keys.
///
/// A plain `struct Scan: EventType, Codable` is enough; everything here has a default.
public protocol EventType: Encodable, Sendable {
  /// How each (type, version) ever written is read, first match wins: upcasting is here. Default for a Decodable type: any body, as
  /// the type itself.
  @ReadingsBuilder<Self> static var readings: [Reading<Self>] { get }

  /// When it happened, if the body says so; else the envelope's `_at`, else now. Asked at the recording node only. Default nil.
  var happenedAt: Instant? { get }

  /// The same record sent twice is one event; needs a time of happening. Asked at the recording node only. Default nil.
  var externalKey: String? { get }

  /// Documents that carry several events. Default: none.
  static var documents: [DocumentForm] { get }

  /// Without `_id` and key the ULID is the time of happening ‖ the first 80 bits of the body's digest. Default false.
  static var sameBodyIsSameEvent: Bool { get }

  /// Events that this one declares wrong, by time of happening and external key; written into the body as `_voids`. Asked at the
  /// recording node only. Default [].
  var voided: [(at: Instant, key: String)] { get }
}

extension EventType {
  public var happenedAt: Instant? { nil }
  public var externalKey: String? { nil }
  public static var documents: [DocumentForm] { [] }
  public static var sameBodyIsSameEvent: Bool { false }
  public var voided: [(at: Instant, key: String)] { [] }
}

extension EventType where Self: Decodable {
  public static var readings: [Reading<Self>] { [Reading(version: nil, Self.self)] }
}

/// The events of a database without a declared type: any JSON object, as it is.
extension JSON: EventType {}

/// A kind of document that carries several events, by its media types.
public struct DocumentForm: Sendable {
  /// Lower case, without parameters.
  public let mediaTypes: [String]
  /// The events of a document, in its order; nil: not one of mine, take it as one event. Throw a `Refusal` to refuse all of it.
  public let split: @Sendable (JSON) throws -> [JSON]?

  public init(_ mediaTypes: String..., split: @escaping @Sendable (JSON) throws -> [JSON]?) {
    (self.mediaTypes, self.split) = (mediaTypes, split)
  }
}
