public import EventModel

// What a clock says of an element and of the events that void it: for whoever is right at a clock that is not the newest.

extension EventSet {
  /// The least HLC of the records, of those that a clock covers, that declare a ULID wrong; nil: none does.
  public func voided(
    _ ulid: ULID, by clock: Clock, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) -> HLC? {
    var least: HLC?
    let cursor = try reader.cursor(.voids)
    var found = try cursor.seek(StoreKey.void(ulid, Dot(origin: Origin(value: 0), n: 0)).raw)
    while found, cursor.key.bigEndian(at: 0, as: UInt128.self) == ulid.value {
      let dot = Dot(origin: Origin(value: cursor.key.bigEndian(at: 16)), n: cursor.key.bigEndian(at: 24))
      if clock.covers(dot), let record = try reader.get(.log, StoreKey.dot(dot).raw), let header = Record.Header(reading: record) {
        least = min(least ?? header.hlc, header.hlc)
      }
      found = try cursor.next()
    }
    return least
  }

  /// Visits the elements under a ULID of which a clock covers a dot, least digest first.
  ///
  /// - Parameter visit: takes the element, the least HLC of its dots, and its body.
  /// - Throws: `damaged`, if no record of such an element is intact any more: whoever goes by the clock must not go on without it.
  public func elements(
    _ ulid: ULID, coveredBy clock: Clock, _ reader: borrowing any StoreReader & ~Copyable,
    _ visit: (ElementID, HLC, RawSpan) throws(StoreError) -> Void
  ) throws(StoreError) {
    let ids = try reader.cursor(.ids)
    var found = try ids.seek(StoreKey.element(ElementID(ulid: ulid, digest: 0)).raw)
    while found, let id = ElementID(key: ids.key), id.ulid == ulid {
      let dots = try ElementRow(reading: ids.value).dots
      if dots.contains(where: { clock.covers($0.dot) }) {
        guard try visitFirstIntact(dots, reader, { (body) throws(StoreError) in try visit(id, dots[0].hlc, body) }) else {
          throw StoreError(.damaged, "no record of the event \(ulid) is intact")
        }
      }
      found = try ids.next()
    }
  }

  /// Visits the body of the first of an element's records that is intact, and notes the damage of those before it.
  /// - Returns: whether there is one.
  private func visitFirstIntact(
    _ dots: [RecordedDot], _ reader: borrowing any StoreReader & ~Copyable, _ visit: (RawSpan) throws(StoreError) -> Void
  ) throws(StoreError) -> Bool {
    for recorded in dots {
      guard let record = try reader.get(.log, StoreKey.dot(recorded.dot).raw), Record.isIntact(record, at: recorded.dot) else {
        noteDamage(recorded.dot, reader)
        continue
      }
      try visit(record.extracting(droppingFirst: Record.headerBytes))
      return true
    }
    return false
  }

  /// Visits all elements of which one of some clocks covers a dot, in order of happening.
  ///
  /// - Parameter visit: takes the element, its body, and for each clock the least HLC of the element's dots and of those that this clock
  ///   covers; nil: it covers none.
  public func elements(
    coveredBy clocks: [Clock], _ reader: borrowing any StoreReader & ~Copyable,
    _ visit: (ElementID, RawSpan, [ClosedRange<HLC>?]) throws(StoreError) -> Void
  ) throws(StoreError) {
    if clocks.isEmpty { return }
    let ids = try reader.cursor(.ids)
    while try ids.next() {
      guard let id = ElementID(key: ids.key) else { continue }
      let dots = try ElementRow(reading: ids.value).dots
      let covering = clocks.map { clock in dots.first { clock.covers($0.dot) }.map { dots[0].hlc...$0.hlc } }
      guard covering.contains(where: { $0 != nil }) else { continue }
      for recorded in dots {
        guard let record = try reader.get(.log, StoreKey.dot(recorded.dot).raw), Record.isIntact(record, at: recorded.dot) else { continue }
        try visit(id, record.extracting(droppingFirst: Record.headerBytes), covering)
        break
      }
    }
  }
}
