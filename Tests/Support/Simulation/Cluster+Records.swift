import EventModel
import EventStore

// What must hold of every record, whenever one is written, taken in or served.

extension Cluster {
  /// Only what is on disk leaves a node, at whatever stage of its writer it is asked.
  func checkServed(_ life: Life) {
    guard life.cutsUnderWay == 0 else { return }
    let clock = life.set.state.clock
    do throws(StoreError) {
      try life.store.storage.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in
        for entry in clock.entries {
          let record = try reader.get(.log, StoreKey.dot(entry.dot).raw)
          require(record != nil, "n\(life.node) serves the record \(entry.n) of \(entry.origin), which isn't on its disk")
          guard let record, Record.isIntact(record, at: entry.dot), let header = Record.Header(reading: record) else { continue }
          require(
            header.chain.first8 == entry.digest, "n\(life.node) serves another record \(entry.n) of \(entry.origin) than is on its disk")
        }
      }
    } catch {
      fail("n\(life.node)'s disk can't be read: \(error)")
    }
  }

  /// What is stored of a page is intact.
  func checkStored(_ dots: [Dot], _ life: Life) {
    do throws(StoreError) {
      try life.store.storage.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in
        for dot in dots where !rotted.contains(dot) {
          guard let record = try reader.get(.log, StoreKey.dot(dot).raw) else { continue }
          require(
            Record.isIntact(record, at: dot), "n\(life.node) stored the record \(dot.n) of \(dot.origin), which was damaged on the way")
        }
      }
    } catch {
      fail("n\(life.node)'s disk can't be read: \(error)")
    }
  }

  /// Notes what a process wrote in its own log: never two records under one dot.
  func witnessOwn(_ life: Life) {
    guard let own = life.set.state.own, let head = life.set.state.clock.entry(own), head != life.ownHead else { return }
    life.ownHead = head
    do throws(StoreError) {
      try life.store.storage.read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in
        for n in 1...head.n {
          let dot = Dot(origin: own, n: n)
          guard let record = try reader.get(.log, StoreKey.dot(dot).raw), Record.isIntact(record, at: dot),
            let chain = Record.Header(reading: record)?.chain
          else { continue }
          let known = written.updateValue(chain, forKey: dot)
          require(known == nil || known == chain || forkable.contains(own), "n\(life.node) wrote another record \(n) of \(own)")
        }
      }
    } catch {
      fail("n\(life.node)'s disk can't be read: \(error)")
    }
  }

  /// Somebody reads on with a clock that says more of some logs than there is: such an entry leaves nothing out.
  func readOn(fromNowhereAt node: SimulatedNode) {
    guard let life = node.life, !life.isOver else { return }
    let held = life.set.state.clock
    var clock = Clock()
    for entry in held.entries {
      switch draw(in: 0..<3) {
      case 0: clock.set(Clock.Entry(origin: entry.origin, n: entry.n + UInt64(draw(in: 1..<9)), digest: draw()))
      case 1: clock.set(entry)
      default: break
      }
    }
    var told: Set<ElementID> = []
    do throws(StoreError) {
      _ = try life.set.feed(after: clock, recordsMax: .max) { (event, body) throws(StoreError) in
        told.insert(ElementID(ulid: event.ulid, digest: Digest.sha256(body).first16))
        return true
      }
      guard life.set.damaged.isEmpty, life.set.state.clock == held else { return }
      let missed = try notCovered(by: clock, life.set).subtracting(told)
      note("somebody reads on at n\(node.index) with a clock from nowhere, and is told \(told.count) events")
      require(missed.isEmpty, "n\(node.index) leaves out \(missed.map(\.ulid)) for who says that it has more of a log than there is")
    } catch {
      note("n\(node.index) can't be read: \(error)")
    }
  }

  /// The elements of which a clock covers no record that is held, though it says so of others, and leaves one to be told.
  private func notCovered(by clock: Clock, _ set: EventSet) throws(StoreError) -> Set<ElementID> {
    try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) in
      var found: Set<ElementID> = []
      let ids = try reader.cursor(.ids)
      while try ids.next() {
        guard let id = ElementID(key: ids.key) else { continue }
        let dots = Self.dots(ids.value)
        let isCovered = dots.contains { clock.covers($0) && clock[$0.origin] <= state.clock[$0.origin] }
        if !isCovered, dots.contains(where: { !clock.covers($0) }) { found.insert(id) }
      }
      return found
    }
  }
}
