import EventModel
import StoreConformance
import ViewKit

/// The laws of a view's rows: joined in whatever brackets, and over several keys if they may be, they give the same answer.
struct Brackets<V: ReduceView> {
  private let view: V
  private let mapped: MappedEvents<V>

  init(_ view: V, _ events: [SeenEvent]) throws {
    self.view = view
    mapped = try MappedEvents(view, events)
  }

  func check(_ random: inout SeededRandom) throws -> (law: String, detail: String)? {
    for (bytes, placed) in mapped.rows.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      let key = try V.RowKey(keyBytes: bytes)
      let rows = placed.map(\.row)
      let inOrder = rows.dropFirst().reduce(rows[0]) { $0.joined($1) }
      let expected = try json(view.finish(inOrder, key))
      let found = try json(view.finish(Self.bracketed(rows[...], &random), key))
      if !found.isNearly(expected) {
        let detail = "\(rows.count) rows of the key \(try KeyBytes.json(bytes)): \(expected) in order, \(found) in other brackets"
        return ("`joined` is associative", detail)
      }
      guard V.Row.commutative, rows.count > 1 else { continue }
      // As if they were the rows of two keys.
      var halves: ([V.Row], [V.Row]) = ([], [])
      var (before, first): (Happened?, Bool) = (nil, true)
      for row in placed {
        // One event's rows stay together: between them nothing says which was first.
        if row.when != before { first = random.chance(1, in: 2) }
        before = row.when
        if first { halves.0.append(row.row) } else { halves.1.append(row.row) }
      }
      guard !halves.0.isEmpty, !halves.1.isEmpty else { continue }
      let together = Self.bracketed(halves.0[...], &random).joined(Self.bracketed(halves.1[...], &random))
      let one = try json(view.finish(inOrder, nil))
      let both = try json(view.finish(together, nil))
      if !both.isNearly(one) {
        return ("keys may be joined, if it says so", "\(rows.count) rows: \(one) as one key, \(both) as two that are joined")
      }
    }
    return nil
  }

  private func json(_ value: V.Value?) throws -> JSON { try value.map(Reference.json) ?? .null }

  /// The rows joined in order, in brackets put at random.
  private static func bracketed(_ rows: ArraySlice<V.Row>, _ random: inout SeededRandom) -> V.Row {
    guard rows.count > 1 else { return rows[rows.startIndex] }
    let middle = Int.random(in: rows.startIndex + 1..<rows.endIndex, using: &random)
    return bracketed(rows[..<middle], &random).joined(bracketed(rows[middle...], &random))
  }
}

extension JSON {
  /// Equal, but for the last digits of numbers with a fraction.
  func isNearly(_ other: JSON) -> Bool {
    if self == other { return true }
    guard kind == other.kind else { return false }
    switch kind {
    case .number:
      guard let a = double, let b = other.double, int == nil || other.int == nil else { return false }
      return (a - b).magnitude <= 1e-9 * Swift.max(a.magnitude, b.magnitude, 1)
    case .array:
      let (a, b) = (elements ?? [], other.elements ?? [])
      return a.count == b.count && zip(a, b).allSatisfy { $0.isNearly($1) }
    case .object:
      let (a, b) = (members ?? [], other.members ?? [])
      return a.count == b.count && zip(a, b).allSatisfy { $0.name == $1.name && $0.value.isNearly($1.value) }
    default: return false
    }
  }
}
