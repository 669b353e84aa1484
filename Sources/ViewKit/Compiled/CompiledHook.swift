import EventModel

/// A hook with its types erased: what a node works with.
package struct CompiledHook: Sendable {
  package let name: String
  let eventType: ObjectIdentifier
  private let askHook: @Sendable (any Sendable) async throws -> any Sendable
  private let tellHook: @Sendable ([(event: AnyEvent, when: Happened)]) async throws -> Void

  /// Opens the existential.
  static func compile(_ hook: any Hook) -> CompiledHook { CompiledHook(hook) }

  private init<H: Hook>(_ hook: H) {
    name = hook.name
    eventType = ObjectIdentifier(H.Event.self)
    askHook = { event in
      guard var asked = event as? H.Event else { return event }
      try await hook.willAppend(&asked)
      return asked
    }
    tellHook = { events in
      try await hook.didCommit(events.compactMap { event, when in (event as? TypedEvent<H.Event>).map { ($0.event, when) } })
    }
  }

  /// The event that is to be recorded in place of this one, of the hook's own type.
  func ask(_ event: any Sendable) async throws(Refusal) -> any Sendable {
    do { return try await askHook(event) } catch { throw Refusal(error) }
  }

  /// Tells of events that are on disk.
  /// - Throws: what the hook throws: they are to come again.
  package func tell(_ events: [(event: AnyEvent, when: Happened)]) async throws { try await tellHook(events) }
}
