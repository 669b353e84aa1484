import EventModel
import EventStore
import Replication
import ViewEngine

// What must hold. Each check is a function of the cluster, and fails it with what it found.
// A further promise (that a consistency level was not acknowledged before it was so) belongs here: noted in the ledger where a client is
// answered, compared with `elements(of:)` of the disks there and then.

extension Cluster {
  /// The elements of which a disk has an intact record.
  func elements(of node: SimulatedNode, among wanted: [ElementID]? = nil) -> Set<ElementID> {
    var found: Set<ElementID> = []
    do throws(StoreError) {
      try store(of: node).read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in
        if let wanted {
          for id in wanted {
            if try Self.isIntact(try reader.get(.ids, StoreKey.element(id).raw), reader) { found.insert(id) }
          }
          return
        }
        let ids = try reader.cursor(.ids)
        while try ids.next() {
          if let id = ElementID(key: ids.key), try Self.isIntact(ids.value, reader) { found.insert(id) }
        }
      }
    } catch {
      fail("n\(node.index)'s disk can't be read: \(error)")
    }
    return found
  }

  private static func isIntact(_ row: RawSpan?, _ reader: borrowing any StoreReader & ~Copyable) throws(StoreError) -> Bool {
    guard let row else { return false }
    for dot in dots(row) {
      if let record = try reader.get(.log, StoreKey.dot(dot).raw), Record.isIntact(record, at: dot) { return true }
    }
    return false
  }

  /// The dots that a row of `ids` lists.
  static func dots(_ row: RawSpan) -> [Dot] {
    stride(from: 1, through: row.byteCount - 24, by: 24).map { at in
      Dot(origin: Origin(value: row.bigEndian(at: at + 8)), n: row.bigEndian(at: at + 16))
    }
  }

  /// A node's storage, behind all that can befall its process.
  func store(of node: SimulatedNode) throws(StoreError) -> any EventStore {
    if let life = node.life { return life.store.storage }
    return try node.disk.open()
  }

  /// Of each record on a node's disk, whether it is intact, and its chain digest: of one dot there may be two records.
  func records(of node: SimulatedNode) -> [(dot: Dot, chain: Digest?, isIntact: Bool)] {
    var records: [(dot: Dot, chain: Digest?, isIntact: Bool)] = []
    do throws(StoreError) {
      try store(of: node).read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in
        let log = try reader.cursor(.log)
        while try log.next() {
          let dot = Dot(origin: Origin(value: log.key.bigEndian(at: 0)), n: log.key.bigEndian(at: 8))
          records.append((dot, Record.Header(reading: log.value)?.chain, Record.isIntact(log.value, at: dot)))
        }
      }
    } catch {
      fail("n\(node.index)'s disk can't be read: \(error)")
    }
    return records
  }

  /// Whether all nodes say that they hold the same, and all of it is served.
  var isLevel: Bool {
    let clocks = there.map { $0.life.map { PeerClock($0.set) } }
    return clocks.allSatisfy { $0 != nil && $0?.audit != nil && $0 == clocks[0] }
  }

  func checkSets(_ expected: Set<ElementID>) {
    for node in there {
      let held = elements(of: node)
      let missing = expected.subtracting(held)
      require(
        missing.isEmpty, "n\(node.index) lacks \(missing.count) of \(expected.count) events, \(missing.first.map { "\($0.ulid)" } ?? "")")
      let more = held.subtracting(expected)
      require(more.isEmpty, "n\(node.index) has \(more.count) events that nobody had")
      guard let life = node.life else { continue }
      require(
        life.set.state.elements == UInt64(expected.count), "n\(node.index) counts \(life.set.state.elements) of \(expected.count) elements")
      var sum = AuditSum()
      for id in expected { sum.add(id) }
      require(life.set.state.sum == sum, "n\(node.index)'s audit sum is not that of its elements")
    }
  }

  func checkPromises(_ expected: Set<ElementID>) {
    let gone = ledger.acknowledged.subtracting(expected).subtracting(ledger.destroyed)
    require(
      gone.isEmpty, "\(gone.count) acknowledged events are gone, and no disk that held them was destroyed: \(gone.map(\.ulid).sorted())")
  }

  /// The elements all of whose records are of these logs.
  private func elements(onlyOf origins: Set<Origin>) -> Set<ElementID> {
    var found: Set<ElementID> = []
    guard !origins.isEmpty, let node = there.first else { return found }
    do throws(StoreError) {
      try store(of: node).read { (reader: borrowing any StoreReader & ~Copyable) throws(StoreError) in
        let ids = try reader.cursor(.ids)
        while try ids.next() {
          if let id = ElementID(key: ids.key), Self.dots(ids.value).allSatisfy({ origins.contains($0.origin) }) { found.insert(id) }
        }
      }
    } catch {
      fail("n\(node.index)'s disk can't be read: \(error)")
    }
    return found
  }

  func checkConsumers(_ expected: Set<ElementID>) {
    for (index, consumer) in consumers.enumerated() {
      let missed = expected.subtracting(consumer.seen).subtracting(elements(onlyOf: consumer.readLost))
      require(missed.isEmpty, "consumer \(index) missed \(missed.count) events: \(missed.map(\.ulid).sorted())")
    }
  }

  /// Every chain from its start, `ids` and `log` both ways, counts, voids.
  func checkStores() {
    for node in there {
      guard let life = node.life else { continue }
      do throws(StoreError) {
        let faults = try life.set.verify().faults
        require(faults.isEmpty, "n\(node.index) does not verify: \(faults)")
      } catch {
        fail("n\(node.index) can't be verified: \(error)")
      }
    }
  }

  /// A node's views, brought up to date, are the reductions of the sorted events, and so are all their blocks and states.
  func checkViews(_ expected: Set<ElementID>, _ life: Life) async {
    do {
      for (name, rows) in try ExpectedViews(ledger.events(expected)).rows.sorted(by: { $0.key < $1.key }) {
        let found = String(decoding: try await life.engine.rows(name, Self.allRows).rows, as: UTF8.self)
        require(found == rows, "n\(life.node)'s view \(name) is \(found), its events give \(rows)")
      }
      let faults = try life.engine.verify().faults
      require(faults.isEmpty, "n\(life.node)'s views do not verify: \(faults)")
    } catch {
      fail("n\(life.node)'s views can't be read: \(error)")
    }
  }
}
