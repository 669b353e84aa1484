import EventModel
import EventStore
import Synchronization

/// A live view's header, read once as long as its row stays the same.
final class LiveView: Sendable {
  let header: ViewHeader
  /// The header's clock as a token.
  let token: String
  fileprivate let row: [UInt8]

  fileprivate init(_ header: ViewHeader, _ row: [UInt8]) { (self.header, self.row, token) = (header, row, header.clock.token) }
}

/// Finds the header of a view that answers: one get, where it was found before. The mutex owns what was found last.
final class LiveViews: Sendable {
  private let name: String
  private let fingerprint: String
  private let last = Mutex<LiveView?>(nil)

  init(_ name: String, _ fingerprint: String) { (self.name, self.fingerprint) = (name, fingerprint) }

  /// The live one of a snapshot; nil: there is none.
  func live(_ reader: borrowing some StoreReader & ~Copyable) throws(StoreError) -> LiveView? {
    if let last = last.withLock({ $0 }), let row = try reader.get(.view, last.header.key.raw) {
      let known = last.row
      if row.equals(known.raw) { return last }
      let header = try ViewHeader(number: last.header.number, reading: row)
      if header.state == .live, header.name == name, header.fingerprint == fingerprint { return keep(header, [UInt8](copying: row)) }
    }
    guard let header = try ViewHeaders(name, fingerprint, reader).live, let row = try reader.get(.view, header.key.raw) else { return nil }
    return keep(header, [UInt8](copying: row))
  }

  private func keep(_ header: ViewHeader, _ row: [UInt8]) -> LiveView {
    let view = LiveView(header, row)
    last.withLock { $0 = view }
    return view
  }
}
