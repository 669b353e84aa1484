import EventModel
import EventStore
import ViewKit

/// One piece of a listing, on one snapshot.
struct ViewPiece {
  private let query: ViewQuery
  let view: CompiledView
  private let number: UInt32
  private let totals: TotalReader
  private var walk: KeyWalk
  private(set) var budget: PieceBudget
  /// The group that the piece before ended in, then the one that this ends in.
  private(set) var group: OpenGroup?

  init(
    _ query: ViewQuery, _ runner: ViewRunner, _ header: ViewHeader, _ filter: RowFilter, _ budget: PieceBudget, _ group: OpenGroup?,
    _ over: Ahead?, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) {
    (self.query, view, number, self.budget, self.group) = (query, runner.view, header.number, budget, group)
    totals = try TotalReader(view, header, runner.options, filter, reader)
    walk = try KeyWalk(query, number, over, reader)
  }

  /// What a key's total costs.
  private var steps: Int { totals.computes ? 32 : 1 }

  /// Each key with a value, its row, and where in that its value lies.
  ///
  /// - Returns: where to go on; nil at the end.
  mutating func values(_ visit: (RawSpan, RawSpan, Range<Int>) throws(StoreError) -> Int) throws(StoreError) -> [UInt8]? {
    var (walk, budget) = (walk, budget)
    defer { self.budget = budget }
    var found = try walk.first(from: query.cursor?[...], inclusive: false)
    var isFirst = true
    while found {
      if budget.isSpent, !isFirst { return try walk.placeBefore() }
      // Only a key with a value counts: a full page is the last one if there is no further value.
      let passes = try totals.reading(walk.key, walk.row) { (row) throws(StoreError) in
        guard let value = try KeyRow.value(in: row) else { return true }
        return try budget.offer { () throws(StoreError) in try visit(walk.key, row, value) }
      }
      if !passes { return try walk.placeBefore() }
      isFirst = false
      budget.spend(steps)
      found = try walk.advance()
    }
    return nil
  }

  /// The values of each group's keys, joined in key order, whatever the direction of the listing.
  ///
  /// - Returns: what the keys of the last group that was passed begin with; nil: there was none, or there are no more.
  mutating func joined(_ level: Int, _ visit: RowVisitor) throws(StoreError) -> [UInt8]? {
    walk.sort()
    var last = query.cursor
    while let open = try nextGroup(level, behind: last) {
      guard let total = try total(of: open) else { return last }
      let groupKey = KeyBytes.groupKey(open.common, isWhole: open.isWhole)
      // A group of one key that is shown whole is that key.
      let value = view.value(total.joined, key: total.only == groupKey ? groupKey : nil)
      if let value, try !budget.offer({ () throws(StoreError) in try visit(groupKey.raw, value.raw, nil) }) { return last }
      last = open.common
    }
    return nil
  }

  /// The group that the piece before ended in, or the first one behind a place, in the direction of the listing.
  private mutating func nextGroup(_ level: Int, behind last: [UInt8]?) throws(StoreError) -> OpenGroup? {
    if let group { return group }
    let found =
      if query.descending { try walk.seek(before: last.map(walk.bound)) } else { try walk.seek(from: last.map(walk.end(of:))) }
    guard found else { return nil }
    let (key, bytes): ([UInt8], Int)
    do throws(KeyError) { (key, bytes) = ([UInt8](copying: walk.key), try KeyBytes.groupBytes(walk.key, level: level)) } catch {
      throw StoreError(.damaged, "view \(view.name): \(error)")
    }
    let common = [UInt8](key[..<bytes])
    return OpenGroup(common: common, isWhole: bytes == key.count, next: walk.bound(query.descending ? common : key))
  }

  /// Joins a group's totals, from where it is open; nil: the piece ends in it.
  private mutating func total(of open: OpenGroup) throws(StoreError) -> (joined: Partial, only: [UInt8]?)? {
    var open = open
    group = nil
    let joiner = Joiner(view: view, key: open.common, work: ViewWork())
    var run = [open.joined]
    var found = try walk.seek(from: open.next)
    while found, KeyBytes.isOfGroup(walk.key, open.common.raw) {
      if budget.isSpent {
        // A full page says only that there is more.
        if budget.isFull { return nil }
        (open.joined, open.next) = (joiner.join(run), walk.bound([UInt8](copying: walk.key)))
        group = open
        return nil
      }
      let total = try totals.total(walk.key, walk.row)
      if total != .none {
        open.keys += 1
        open.only = open.keys == 1 ? [UInt8](copying: walk.key) : nil
        run.append(total)
        if run.count == 256 { run = [joiner.join(run)] }
      }
      budget.spend(2 * steps)
      found = try walk.next()
    }
    return (joiner.join(run), open.only)
  }

  /// Each key's rows, in order of happening, or backwards.
  ///
  /// - Returns: where to go on; nil at the end.
  mutating func rows(
    _ events: Bool, _ reader: borrowing any StoreReader & ~Copyable, _ state: SetState, _ set: EventSet, _ event: EventVisitor,
    _ visit: RowVisitor
  ) throws(StoreError) -> [UInt8]? {
    var walk = walk
    let cursor = try reader.cursor(.view)
    var last: [UInt8] = []
    var found = try walk.first(from: query.cursor?.dropFirst(Pos.bytesCount), inclusive: true)
    var behind = found ? resume(walk) : nil
    while found {
      let prefix = ViewKeys.rows(number, group: try KeyRow.group(in: walk.row))
      var rows = RowWalk(prefix, cursor, from: totals.filter.from, to: totals.filter.to, descending: query.descending)
      let isResumed = behind != nil
      if let behind { rows.begin(behind: behind) }
      behind = nil
      var there = try rows.first()
      while there, let pos = rows.pos {
        if budget.isSpent, !last.isEmpty { return last }
        let row = try StoredRow(reading: cursor.value)
        if try totals.filter.takes(pos, row), try !offer(row, pos, walk.key, events, reader, state, set, event, visit) { return last }
        last.removeAll(keepingCapacity: true)
        pos.write(to: &last)
        walk.place(into: &last)
        budget.spend(1)
        there = try rows.advance()
      }
      if budget.isSpent, !last.isEmpty { return last }
      // Behind all rows of the key; a key that a piece before had begun is no new place.
      if !isResumed {
        last.removeAll(keepingCapacity: true)
        (query.descending ? Pos.zero : Pos.end).write(to: &last)
        walk.place(into: &last)
        budget.spend(1)
      }
      found = try walk.advance()
    }
    return nil
  }

  /// Behind which row of the key to go on.
  private func resume(_ walk: KeyWalk) -> Pos? {
    guard let cursor = query.cursor else { return nil }
    var place: [UInt8] = []
    walk.place(into: &place)
    return place[...] == cursor.dropFirst(Pos.bytesCount) ? Pos(reading: cursor.raw) : nil
  }

  private mutating func offer(
    _ row: StoredRow, _ pos: Pos, _ key: RawSpan, _ events: Bool, _ reader: borrowing any StoreReader & ~Copyable, _ state: SetState,
    _ set: EventSet, _ event: EventVisitor, _ visit: RowVisitor
  ) throws(StoreError) -> Bool {
    let view = view
    return try budget.offer { () throws(StoreError) in
      let id = ElementID(ulid: pos.when.id, digest: pos.digest)
      if events { _ = try set.element(id, reader, state, event) }
      var json = [UInt8]("null".utf8)
      do throws(Refusal) { json = try view.json(ofRow: row.row) } catch {}
      return try visit(key, json.raw, id)
    }
  }
}

/// A group whose keys are being joined, over as many pieces as that takes.
struct OpenGroup: Sendable {
  /// What its keys begin with.
  let common: [UInt8]
  /// Whether that is a key.
  let isWhole: Bool
  var joined = Partial.none
  /// Keys joined so far, and the one if it is one.
  var keys = 0
  var only: [UInt8]?
  /// The bound of the key to go on with.
  var next: [UInt8]

  init(common: [UInt8], isWhole: Bool, next: [UInt8]) { (self.common, self.isWhole, self.next) = (common, isWhole, next) }
}

/// A place among a group's rows. Lives as long as its cursor's transaction.
private struct RowWalk {
  private let prefix: [UInt8]
  private let cursor: any StoreCursor
  private var from: Pos
  private var to: Pos?
  private let descending: Bool

  init(_ prefix: [UInt8], _ cursor: any StoreCursor, from: Pos, to: Pos?, descending: Bool) {
    (self.prefix, self.cursor, self.from, self.to, self.descending) = (prefix, cursor, from, to, descending)
  }

  /// Leaves out rows up to a place, in the direction of the walk, and that one.
  mutating func begin(behind pos: Pos) {
    if descending { to = min(to ?? pos, pos) } else { from = pos == .end ? .end : max(from, pos.next) }
  }

  /// The row's place; nil, if it is none of the group, or out of bounds.
  var pos: Pos? {
    guard cursor.key.byteCount == prefix.count + Pos.bytesCount, cursor.key.starts(with: prefix.raw) else { return nil }
    let pos = Pos(reading: cursor.key, at: prefix.count)
    return pos >= from && to.map { pos < $0 } ?? true ? pos : nil
  }

  func first() throws(StoreError) -> Bool {
    guard descending else { return try cursor.seek(ViewKeys.at(prefix, from).raw) }
    let end = to.map { ViewKeys.at(prefix, $0) } ?? ViewKeys.after(prefix)
    return if let end, try cursor.seek(end.raw) { try cursor.previous() } else { try cursor.last() }
  }

  func advance() throws(StoreError) -> Bool { try descending ? cursor.previous() : cursor.next() }
}
