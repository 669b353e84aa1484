package import EventModel

/// A declared database with its types erased: what a node and the engine work with. Made once, when it is registered.
package struct CompiledDatabase: Sendable {
  package let name: String
  package let views: [CompiledView]
  package let hooks: [CompiledHook]
  package let documents: [DocumentForm]
  package let sameBodyIsSameEvent: Bool
  /// Whether its events are `JSON`: any object is one, and says nothing of itself.
  package let takesAnyObject: Bool

  private let eventType: ObjectIdentifier
  private let decodeBody: @Sendable (JSON) throws -> AnyEvent
  private let ask: @Sendable (AnyEvent) -> EventFacts
  private let amendBody: @Sendable (JSON) async throws -> JSON?

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
    let hooks = try Self.compile(declaration.hooks, of: Event.self, in: declaration.name)
    self.hooks = hooks
    eventType = ObjectIdentifier(Event.self)
    documents = Event.documents
    sameBodyIsSameEvent = Event.sameBodyIsSameEvent
    takesAnyObject = Event.self == JSON.self
    let reader = EventReader<Event>()
    decodeBody = { TypedEvent(try reader.event($0)) }
    amendBody = { body in
      let event = try reader.event(body)
      var asked: any Sendable = event
      for hook in hooks { asked = try await hook.ask(asked) }
      guard let asked = asked as? Event else { return nil }
      let (before, after) = (try EventEncoder().encode(event), try EventEncoder().encode(asked))
      return before == after ? nil : after
    }
    ask = { event in
      guard let event = (event as? TypedEvent<Event>)?.event else { return EventFacts() }
      return EventFacts(happenedAt: event.happenedAt, externalKey: event.externalKey, voided: event.voided)
    }
  }

  private static func compile(
    _ hooks: [any Hook], of event: (some EventType).Type, in database: String
  ) throws(DeclarationError) -> [CompiledHook] {
    var compiled: [CompiledHook] = []
    for hook in hooks.map(CompiledHook.compile) {
      guard isName(hook.name) else {
        throw DeclarationError("database \(database): \(hook.name) can't be a hook's name: [a-z][a-z0-9_-]{0,63}")
      }
      guard !compiled.contains(where: { $0.name == hook.name }) else {
        throw DeclarationError("database \(database): two hooks are named \(hook.name)")
      }
      guard hook.eventType == ObjectIdentifier(event) else {
        throw DeclarationError("database \(database): the hook \(hook.name) is over events of another type")
      }
      compiled.append(hook)
    }
    return compiled
  }

  /// Asks the hooks, each after the other, about an event that is to be recorded.
  /// - Returns: the body to be recorded in its place; nil: it is the same event still, and its body is to stay as it is.
  /// - Throws: the first hook's refusal; why the body is no event.
  package func willAppend(_ body: JSON) async throws(Refusal) -> JSON? {
    do { return try await amendBody(body) } catch { throw Refusal(error) }
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
  package let event: Result<AnyEvent, any Error>
}

/// An event as a feed hands it to views.
package struct FeedEvent: Sendable {
  package let event: DecodedEvent
  package let when: Happened
  /// The least HLC of the element's dots.
  package let recorded: HLC

  package init(event: DecodedEvent, when: Happened, recorded: HLC) { (self.event, self.when, self.recorded) = (event, when, recorded) }
}

/// An event of any type. A class: whoever maps it looks at it where it lies.
package class AnyEvent: @unchecked Sendable {
  // Sendable: it has nothing of its own, and its one subclass only what is immutable and `Sendable`.
  fileprivate init() {}
}

/// An event of a known type.
package final class TypedEvent<Event: EventType>: AnyEvent, @unchecked Sendable {
  package let event: Event

  init(_ event: Event) { self.event = event }
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
