import EventModel

/// One stored shape, chosen by the body's `type` and `version` members, and its upcast to the type of today.
public struct Reading<Event: SendableMetatype>: Sendable {
  let type: String?
  /// The type as a body has it: equal strings have equal bytes, so choosing makes no string.
  let typeJSON: JSON?
  let version: Int?
  let read: @Sendable (JSON) throws -> Event

  /// - Parameters:
  ///   - type: the body's `type`; nil: any, or none.
  ///   - version: the body's `version`; nil: any. A body without one is of version 1; one that is no integer matches only nil.
  public init<Stored: Decodable & SendableMetatype>(
    _ type: String? = nil, version: Int? = 1, _: Stored.Type, upcast: @escaping @Sendable (Stored) throws -> Event
  ) {
    (self.type, self.version) = (type, version)
    typeJSON = type.map { JSON($0) }
    read = { try upcast(EventDecoder().decode(Stored.self, from: $0)) }
  }

  /// A shape that is the event's own.
  public init(_ type: String? = nil, version: Int? = 1, _: Event.Type) where Event: Decodable {
    self.init(type, version: version, Event.self) { $0 }
  }
}

/// Collects the readings of a type, in their order.
@resultBuilder public enum ReadingsBuilder<Event: SendableMetatype> {
  public static func buildExpression(_ reading: Reading<Event>) -> [Reading<Event>] { [reading] }
  public static func buildExpression(_ readings: [Reading<Event>]) -> [Reading<Event>] { readings }
  public static func buildBlock(_ readings: [Reading<Event>]...) -> [Reading<Event>] { readings.flatMap(\.self) }
}

/// The readings of an event type, asked for once.
struct EventReader<Event: EventType>: Sendable {
  private let readings: [Reading<Event>]
  /// The first, if it takes any body.
  private let readAny: (@Sendable (JSON) throws -> Event)?

  init() {
    readings = Event.readings
    readAny = readings.first.flatMap { $0.type == nil && $0.version == nil ? $0.read : nil }
  }

  /// - Throws: a `Refusal` of `/type` if no reading is for this body; whatever the reading throws.
  func event(_ body: JSON) throws -> Event {
    if let readAny { return try readAny(body) }
    let type = body["type"]
    // Looked up only where a reading asks for it.
    lazy var version = body["version"].map { $0.int } ?? 1
    for reading in readings where reading.typeJSON == nil || reading.typeJSON == type {
      if reading.version == nil || reading.version == version { return try reading.read(body) }
    }
    let known = Set(readings.compactMap(\.type)).sorted().joined(separator: ", ")
    guard let type = type?.string else { throw Refusal("/type", "a string was expected, one of: \(known)") }
    guard readings.contains(where: { $0.type == type || $0.type == nil }) else {
      throw Refusal("/type", "`\(type)` is none of: \(known)")
    }
    throw Refusal("/version", "no such version of `\(type)`")
  }
}
