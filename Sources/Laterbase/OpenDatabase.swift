public import EventModel
import EventStore
public import Replication
public import ViewKit

/// A node's database, with its type of events.
public struct OpenDatabase<Event: EventType>: Sendable {
  let node: LaterbaseNode
  public let name: String
  let compiled: CompiledDatabase?

  init(node: LaterbaseNode, name: String, compiled: CompiledDatabase?) {
    (self.node, self.name, self.compiled) = (node, name, compiled)
  }

  /// Records all of the events or none; returns when they are on disk. Makes the database if it isn't there.
  /// - Parameters:
  ///   - at: when they happened, if they don't say so themselves; else now.
  ///   - voiding: events that these declare wrong.
  ///   - request: names the append: repeated with the same name, here or at another node, it is one append.
  ///   - timeout: how long to wait for other nodes, if `consistency` asks for them.
  /// - Throws: `refused`, `bad-event`, `taken`, `too-large` with the event's place; `busy`, `storage`, `disk-full`, `outcome-unknown`.
  @discardableResult public func append(
    _ events: [Event], at: Instant? = nil, voiding: [ULID] = [], request: ULID? = nil, consistency: Consistency = .one,
    timeout: Duration = .seconds(5)
  ) async throws(LaterbaseError) -> Receipt {
    if DatabaseName.isSystem(name) { throw LaterbaseError(.forbidden, "databases whose names begin with _ are the system's") }
    guard let compiled else { throw LaterbaseError(.badParameter, "the declaration of \(name) can't be used") }
    var bodies: [JSON] = []
    bodies.reserveCapacity(events.count)
    for (index, event) in events.enumerated() { bodies.append(try Self.body(event, at, voiding, index: index)) }
    var intake = node.intake(compiled, request: request)
    let draft = try await intake.draft(asking: try intake.parse(bodies: bodies))
    let database = try await node.catalog.create(name).database
    return try await node.append(draft, to: database, consistency: consistency, timeout: timeout)
  }

  private static func body(_ event: Event, _ at: Instant?, _ voiding: [ULID], index: Int) throws(LaterbaseError) -> JSON {
    var body: JSON
    do { body = try EventEncoder().encode(event) } catch {
      throw LaterbaseError.refused("", "the event can't be encoded: \(error)").at(index: index)
    }
    if let at { body = body.setting("_at", to: JSON(at.description)) }
    if !voiding.isEmpty { body = body.setting("_voids", to: JSON(voiding.map { JSON($0.description) })) }
    return body
  }

  /// The events that a holder of `clock` doesn't know, in HLC order, a page at a time; nothing is read before it is asked for.
  ///
  /// An event that the type can't read is left out. Each page's clock is where to go on, here or at any node.
  /// - Parameter follow: at the end, wait for more instead of ending.
  /// - Throws: `no-database`, or the store's errors.
  public func feed(after clock: Clock = Clock(), follow: Bool = false) -> AsyncThrowingStream<
    (events: [(Event, Happened)], clock: Clock), any Error
  > {
    let place = Place(clock)
    return AsyncThrowingStream { try await nextPage(place, follow: follow) }
  }

  /// Where a feed is: one task at a time asks for its next page.
  private final class Place: Sendable {
    private let slot = Slot<Clock>()
    init(_ clock: Clock) { slot.put(clock) }
    var clock: Clock {
      get { slot.value ?? Clock() }
      set { slot.put(newValue) }
    }
  }

  private static var pageEventsMax: Int { 1000 }

  private func nextPage(_ place: Place, follow: Bool) async throws(LaterbaseError) -> (events: [(Event, Happened)], clock: Clock)? {
    let database = try await node.catalog.open(name)
    while !Task.isCancelled {
      let seen = database.set.changes.version
      var events: [(Event, Happened)] = []
      let page = try database.reading { (set) throws(StoreError) in
        try set.feed(after: place.clock) { (stored, body) throws(StoreError) in
          if let event = read(body) { events.append((event, Happened(id: stored.ulid, digest: Digest.sha256(body).first16))) }
          return events.count < Self.pageEventsMax
        }
      }
      place.clock = page.clock
      if !events.isEmpty { return (events, page.clock) }
      if page.pending > 0 { continue }
      if !follow || database.set.changes.isClosed { return nil }
      await database.set.changes.wait(after: seen)
    }
    return nil
  }

  private func read(_ body: RawSpan) -> Event? {
    let body = JSON(normalForm: [UInt8](copying: body))
    if let body = body as? Event { return body }
    guard let compiled, case .success(let event) = compiled.decode(body).event else { return nil }
    return (event as? TypedEvent<Event>)?.event
  }
}
