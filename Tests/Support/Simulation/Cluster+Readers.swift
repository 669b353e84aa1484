import EventModel
import EventStore
import ViewEngine

/// Somebody who reads the feed from a clock, at whatever node.
struct Consumer {
  var clock = Clock()
  var seen: Set<ElementID> = []
  /// Whether a node that had lost some of a log, met damage, or holds another log, has set its clock back: then it is told again what it
  /// was told.
  var wasSetBack = false
  /// Logs of which it has read more, before they were set back in place, than there is now: nobody knows that any more, and what they
  /// had since it may miss, until they are longer.
  var readLost: Set<Origin> = []
}

// Those who read: consumers of the feed, and of views.

extension Cluster {
  /// A consumer goes on at a node.
  func read(_ consumer: Int, at node: SimulatedNode, recordsMax: Int) {
    guard let life = node.life, !life.isOver, let clock = Clock(token: consumers[consumer].clock.token) else { return }
    do throws(StoreError) {
      // Whoever reads on where all that it has seen is held must not be told anything twice.
      let (isHeld, isTrusted) = try life.set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
        let isTrusted = try life.set.trusted(clock, reader, state) == clock
        return (isTrusted && state.clock.covers(clock), isTrusted)
      }
      consumers[consumer].readLost = Set(clock.entries.filter { life.set.state.clock[$0.origin] < $0.n }.map(\.origin))
      var (told, repeated) = (0, 0)
      let page = try life.set.feed(after: clock, recordsMax: recordsMax) { (event, body) throws(StoreError) in
        let id = ElementID(ulid: event.ulid, digest: Digest.sha256(body).first16)
        told += 1
        if !consumers[consumer].seen.insert(id).inserted { repeated += 1 }
        return true
      }
      note("consumer \(consumer) at n\(node.index): \(told) events, \(repeated) of them again")
      let wasSetBack = consumers[consumer].wasSetBack || !isTrusted || !page.clock.covers(clock)
      require(!isHeld || wasSetBack || repeated == 0, "consumer \(consumer) was told \(repeated) events twice at n\(node.index)")
      (consumers[consumer].clock, consumers[consumer].wasSetBack) = (page.clock, wasSetBack)
    } catch {
      note("consumer \(consumer) at n\(node.index): \(error)")
    }
  }

  /// Somebody reads a view, and compares what it says with the events of the clock that it names.
  func readView(at node: SimulatedNode) {
    guard let life = node.life, !life.isOver else { return }
    let name = draw(in: 0..<2) == 0 ? Trail().name : Turns().name
    let update: ViewUpdate = [.first, .no, .lazy][draw(in: 0..<3)]
    schedule.start { [self] in
      do throws(ViewError) {
        let page = try await life.engine.rows(name, Self.allRows, update: update)
        check(page, name, life)
      } catch {
        note("n\(life.node) can't read \(name): \(error)")
      }
    }
  }

  static var allRows: ViewQuery {
    var query = ViewQuery()
    (query.limit, query.bytesMax) = (0, .max)
    return query
  }

  private func check(_ page: ViewPage, _ view: String, _ life: Life) {
    guard !life.isOver else { return }
    do {
      // A cut takes a view's clock back, and leaves its rows: what they have more is in the own log now.
      if life.set.state.cuts > 0, !page.clock.covers(life.set.state.clock) { return }
      let ids = try elements(coveredBy: page.clock, life.set)
      let expected = try ExpectedViews(ledger.events(ids)).rows[view]
      note("n\(life.node) answers \(view) as of \(ids.count) elements, \(page.clock.entries.map { "\($0.origin) \($0.n)" })")
      let found = String(decoding: page.rows, as: UTF8.self)
      require(found == expected, "n\(life.node)'s view \(view) is \(found), its \(ids.count) events give \(expected ?? "nothing")")
    } catch {
      note("n\(life.node)'s view \(view) can't be compared: \(error)")
    }
  }

  /// The elements of which a clock covers a dot, also of such whose record has rotted since a view has read it.
  func elements(coveredBy clock: Clock, _ set: EventSet) throws(StoreError) -> Set<ElementID> {
    try set.read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in try Self.elements(coveredBy: clock, reader) }
  }

  static func elements(coveredBy clock: Clock, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) -> Set<ElementID> {
    var found: Set<ElementID> = []
    let ids = try reader.cursor(.ids)
    while try ids.next() {
      guard let id = ElementID(key: ids.key) else { continue }
      if Self.dots(ids.value).contains(where: { clock.covers($0) }) { found.insert(id) }
    }
    return found
  }
}
