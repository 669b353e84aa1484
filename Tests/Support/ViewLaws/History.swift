import EventModel
import StoreConformance
import ViewKit

/// Random events in the order in which they arrive; some declare others wrong, of this history or of none.
struct History: Sendable {
  struct Entry: Sendable {
    let ulid: ULID
    let body: JSON
    var voids: [ULID] = []
  }

  private(set) var entries: [Entry] = []

  /// - Parameter event: a random event's body, and when it says that it happened.
  init(count: Int, voids: Bool, _ random: inout SeededRandom, event: (inout SeededRandom) throws -> (body: JSON, at: Instant?)) throws {
    let unit: Int64 = [1, 1000, 60_000].randomElement(using: &random) ?? 1
    for _ in 0..<count {
      let (body, at) = try event(&random)
      let happened = at ?? Instant(milliseconds: 1_780_000_000_000 - Int64.random(in: 0...Int64(count), using: &random) * unit)
      entries.append(Entry(ulid: ULID(at: happened, low80: UInt128(random.next())), body: body))
    }
    guard voids else { return }
    let all = entries.map(\.ulid)
    for index in entries.indices where random.chance(1, in: 6) {
      let wanted = (0...Int(random.next() % 3)).map { _ in
        random.chance(1, in: 5) ? ULID(value: UInt128(random.next()) << 64) : all[Int.random(in: all.indices, using: &random)]
      }
      let voids = Set(wanted).subtracting([all[index]]).sorted()
      guard !voids.isEmpty else { continue }
      let list = JSON(voids.map { JSON($0.description) })
      let body: JSON = random.chance(1, in: 2) ? ["_voids": list] : entries[index].body.setting("_voids", to: list)
      entries[index] = Entry(ulid: all[index], body: body, voids: voids)
    }
  }
}

extension [History.Entry] {
  /// The events that none of these declares wrong, in order of happening.
  var survivors: [History.Entry] {
    let voided = Set(flatMap(\.voids))
    return filter { !voided.contains($0.ulid) }.sorted { $0.ulid < $1.ulid }
  }

  /// In the same order, a few at a time.
  func batches(_ random: inout SeededRandom) -> [ArraySlice<History.Entry>] {
    var batches: [ArraySlice<History.Entry>] = []
    var rest = self[...]
    while !rest.isEmpty {
      let batch = rest.prefix(Int.random(in: 1...12, using: &random))
      rest = rest.dropFirst(batch.count)
      batches.append(batch)
    }
    return batches
  }
}

extension Collection<History.Entry> {
  var seen: [SeenEvent] { map { SeenEvent(ulid: $0.ulid, body: $0.body.description) } }
}
