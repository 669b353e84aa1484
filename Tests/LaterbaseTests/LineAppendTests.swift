import EventModel
import EventStore
import StoreConformance
import Testing

@testable import Laterbase

@Suite struct `Lines` {
  let node: LaterbaseNode

  init() throws { node = try LaterbaseNode([], storage: .memory, options: NodeOptions(), world: .still()) }

  /// Records a text in pieces.
  func record(_ text: String, pieces: (Int) -> Int, idsMax: Int = 10_000) async throws(LaterbaseError) -> (
    receipt: Receipt, hasIDs: Bool, database: OpenedDatabase?
  ) {
    var append = LineAppend(intake: node.intake(nil), idsMax: idsMax) { [node] () throws(LaterbaseError) in
      try await node.catalog.create("plain").database
    }
    let bytes = [UInt8](text)
    var at = 0
    while at < bytes.count {
      let end = min(bytes.count, at + pieces(at))
      try await append.write([UInt8](bytes[at..<end]))
      at = end
    }
    let result = try await append.finish()
    return (result.receipt, result.hasIDs, result.database)
  }

  @Test func `give the same events however the stream is cut`() async throws {
    let seed = testSeed()
    var random = SeededRandom(seed: seed)
    var text = ""
    var count = 0
    for n in 0..<200 {
      switch Int.random(in: 0..<4, using: &random) {
      case 0: text += [" \t\r\n", "\n"][Int.random(in: 0..<2, using: &random)]
      default:
        text += "{\"n\":\(n),\"text\":\"\(String(repeating: "x", count: Int.random(in: 0..<50, using: &random)))\"}\n"
        count += 1
      }
    }
    text += "{\"last\":true}"
    let result = try await record(text) { _ in Int.random(in: 1...40, using: &random) }
    #expect(result.receipt.recorded == count + 1, "seed \(seed)")
    #expect(result.receipt.ids.count == count + 1)
    #expect(result.receipt.ids == result.receipt.ids.sorted())
    #expect(result.receipt.clock.map { $0.entries.map(\.n) } == [UInt64(count + 1)])
  }

  @Test func `without an event make no database`() async throws {
    let result = try await record("\n  \n\t\r\n") { _ in 3 }
    #expect(result.receipt.recorded == 0)
    #expect(result.database == nil)
    #expect(try node.catalog.names() == [])
  }

  @Test func `that are too many have no ids`() async throws {
    #expect(try await record("{}\n{}\n{}\n", pieces: { _ in 100 }, idsMax: 2).hasIDs == false)
    #expect(try await record("{}\n{}\n", pieces: { _ in 100 }, idsMax: 2).hasIDs)
  }

  @Test(arguments: [1000, 1 << 20]) func `keep what was committed before a bad one, and say how much`(piece: Int) async throws {
    let good = LineAppend.groupEventsMax
    var text = "\n"
    for n in 0..<good + 10 { text += "{\"n\":\(n)}\n" }
    text += "{\"n\":}\n{\"after\":1}\n"
    let error = try await #require(throws: LaterbaseError.self) { _ = try await record(text) { _ in piece } }
    #expect(error.slug == .notJSON)
    #expect(error.faults.map(\.index) == [good + 10])
    #expect(error.faults.map(\.line) == [good + 12])
    let progress = try #require(error.progress)
    #expect(progress.lines == good + 1)
    #expect(progress.recorded == good)
    let set = try await node.catalog.open("plain").set
    #expect(set.state.records == UInt64(good))
    #expect(progress.clock == set.state.clock)
  }

  @Test func `name the line of an event that is refused`() async throws {
    let error = try await #require(throws: LaterbaseError.self) {
      _ = try await record("{}\n\n{\"_at\":\"2027-01-01T00:00:00Z\"}\n") { _ in 5 }
    }
    #expect(error.slug == .refused)
    #expect(error.faults.map(\.line) == [3])
    #expect(error.faults.map(\.index) == [1])
    #expect(error.progress?.lines == 0)
  }

  @Test func `name the line of a ULID that another event has`() async throws {
    let id = ULID(at: .noon, low80: 9)
    let error = try await #require(throws: LaterbaseError.self) {
      _ = try await record("{}\n\n{\"_id\":\"\(id)\"}\n{\"_id\":\"\(id)\",\"a\":1}\n") { _ in 5 }
    }
    #expect(error.slug == .taken)
    #expect(error.faults.map(\.line) == [4])
    #expect(error.faults.map(\.index) == [2])
  }

  @Test func `that never end are refused before they fill the memory`() async throws {
    let error = try await #require(throws: LaterbaseError.self) {
      _ = try await record(String(repeating: " ", count: 3 << 20)) { _ in 1 << 16 }
    }
    #expect(error.slug == .tooLarge)
  }
}
