public import EventModel

extension EventSet {
  /// Visits the dots of elements, in rising order, on one snapshot. Those that aren't held are left out.
  /// - Complexity: a get an element.
  public func dots(of elements: [ElementID], _ visit: ([Dot]) -> Void) throws(StoreError) {
    try read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      for element in elements {
        guard let row = try reader.get(.ids, StoreKey.element(element).raw) else { continue }
        visit(try ElementRow(reading: row).dots.map(\.dot))
      }
    }
  }

  /// The clock of logs up to each of these dots, as far as they are held and intact.
  public func clock(upTo dots: [Dot]) throws(StoreError) -> Clock {
    try read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      var entries: [Clock.Entry] = []
      for dot in dots { if let entry = try Self.entry(reader, dot) { entries.append(entry) } }
      return Clock(entries)
    }
  }

  /// When the oldest of the records in these ranges of logs was recorded: HLCs rise along a log, so one get a range. Damaged records say
  /// nothing.
  public func oldest(in ranges: [Clock.Range]) throws(StoreError) -> HLC? {
    try read { (reader: borrowing any StoreReader & ~Copyable, _) throws(StoreError) in
      var oldest: HLC?
      for range in ranges {
        let dot = Dot(origin: range.origin, n: range.numbers.lowerBound)
        guard let record = try reader.get(.log, StoreKey.dot(dot).raw), Record.isIntact(record, at: dot) else { continue }
        let hlc = HLC(value: record.bigEndian(at: Record.Offset.hlc))
        oldest = min(oldest ?? hlc, hlc)
      }
      return oldest
    }
  }
}
