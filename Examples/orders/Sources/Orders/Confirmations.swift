import Foundation
import ViewKit

/// Puts a confirmation of each order into a folder, from which somebody may send it: also of orders that were recorded at another node.
///
/// It is told of each event at least once, so a confirmation is named by the event: written twice, it is one.
struct Confirmations: Hook {
  let name = "confirmations"
  /// Nil: there are to be none.
  let folder = ProcessInfo.processInfo.environment["ORDERS_CONFIRMATIONS"]

  func didCommit(_ events: [(OrderEvent, Happened)]) async throws {
    guard let folder else { return }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for case (.placed(let order), let when) in events {
      let text = "\(order.customer): your order \(order.order) of \(order.cents) cents, placed at \(when.at)\n"
      // What is thrown here brings the events again, a little later.
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(when.id).txt"), options: .atomic)
    }
  }
}
