import EventModel
import EventStore
import Synchronization
import Testing
import ViewEngine
import ViewKit

@testable import Laterbase

/// Counts how often it maps an event.
private struct Counted: ReduceView {
  final class Maps: Sendable { let count = Atomic(0) }

  let name = "counted"
  let maps = Maps()
  func map(_ event: JSON, _ when: Happened, emit: inout Emit<String, Count>) {
    maps.count.add(1, ordering: .relaxed)
    emit(event["key"]?.string ?? "", Count())
  }
}

@Suite struct `Those who follow a view` {
  @Test func `share the mapping of each event`() async throws {
    let view = Counted()
    let node = try LaterbaseNode([Database("plain") { view }], storage: .memory)
    defer { node.close() }
    let database = try await node.catalog.create("plain").database
    var followers = (0..<8).map { _ in ViewFollower(database, "counted", ViewQuery(), after: Clock()) }
    var seen = [[String]](repeating: [], count: followers.count)
    for batch in 0..<3 {
      var intake = node.intake(nil)
      let events = (0..<100).map { "{\"key\":\"\($0 % 10)\",\"n\":\(batch * 100 + $0)}" }
      let text = "[\(events.joined(separator: ","))]"
      _ = try await database.append(try intake.draft(document: [UInt8](text)))
      for index in followers.indices {
        var clock: Clock?
        while clock != database.set.state.clock {
          let page = try await followers[index].next(timeout: .seconds(600))
          seen[index] += page.rows.map(\.text)
          clock = page.clock ?? clock
        }
      }
    }
    for rows in seen {
      #expect(rows.count == 30 && rows == seen[0])
      #expect(rows.last == #"{"key":"9","value":30}"#)
    }
    // Once for the view's own rows, and once for all who follow it.
    #expect(view.maps.count.load(ordering: .relaxed) == 600)
  }

  @Test func `are told a row again when it is another one, and never miss one for what was forgotten`() {
    func rows(_ value: Int, _ keys: Range<Int>) -> [ViewRows.Row] {
      keys.map { ViewRows.Row(key: [UInt8]("\($0)"), json: [UInt8]("\($0) is \(value)")) }
    }
    var sent = SentRows()
    #expect(sent.takeChanged(rows(1, 0..<10)).count == 10)
    #expect(sent.takeChanged(rows(1, 0..<12)).map(\.text) == ["10 is 1", "11 is 1"])
    #expect(sent.takeChanged(rows(2, 3..<4)).map(\.text) == ["3 is 2"])
    #expect(sent.takeChanged(rows(1, 3..<4)).map(\.text) == ["3 is 1"])
    // More keys than it remembers: a row that changed is told, whatever was forgotten.
    _ = sent.takeChanged(rows(1, 0..<SentRows.keysMax + 1))
    #expect(sent.takeChanged(rows(3, 0..<SentRows.keysMax + 1)).count == SentRows.keysMax + 1)
  }
}
