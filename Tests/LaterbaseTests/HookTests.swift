import EventModel
import EventStore
import LMDBStore
import Replication
import Synchronization
import Testing
import ViewKit

@testable import Laterbase

@Suite struct `Hooks` {
  struct Parcel: EventType, Codable, Equatable {
    var code: String
    var kg: Double
  }

  /// Refuses what weighs nothing, and writes codes in upper case.
  struct Rules: Hook {
    let name = "rules"
    func willAppend(_ event: inout Parcel) async throws(Refusal) {
      await Task.yield()
      if event.kg <= 0 { throw Refusal("/kg", "must be more than 0") }
      event.code = event.code.uppercased()
    }
  }

  /// Keeps what it is told; fails as often as it is said to. The mutex owns both.
  final class Audit: Hook {
    typealias Event = Parcel
    struct Failed: Error {}
    struct Told {
      var batches: [[String]] = []
      var failures = 0
    }
    let name: String
    private let told = Mutex(Told())

    init(_ name: String = "audit", failures: Int = 0) {
      self.name = name
      told.withLock { $0.failures = failures }
    }

    func didCommit(_ events: [(Parcel, Happened)]) async throws {
      try told.withLock { told in
        told.batches.append(events.map(\.0.code))
        guard told.failures > 0 else { return }
        told.failures -= 1
        throw Failed()
      }
    }

    var batches: [[String]] { told.withLock { $0.batches } }
    var codes: [String] { batches.flatMap(\.self) }
  }

  private func database(_ hooks: any Hook<Parcel>...) -> Database<Parcel> { Database("parcels", of: Parcel.self, hooks: hooks) }

  private func bodies(_ node: LaterbaseNode, _ name: String = "parcels") async throws -> [String] {
    var bodies: [String] = []
    _ = try await node.catalog.open(name).set.feed(after: Clock()) { (_, body) throws(StoreError) in
      bodies.append([UInt8](copying: body).text)
      return true
    }
    return bodies
  }

  /// Waits for what another task does.
  private func until(_ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(120)
    while try await !condition() {
      try #require(ContinuousClock.now < deadline, "it did not happen in two minutes")
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Runs a node as long as `body` does.
  private func running(_ node: LaterbaseNode, _ body: () async throws -> Void) async throws {
    let run = Task { try await node.run() }
    defer { run.cancel() }
    try await body()
    run.cancel()
    _ = await run.result
  }

  private func pending(_ node: LaterbaseNode) async throws -> [UInt64] {
    try await node.catalog.open("parcels").hookStatus().map(\.pending)
  }

  // MARK: before an append

  @Test func `refuse an event with its place, and nothing of the request is recorded`() async throws {
    let parcels = database(Rules())
    let node = try LaterbaseNode([parcels], storage: .memory)
    let error = await #expect(throws: LaterbaseError.self) {
      try await node[parcels].append([Parcel(code: "a", kg: 1), Parcel(code: "b", kg: 0)])
    }
    #expect(error?.slug == .refused && error?.faults.map(\.index) == [1] && error?.faults.map(\.pointer) == ["/kg"])
    #expect(try node.catalog.names().isEmpty)
  }

  @Test func `amend what is recorded, and leave other bodies as they are`() async throws {
    let node = try LaterbaseNode([database(Rules())], storage: .memory)
    let input =
      #"[{"code":"a","kg":1,"more":[1]},{"code":"B","kg":2,"more":[2]},{"_voids":["01KJPRZB005BDP7GD699X2K06B"]},"#
      + #"{"code":"c","kg":3,"_voids":["01KJPRZB005BDP7GD699X2K06B"]}]"#
    var intake = node.intake(node.declaration("parcels"))
    let draft = try await intake.draft(asking: try intake.parse(document: [UInt8](input), mediaType: "application/json"))
    #expect(
      draft.bodies == [
        #"{"code":"A","kg":1}"#, #"{"code":"B","kg":2,"more":[2]}"#, #"{"_voids":["01KJPRZB005BDP7GD699X2K06B"]}"#,
        #"{"_voids":["01KJPRZB005BDP7GD699X2K06B"],"code":"C","kg":3}"#,
      ])
    #expect(draft.items.map(\.voids.count) == [0, 0, 1, 1])
  }

  @Test func `give one body to a request that is repeated`() async throws {
    let parcels = database(Rules())
    let node = try LaterbaseNode([parcels], storage: .memory)
    let request = ULID(at: .noon, low80: 5)
    for known in [0, 1] {
      let receipt = try await node[parcels].append([Parcel(code: "a", kg: 1)], request: request)
      #expect(receipt.known == known)
    }
    #expect(try await bodies(node) == [#"{"code":"A","kg":1}"#])
  }

  @Test func `are asked about each line of a stream, which says the line of what was refused`() async throws {
    let node = try LaterbaseNode([database(Rules())], storage: .memory)
    var lines = LineAppend(intake: node.intake(node.declaration("parcels")), idsMax: 10) { () throws(LaterbaseError) in
      try await node.catalog.create("parcels").database
    }
    try await lines.write([UInt8]("{\"code\":\"a\",\"kg\":1}\n\n{\"code\":\"b\",\"kg\":-1}\n{\"code\":\"c\",\"kg\":1}\n"))
    do {
      _ = try await lines.finish()
      Issue.record("it was recorded")
    } catch {
      #expect(error.slug == .refused && error.detail.hasPrefix("line 3: ") && error.faults.map(\.line) == [3], "\(error)")
    }
  }

  @Test func `may amend any object, but not set its envelope`() async throws {
    struct Stamp: Hook {
      let name = "stamp"
      func willAppend(_ event: inout JSON) async throws(Refusal) { event = event.setting(event["put"]?.string ?? "by", to: "hook") }
    }
    let inbox = Database("inbox", hooks: [Stamp()])
    let node = try LaterbaseNode([inbox], storage: .memory)
    try await node[inbox].append([["n": 1]])
    #expect(try await bodies(node, "inbox") == [#"{"by":"hook","n":1}"#])
    for put in ["_key", "_nothing", "_at"] {
      let error = await #expect(throws: LaterbaseError.self) { try await node[inbox].append([["put": JSON(put)]]) }
      #expect(error?.slug == .refused, "\(put)")
    }
  }

  @Test func `that can't be told apart, or are of another type, are an error`() {
    struct Other: Hook { let name = "other"; func willAppend(_ event: inout JSON) async throws(Refusal) {} }
    struct Wrong: DatabaseDeclaration {
      typealias Event = Parcel
      var name = "wrong"
      var hooks: [any Hook] = [Other()]
      var views: [any EventView] = []
    }
    for declaration in [database(Audit(), Audit()), database(Audit("A")), Wrong()] as [any DatabaseDeclaration] {
      let error = #expect(throws: LaterbaseError.self) { try LaterbaseNode([declaration], storage: .memory) }
      #expect(error?.slug == .badParameter)
    }
  }

  // MARK: after a commit

  @Test func `are told of own and peers' events in the feed's order, and asked about own ones only`() async throws {
    let audit = Audit()
    let (parcels, plain) = (database(Rules(), audit), database())
    let (node, peer) = (try LaterbaseNode([parcels], storage: .memory), try LaterbaseNode([plain], storage: .memory))
    try await peer[plain].append([Parcel(code: "peer", kg: -1)])
    try await running(node) {
      // The database comes only now.
      try await node[parcels].append([Parcel(code: "a", kg: 1), Parcel(code: "b", kg: 1)])
      try await until { audit.codes.count == 2 }
      _ = try await node.sync("parcels", with: LocalPeer(peer))
      try await node[parcels].append([Parcel(code: "c", kg: 1)])
      try await until { try await pending(node) == [0, 0] }
    }
    #expect(Set(audit.codes) == ["A", "B", "peer", "C"] && audit.codes.count == 4)
    #expect(audit.codes.filter { $0 != "peer" } == ["A", "B", "C"])
  }

  @Test func `are told again until they don't fail, while another one goes on`() async throws {
    let (failing, other) = (Audit("failing", failures: 2), Audit("other"))
    let parcels = database(failing, other)
    var options = NodeOptions()
    let told = News()
    options.onHookNews = { told.add("\($0.hook): \($0.failure ?? "well")") }
    let node = try LaterbaseNode([parcels], storage: .memory, options: options)
    try await node[parcels].append([Parcel(code: "a", kg: 1), Parcel(code: "b", kg: 1)])
    try await running(node) { try await until { try await pending(node) == [0, 0] } }
    #expect(failing.batches == [["a", "b"], ["a", "b"], ["a", "b"]])
    #expect(other.batches == [["a", "b"]])
    #expect(told.all == ["failing: Failed()", "failing: well"])
    #expect(try await node.catalog.open("parcels").hookStatus().allSatisfy { $0.failure == nil })
  }

  private final class News: Sendable {
    private let texts = Mutex<[String]>([])
    var all: [String] { texts.withLock { $0 } }
    func add(_ text: String) { texts.withLock { $0.append(text) } }
  }

  @Test func `go on after a restart where they were, and a new one is told of all`() async throws {
    let folder = TemporaryFolder()
    let (first, second, new) = (Audit(), Audit(), Audit("new"))
    for (hooks, code) in [([first], "a"), ([second, new], "b")] as [([Audit], String)] {
      let parcels = Database("parcels", of: Parcel.self, hooks: hooks)
      let node = try LaterbaseNode([parcels], storage: .lmdb(folder: folder.path))
      try await node[parcels].append([Parcel(code: code, kg: 1)])
      try await running(node) { try await until { try await pending(node).allSatisfy { $0 == 0 } } }
      node.close()
    }
    #expect(first.batches == [["a"]] && second.batches == [["b"]] && new.codes == ["a", "b"])
  }

  @Test func `are told in batches, and a node that ends in one tells it again`() async throws {
    let codes = (0..<1200).map { "p\($0)" }
    // It fails for ever in its third batch: as if the process ended there.
    final class Ending: Hook {
      typealias Event = Parcel
      let name = "audit"
      let audit = Audit()
      func didCommit(_ events: [(Parcel, Happened)]) async throws {
        try await audit.didCommit(events)
        if audit.batches.count >= 3 { throw Audit.Failed() }
      }
    }
    let ending = Ending()
    let folder = TemporaryFolder()
    let before = Database("parcels", of: Parcel.self, hooks: [ending])
    let node = try LaterbaseNode([before], storage: .lmdb(folder: folder.path))
    try await node[before].append(codes.map { Parcel(code: $0, kg: 1) })
    try await running(node) { try await until { ending.audit.batches.count >= 3 } }
    node.close()
    let after = Audit()
    let parcels = database(after)
    let again = try LaterbaseNode([parcels], storage: .lmdb(folder: folder.path))
    try await running(again) { try await until { try await pending(again) == [0] } }
    #expect(ending.audit.batches[0] + ending.audit.batches[1] + after.codes == codes)
    #expect(ending.audit.batches[2] == after.batches[0])
    again.close()
  }

  @Test func `are told again of what lies behind a clock that was taken back under them`() async throws {
    let folder = TemporaryFolder()
    final class Cutting: Hook {
      typealias Event = Parcel
      let name = "cutting"
      let audit = Audit()
      let set = Mutex<EventSet?>(nil)
      func didCommit(_ events: [(Parcel, Happened)]) async throws {
        try await audit.didCommit(events)
        guard audit.batches.count == 2, let set = set.withLock({ $0 }), let own = set.state.own else { return }
        try await set.slice(WriteSize(bytes: 0, events: 0)) { (writer: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
          try KeptClock.lower(to: Clock.Entry(origin: own, n: 0, digest: 0), writer)
        }
      }
    }
    let cutting = Cutting()
    let parcels = Database("parcels", of: Parcel.self, hooks: [cutting])
    let node = try LaterbaseNode([parcels], storage: .lmdb(folder: folder.path))
    try await running(node) {
      try await node[parcels].append([Parcel(code: "a", kg: 1)])
      let set = try await node.catalog.open("parcels").set
      cutting.set.withLock { $0 = set }
      try await until { try await pending(node) == [0] }
      try await node[parcels].append([Parcel(code: "b", kg: 1)])
      try await until { cutting.audit.batches.count == 3 }
      try await until { try await pending(node) == [0] }
    }
    #expect(cutting.audit.batches == [["a"], ["b"], ["a", "b"]])
    cutting.set.withLock { $0 = nil }
    node.close()
  }
}
