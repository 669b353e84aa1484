import EventModel
import EventStore
import ViewKit

extension ViewRunner {
  /// What the slice of a delta does to the figures that were served.
  /// - Returns: nil, if the view keeps no restatements.
  func figures(
    _ delta: MappedDelta, _ header: ViewHeader, _ targets: [Clock], _ reader: borrowing any StoreReader & ~Copyable
  ) throws(StoreError) -> ServedFigures? {
    guard view.restates else { return nil }
    let serves = !targets.isEmpty && (delta.isLast || targets.contains { delta.clock.covers($0) })
    return try ServedFigures(set, view, header, options, serves: serves, reader)
  }

  /// Goes on with comparing what was served, where that was begun; `evenIfOpen`: where anything is left to be compared.
  /// - Returns: whether nothing is left; nil: there was nothing.
  func closeServing(_ header: ViewHeader, evenIfOpen: Bool = false) async throws(StoreError) -> Bool? {
    guard view.restates else { return nil }
    let begun = try set.read { (reader: borrowing any StoreReader & ~Copyable, state) throws(StoreError) -> Slice? in
      let mark = try ServingMark(header.number, reader)?.state
      guard mark == .closing || evenIfOpen && mark != .served else { return nil }
      return try Slice(closing: ServedFigures(set, view, header, options, serves: true, reader), header, options, reader, cuts: state.cuts)
    }
    guard let slice = begun else { return nil }
    return try await put(slice, slice.puts) && !slice.leavesWork
  }
}
