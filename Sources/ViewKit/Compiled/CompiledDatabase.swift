package import EventModel

/// A declared database with its types erased: what a node and the engine work with. Made once, when it is registered.
package struct CompiledDatabase: Sendable {
  package let name: String
  package let views: [CompiledView]
  package let documents: [DocumentForm]
  package let sameBodyIsSameEvent: Bool
  /// Whether its events are `JSON`: any object is one, and says nothing of itself.
  package let takesAnyObject: Bool

  private let eventType: ObjectIdentifier
  private let decodeBody: @Sendable (JSON) throws -> any Sendable
  private let ask: @Sendable (any Sendable) -> EventFacts

  /// - Throws: if a view can't be run, has an illegal name, or one that another has.
  package init(_ declaration: some DatabaseDeclaration) throws(DeclarationError) { try self.init(erasing: declaration) }

  /// A database that nobody declared: it has no views, and any object is an event of it.
  package static func undeclared(_ name: String) -> CompiledDatabase {
    guard let database = try? CompiledDatabase(Database(name)) else { preconditionFailure("without views nothing can be wrong") }
    return database
  }

  /// Whether a view is over this database's events: of its type, or of any.
  package func takes(_ view: CompiledView) -> Bool { view.eventType == eventType || view.eventType == ObjectIdentifier(JSON.self) }

  private init<D: DatabaseDeclaration>(erasing declaration: D) throws(DeclarationError) {
    typealias Event = D.Event
    name = declaration.name
    var views: [CompiledView] = []
    for view in declaration.views {
      let compiled = try CompiledView(view)
      guard !views.contains(where: { $0.name == compiled.name }) else {
        throw DeclarationError("database \(declaration.name): two views are named \(compiled.name)")
      }
      views.append(compiled)
    }
    self.views = views
    eventType = ObjectIdentifier(Event.self)
    documents = Event.documents
    sameBodyIsSameEvent = Event.sameBodyIsSameEvent
    takesAnyObject = Event.self == JSON.self
    let reader = EventReader<Event>()
    decodeBody = { try reader.event($0) }
    ask = { event in
      guard let event = event as? Event else { return EventFacts() }
      return EventFacts(happenedAt: event.happenedAt, externalKey: event.externalKey, voided: event.voided)
    }
  }

  /// An event, decoded once for all views. A body that doesn't decode is no error here: a view over `JSON` can still map it.
  package func decode(_ body: JSON) -> DecodedEvent {
    if !takesAnyObject, body.isBareVoid { return DecodedEvent(body: body, event: .failure(BareVoid())) }
    return DecodedEvent(body: body, event: Result { try decodeBody(body) })
  }

  /// What the declared type says of a body that is to be recorded.
  package func facts(of body: JSON) throws(Refusal) -> EventFacts {
    do { return ask(try decodeBody(body)) } catch { throw Refusal(error) }
  }
}

/// What an event says of itself, asked where it is recorded.
package struct EventFacts: Sendable {
  package var happenedAt: Instant?
  package var externalKey: String?
  package var voided: [(at: Instant, key: String)] = []
}

/// Why a body that says nothing but `_voids` is no event of a declared type: it is none to any view of that type, and no fault.
struct BareVoid: Error {}

extension JSON {
  /// Whether this is a body that says nothing but which events are wrong: `{"_voids":["01J…"]}`.
  package var isBareVoid: Bool {
    // Of a body's members only `_voids` begins so.
    raw.byteCount > 2 && raw[2] == UInt8(ascii: "_") && members?.count == 1
  }
}

/// A body, and the event that it is or why it is none.
package struct DecodedEvent: Sendable {
  package let body: JSON
  package let event: Result<any Sendable, any Error>
}

/// What is wrong with a declared database or view.
public struct DeclarationError: Error, Sendable, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}

/// `[a-z][a-z0-9_-]{0,63}`, as databases and views are named.
func isName(_ text: String) -> Bool {
  func isLetter(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") }
  guard let first = text.utf8.first, isLetter(first), text.utf8.count <= 64 else { return false }
  return text.utf8.allSatisfy { isLetter($0) || $0 >= 0x30 && $0 <= 0x39 || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") }
}
