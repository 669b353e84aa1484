import EventModel
import EventStore
import Foundation
import LMDBStore
import Testing

@testable import Laterbase

@Suite struct `The catalog` {
  let node: LaterbaseNode

  init() throws { node = try LaterbaseNode([], storage: .memory) }

  func append(_ text: String, to database: OpenedDatabase) async throws {
    var intake = node.intake(nil)
    _ = try await database.append(try intake.draft(document: [UInt8](text)))
  }

  @Test func `opens a database once, whoever asks first`() async throws {
    let made = try await withThrowingTaskGroup(of: (OpenedDatabase, Bool).self) { group in
      for _ in 0..<20 { group.addTask { [node] in try await node.catalog.create("plain") } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(Set(made.map { ObjectIdentifier($0.0) }).count == 1)
    #expect(made.filter(\.1).count == 1)
    #expect(try node.catalog.names() == ["plain"])
  }

  @Test func `knows no database that nobody made`() async throws {
    let error = await #expect(throws: LaterbaseError.self) { try await node.catalog.open("plain") }
    #expect(error?.slug == .noDatabase)
    #expect(try node.catalog.names() == [])
  }

  @Test func `removes a database at once, wakes who waits, and makes it anew as another`() async throws {
    let database = try await node.catalog.create("plain").database
    try await append("{}", to: database)
    var reader = FeedReader(database, after: database.set.state.clock, limit: 0, form: .lines)
    let waiting = Task {
      try await reader.wait(until: .now + .seconds(3600))
    }
    try await node.catalog.remove("plain")
    let woken = await #expect(throws: LaterbaseError.self) { try await waiting.value as Void }
    #expect(woken?.slug == .noDatabase)
    let gone = await #expect(throws: LaterbaseError.self) { try await append("{}", to: database) }
    #expect(gone?.slug == .noDatabase)
    let again = try await node.catalog.create("plain")
    #expect(again.created)
    #expect(again.database.set.state.records == 0)
  }

  @Test func `sets a database aside that is open, tells who waits to ask again, and has an empty one in its place`() async throws {
    let folder = NSTemporaryDirectory() + "laterbase-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let node = try LaterbaseNode([], storage: .lmdb(folder: folder))
    let database = try await node.catalog.create("plain").database
    try await append("{}", to: database)
    let origin = database.set.state.own
    var reader = FeedReader(database, after: database.set.state.clock, limit: 0, form: .lines)
    let waiting = Task { try await reader.wait(until: .now + .seconds(3600)) }
    let path = try await node.catalog.setAside(database, "noise")
    let woken = await #expect(throws: LaterbaseError.self) { try await waiting.value as Void }
    #expect(woken?.slug == .notReady)
    let refused = await #expect(throws: LaterbaseError.self) { try await append("{}", to: database) }
    #expect(refused?.slug == .notReady)
    let empty = try await node.catalog.open("plain")
    #expect(empty !== database && empty.set.state.records == 0)
    try await append("{}", to: empty)
    #expect(empty.set.state.own != origin && empty.set.state.own != nil)
    #expect(try node.catalog.asides(of: "plain") == [path])
    #expect(node.catalog.replacements(of: "plain") == 1)
    let again = await #expect(throws: LaterbaseError.self) { try await node.catalog.setAside(database, "noise") }
    #expect(again?.slug == .notReady)
    #expect(try await node.catalog.open("plain") === empty)
    node.close()
    let store = try LMDBEventStore(folder: path, create: false)
    #expect(try EventSet("plain", store: store, world: .system).state.records == 1)
    store.close()
  }

  @Test(arguments: [false, true])
  func `leaves a damaged database where it is if nobody could fill it again`(hasPeer: Bool) async throws {
    let folder = NSTemporaryDirectory() + "laterbase-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var options = NodeOptions()
    options.check = { (_, tell) in tell(#"{"damage":"store","faults":["noise"],"ok":false}"#) }
    let peers = hasPeer ? [LocalPeer(self.node)] : []
    let node = try LaterbaseNode([], storage: .lmdb(folder: folder), peers: peers, options: options)
    defer { node.close() }
    for round in 0..<10 {
      let database = try await node.catalog.create("plain").database
      let last = Slot<String>()
      let answer = try #require(try await node.verify(database) { last.put($0) })
      #expect(last.value == answer.description && answer["ok"] == false && answer["faults"] == ["noise"])
      let asides = try node.catalog.asides(of: "plain")
      if hasPeer, round < 8 {
        #expect(asides.count == round + 1 && answer["set_aside"]?.string == asides.last && answer["left"] == nil, "\(answer)")
      } else {
        // Not for ever, however often the disk damages it.
        #expect(asides.count == (hasPeer ? 8 : 0) && answer["set_aside"] == JSON.null && answer["left"]?.string != nil, "\(answer)")
        #expect(try await node.catalog.open("plain") === database)
        try await append("{}", to: database)
      }
    }
  }

  @Test func `waits for a clock until it is covered, and says when it isn't in time`() async throws {
    let database = try await node.catalog.create("plain").database
    let elsewhere = try LaterbaseNode([], storage: .memory)
    defer { elsewhere.close() }
    let other = try await elsewhere.catalog.create("plain").database
    try await append("[{},{}]", to: other)
    let clock = other.set.state.clock
    let late = await #expect(throws: LaterbaseError.self) { try await database.wait(atLeast: clock, timeout: .milliseconds(5)) }
    #expect(late?.slug == .behind)
    let waiting = Task { try await database.wait(atLeast: clock, timeout: .seconds(3600)) }
    try await append("{}", to: database)
    _ = try await database.set.merge(VerifiedPage(try other.set.records(after: Clock()).page))
    try await waiting.value
    #expect(database.set.state.clock.covers(clock))
  }
}
