import EventModel
import EventStore
import ViewKit

/// A consecutive part of the delta after a view's clock, mapped: what is to be put into the view.
struct MappedDelta: Sendable {
  struct Row: Sendable {
    let key: [UInt8]
    let pos: Pos
    var stored: StoredRow
  }

  /// What a row takes in memory beside its key and its bytes, about.
  static let rowBytes = 160

  var rows: [Row] = []
  var bytes = 0
  /// Events handed out.
  var events = 0
  /// Events that the view can't decode or map, and why; nil: it is voided, so nothing is said of it.
  var skipped: [Happened: String?] = [:]
  /// The view's clock when all of this has been put.
  var clock: Clock
  /// Whether nothing is left behind it.
  var isLast = false
  /// What void events of this delta declare wrong, and ULIDs of its events that any event held declares wrong.
  private var voids: Set<ULID> = []

  init(after clock: Clock) { self.clock = clock }

  /// Walks on in the delta, decoding and mapping each event, until a bound is reached. Events that are void or voided: `heedVoids`.
  ///
  /// - Parameters:
  ///   - recordsMax: at least one record is walked.
  ///   - rowsMax: of all that was walked so far, as `bytesMax`.
  mutating func walk(
    _ set: EventSet, _ database: CompiledDatabase, _ view: CompiledView, recordsMax: Int, rowsMax: Int, bytesMax: Int
  ) throws(StoreError) {
    var delta = self
    self = MappedDelta(after: clock)
    let page = try set.feed(after: clock, recordsMax: recordsMax, repeats: true) { (event, body) throws(StoreError) in
      let when = Happened(id: event.ulid, digest: Digest.sha256(body).first16)
      let decoded = database.decode(JSON(normalForm: [UInt8](copying: body)))
      if event.isVoid { delta.voids.formUnion(decoded.body.voids) }
      if !event.voidedBy.isEmpty { delta.voids.insert(event.ulid) }
      delta.events += 1
      delta.add(decoded, when, recorded: event.first.hlc, voided: nil, view)
      return delta.rows.count < rowsMax && delta.bytes < bytesMax
    }
    (delta.clock, delta.isLast) = (page.clock, page.pending == 0)
    self = delta
  }

  /// Brings the rows in the order of their keys, each key's in order of happening.
  mutating func sort() {
    rows.sort { a, b in
      let order = a.key.raw.compare(b.key.raw)
      return order == 0 ? a.pos < b.pos : order < 0
    }
  }

  /// Takes out what events that the delta's clock covers declare wrong, whichever came first: the voided events' rows are put again, marked.
  /// A void that this clock doesn't cover waits for its own turn, so that the view is right at its clock.
  mutating func heedVoids(
    _ set: EventSet, _ database: CompiledDatabase, _ view: CompiledView, _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) {
    for ulid in voids.sorted() {
      guard let voided = try set.voided(ulid, by: clock, reader) else { continue }
      var events: [(DecodedEvent, Happened, HLC)] = []
      try set.elements(ulid, coveredBy: clock, reader) { (id, recorded, body) in
        let decoded = database.decode(JSON(normalForm: [UInt8](copying: body)))
        events.append((decoded, Happened(id: id.ulid, digest: id.digest), recorded))
      }
      for (decoded, when, recorded) in events { add(decoded, when, recorded: recorded, voided: voided, view) }
    }
  }

  private mutating func add(_ event: DecodedEvent, _ when: Happened, recorded: HLC, voided: HLC?, _ view: CompiledView) {
    do throws(Refusal) {
      for (index, mapped) in try view.map(event, when).enumerated() {
        bytes += mapped.key.count + mapped.row.count + Self.rowBytes
        rows.append(
          Row(
            key: mapped.key, pos: Pos(when, emitIndex: index), stored: StoredRow(recorded: recorded, voided: voided, row: mapped.row)))
      }
    } catch {
      skipped[when] = .some(voided == nil ? String(error.description.prefix(500)) : nil)
    }
  }
}

extension JSON {
  /// What a body's `_voids` lists: in normal form an array of ULIDs.
  fileprivate var voids: [ULID] { self["_voids"]?.elements?.compactMap { $0.string.flatMap { ULID($0) } } ?? [] }
}
