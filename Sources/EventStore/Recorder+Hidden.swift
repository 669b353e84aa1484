internal import EventModel

// Behind a damaged record lies the rest of its log, which isn't served. A page that writes the damaged record again may be of another log
// of the origin: what lies there must not be written over, for `ids` lists it.

extension Recorder {
  /// What lies under the dot of a record that is about to be put.
  enum Hidden { case nothing, theSame, another }

  /// What lies under the dot of a record. Of one that is damaged it is told by its element's row.
  static func hidden(_ item: VerifiedPage.Item, _ reader: borrowing some StoreReader & ~Copyable) throws(StoreError) -> Hidden {
    guard let record = try reader.get(.log, StoreKey.dot(item.dot).raw) else { return .nothing }
    if Record.isIntact(record, at: item.dot) {
      return Digest(reading: record, at: Record.Offset.chain) == item.header.chain ? .theSame : .another
    }
    guard let row = try reader.get(.ids, StoreKey.element(item.id).raw) else { return .another }
    return try ElementRow(reading: row).dots.contains(RecordedDot(hlc: item.header.hlc, dot: item.dot)) ? .theSame : .another
  }
}
