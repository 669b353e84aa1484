import EventModel
import EventStore
import Testing
import ViewEngine
import ViewKit

@testable import Laterbase

/// Over any events.
private struct MemberNames: ReduceView {
  let name = "member-names"
  func map(_ event: JSON, _ when: Happened, emit: inout Emit<String, Count>) {
    for member in event.members ?? [] { emit(member.name, Count()) }
  }
}

@Suite struct `A check of a database's views` {
  private static let declarations: [any DatabaseDeclaration] = [Database("inbox") { MemberNames() }, Database("plain")]

  /// `plain` is declared without a view, `other` by nobody.
  @Test(arguments: ["plain", "other"]) func `computes those that were attached at run time too`(database name: String) async throws {
    let node = try LaterbaseNode(Self.declarations, storage: .memory)
    defer { node.close() }
    let database = try await node.catalog.create(name).database
    let set = database.set
    #expect(try ViewCheck.report(of: set, Self.declarations) { _ in } == nil)
    #expect(try await database.attach("member-names"))
    var intake = node.intake(nil)
    _ = try await database.append(try intake.draft(document: [UInt8](#"{"a":1,"b":2}"#)))
    try await database.views.catchUp("member-names")
    let sound = try #require(try ViewCheck.report(of: set, Self.declarations) { _ in })
    #expect(sound.views == 1 && sound.keys == 2 && sound.faults == [])
    // The table's last row is one of an event.
    try await set.slice(WriteSize(bytes: 512, events: 1)) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      let cursor = try writer.cursor(.view)
      guard try cursor.last() else { return }
      let key = [UInt8](copying: cursor.key)
      try writer.delete(.view, key.raw)
    }
    let unsound = try #require(try ViewCheck.report(of: set, Self.declarations) { _ in })
    #expect(!unsound.faults.isEmpty && unsound.faults.allSatisfy { $0.hasPrefix("view member-names, ") })
  }
}
