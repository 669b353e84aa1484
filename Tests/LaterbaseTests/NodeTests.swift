import EventModel
import EventStore
import LMDBStore
import Replication
import Testing
import ViewKit

@testable import Laterbase

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

struct Step: EventType, Codable, Equatable {
  var name: String
  var type = "step"
}

struct ByName: ReduceView {
  let name = "by-name"
  func map(_ event: Step, _ when: Happened, emit: inout Emit<String, Count>) { emit(event.name, Count()) }
}

struct Undeclared: ReduceView {
  let name = "undeclared"
  func map(_ event: Step, _ when: Happened, emit: inout Emit<String, Count>) { emit(event.name, Count()) }
}

struct LastName: FoldView {
  struct State: Codable, Equatable { var name = "" }
  let name = "last-name"
  func map(_ event: Step, _ when: Happened, emit: inout Emit<Bool, String>) { emit(true, event.name) }
  func start(_ key: Bool) -> State { State() }
  func apply(_ row: String, _ when: Happened, to state: inout State) { state.name = row }
  func finish(_ state: State, _ key: Bool) -> State? { state }
}

@Suite struct `A node` {
  static let steps = Database("steps", of: Step.self)

  @Test func `records events and hands them out, each once`() async throws {
    let node = try LaterbaseNode([Self.steps], storage: .memory)
    let db = node[Self.steps]
    let receipt = try await db.append([Step(name: "a"), Step(name: "b")])
    #expect(receipt.recorded == 2)
    var pages: [[Step]] = []
    var clock = Clock()
    for try await page in db.feed() {
      pages.append(page.events.map(\.0))
      clock = page.clock
    }
    #expect(pages == [[Step(name: "a"), Step(name: "b")]])
    #expect(receipt.clock == clock)
    try await db.append([Step(name: "c")])
    for try await page in db.feed(after: clock) { #expect(page.events.map(\.0.name) == ["c"]) }
  }

  @Test func `takes a repeated request for one`() async throws {
    let node = try LaterbaseNode([Self.steps], storage: .memory)
    let request = ULID(at: World.system.now(), low80: 4)
    let first = try await node[Self.steps].append([Step(name: "a"), Step(name: "b")], request: request)
    let again = try await node[Self.steps].append([Step(name: "a"), Step(name: "b")], request: request)
    #expect((first.recorded, first.known) == (2, 0))
    #expect((again.recorded, again.known) == (0, 2))
    #expect(again.ids == first.ids)
  }

  @Test func `follows a feed from before its next event`() async throws {
    let node = try LaterbaseNode([Self.steps], storage: .memory)
    let db = node[Self.steps]
    try await db.append([Step(name: "first")])
    var names: [String] = []
    for try await page in db.feed(follow: true) {
      names += page.events.map(\.0.name)
      if names.count == 3 { break }
      try await db.append([Step(name: "next \(names.count)")])
    }
    #expect(names == ["first", "next 1", "next 2"])
  }

  @Test func `says what a level that nobody else can give came to`() async throws {
    let node = try LaterbaseNode([Self.steps], storage: .memory)
    let db = node[Self.steps]
    for level in [Consistency.one, .quorum, .localQuorum, .eachQuorum, .all] {
      let receipt = try await db.append([Step(name: level.rawValue)], consistency: level)
      #expect((receipt.status, receipt.required, receipt.achieved) == (.success, 1, 1))
    }
    let two = try await db.append([Step(name: "two")], consistency: .two, timeout: .milliseconds(1))
    #expect((two.status, two.required, two.achieved) == (.partial, 2, 1))
    let queued = try await db.append([Step(name: "none")], consistency: .none)
    #expect(queued.status == .queued)
    #expect(queued.clock == nil)
  }

  @Test func `refuses two databases of one name, and reserved ones`() {
    #expect(throws: LaterbaseError.self) { try LaterbaseNode([Self.steps, Database("steps")], storage: .memory) }
    for name in ["db", "nodes", "_own", "Big", "", "1st"] {
      #expect(throws: LaterbaseError.self) { try LaterbaseNode([Database(name)], storage: .memory) }
    }
  }

  @Test func `keeps its identity in its folder, and a copy of the folder is another node`() async throws {
    let folder = TemporaryFolder()
    let first = try LaterbaseNode([Self.steps], storage: .lmdb(folder: folder.path + "/a"))
    try await first[Self.steps].append([Step(name: "a")])
    #expect(throws: LaterbaseError.self) { try LaterbaseNode([], storage: .lmdb(folder: folder.path + "/a")) }
    first.close()
    let again = try LaterbaseNode([Self.steps], storage: .lmdb(folder: folder.path + "/a"))
    #expect(again.id == first.id)
    for try await page in again[Self.steps].feed() { #expect(page.events.map(\.0.name) == ["a"]) }
    again.close()
    let bytes = try #require(try DataFolder.contents(folder.path + "/a/node.json"))
    let copy = try LaterbaseNode([], storage: .lmdb(folder: folder.path + "/b"))
    copy.close()
    try DataFolder.replace(folder.path + "/b/node.json", with: bytes)
    let moved = try LaterbaseNode([], storage: .lmdb(folder: folder.path + "/b"))
    #expect(moved.id != first.id)
    moved.close()
  }

  @Test func `reads its views by their own types`() async throws {
    let counted = Database("steps", of: Step.self) {
      ByName()
      LastName()
    }
    let node = try LaterbaseNode([counted], storage: .memory)
    let db = node[counted]
    try await db.append([Step(name: "a"), Step(name: "b"), Step(name: "a")])
    #expect(try await db.value(of: ByName(), key: "a")?.count == 2)
    #expect(try await db.value(of: ByName(), key: "c") == nil)
    #expect(try await db.rows(of: ByName()).map(\.key) == ["a", "b"])
    #expect(try await db.value(of: LastName(), key: true) == LastName.State(name: "a"))
    try await db.append([Step(name: "late")], at: Instant(milliseconds: 5))
    #expect(try await db.rows(of: LastName()).map(\.value.name) == ["a"])
    await #expect(throws: LaterbaseError.self) { try await node[Self.steps].value(of: Undeclared(), key: "a") }
  }

  @Test func `reads its views as of a time of happening, and as it knew them`() async throws {
    let declared = Database("steps", of: Step.self) {
      ByName()
      LastName()
    }
    let node = try LaterbaseNode([declared], storage: .memory)
    let db = node[declared]
    func at(_ milliseconds: Int64) -> Instant { Instant(milliseconds: milliseconds) }
    let first = try #require(try await db.append([Step(name: "a"), Step(name: "a")], at: at(1000)).clock)
    let until = World.system.now()
    while World.system.now() <= until { await Task.yield() }
    try await db.append([Step(name: "b")], at: at(500))
    try await db.append([Step(name: "a")], at: at(2000))
    #expect(try await db.value(of: ByName(), key: "a")?.count == 3)
    #expect(try await db.value(of: ByName(), key: "a", TimeTravel(happenedBefore: at(2000)))?.count == 2)
    #expect(try await db.value(of: ByName(), key: "a", TimeTravel(happenedFrom: at(2000)))?.count == 1)
    #expect(try await db.rows(of: ByName(), TimeTravel(happenedBefore: at(1000))).map(\.key) == ["b"])
    for known in [TimeTravel.Known.exactly(first), .recordedBy(until), .heldAt(until)] {
      #expect(try await db.rows(of: ByName(), TimeTravel(known: known)).map(\.value.count) == [2])
      #expect(try await db.value(of: LastName(), key: true, TimeTravel(happenedBefore: at(1000), known: known)) == nil)
      #expect(try await db.rows(of: LastName(), TimeTravel(happenedBefore: at(1001), known: known)).map(\.value.name) == ["a"])
    }
    #expect(try await db.value(of: LastName(), key: true, TimeTravel(happenedBefore: at(600)))?.name == "b")
    let foreign = Clock([Clock.Entry(origin: Origin(value: 7), n: 1, digest: 1)])
    await #expect { try await db.value(of: ByName(), key: "a", TimeTravel(known: .exactly(foreign))) } throws: { error in
      (error as? LaterbaseError)?.slug == .clockNotHeld
    }
  }

  @Test func `takes a store of the user's own`() async throws {
    let provider = MemoryEventStoreProvider()
    let node = try LaterbaseNode([Self.steps], storage: .custom(provider))
    try await node[Self.steps].append([Step(name: "a")])
    #expect(try provider.names() == ["steps"])
  }
}

/// A folder that goes with the value.
final class TemporaryFolder {
  let path: String

  init() {
    var template = Array("/tmp/laterbase-test-XXXXXX".utf8CString)
    let made = unsafe template.withUnsafeMutableBufferPointer { buffer in unsafe buffer.baseAddress.map { unsafe mkdtemp($0) != nil } }
    #expect(made == true)
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { remove(path) }

  private func remove(_ path: String) {
    if unsafe unlink(path) == 0 { return }
    if let handle = unsafe opendir(path) {
      while let entry = unsafe readdir(handle) {
        let start = unsafe UnsafeRawPointer(entry).advanced(by: MemoryLayout<dirent>.offset(of: \dirent.d_name) ?? 0)
        let name = unsafe String(cString: start.assumingMemoryBound(to: CChar.self))
        if name != "." && name != ".." { remove(path + "/" + name) }
      }
      unsafe closedir(handle)
    }
    unsafe rmdir(path)
  }
}
