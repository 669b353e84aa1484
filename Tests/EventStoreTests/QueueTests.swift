import EventModel
@testable import EventStore
import StoreConformance
import Synchronization
import Testing

@Suite struct `The queue` {
  private final class Token: Sendable {}
  private struct Watched: Sendable { weak let token: Token? }

  private static func body(_ bytes: Int) -> String { "{\"v\":\"\(String(repeating: "x", count: bytes))\"}" }

  @Test func `lets go of what was answered, while more waits`() async throws {
    var fixture = Fixture()
    let groups = Mutex(0)
    let watched = Mutex<[Watched]>([])
    let alive = Mutex<[Int]>([])
    fixture.options.atStage = { stage in
      guard stage == .admitted else { return .goOn }
      groups.withLock { $0 += 1 }
      alive.withLock { $0.append(watched.withLock { $0.count { $0.token != nil } }) }
      return .goOn
    }
    let set = try fixture.open()
    let body = Self.body(1 << 20)
    let (answers, answer) = AsyncStream.makeStream(of: Void.self)
    // Each is a group of its own: three don't fit one.
    let drafts = (0..<9).map { caller in fixture.draft([body, body, body], second: Int64(caller)) }
    try await set.slice(WriteSize(bytes: 0, events: 0)) { (_: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      for draft in drafts {
        let token = Token()
        watched.withLock { $0.append(Watched(token: token)) }
        set.append(draft) { _ in withExtendedLifetime(token) { _ = answer.yield() } }
      }
    }
    var seen = answers.makeAsyncIterator()
    for _ in drafts { await seen.next() }
    #expect(groups.withLock { $0 } == 9)
    // At the last group but one, two are in the writer's hands or wait: at most as many answered ones are kept.
    #expect(alive.withLock { $0[7] } <= 4, "\(alive.withLock { $0 })")
  }

  @Test func `counts the bytes that a request keeps, not only its bodies`() async throws {
    var fixture = Fixture()
    fixture.options.queueBytesMax = 1 << 20
    let set = try fixture.open()
    let codes = Mutex<[StoreError.Code]>([])
    var drafts: [Draft] = []
    for second in 0..<4 {
      var draft = fixture.draft(["{}"], second: Int64(second))
      draft.input = [UInt8](repeating: 32, count: 600_000)
      drafts.append(draft)
    }
    try await set.slice(WriteSize(bytes: 0, events: 0)) { [drafts] (_: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      for draft in drafts {
        set.append(draft) { if case .failed(let error) = $0 { codes.withLock { $0.append(error.code) } } }
      }
    }
    #expect(codes.withLock { $0 } == [.busy, .busy, .busy])
  }

  @Test func `gives back a request's room before it is answered`() async throws {
    var fixture = Fixture()
    fixture.options.queueBytesMax = 1000
    let set = try fixture.open()
    let drafts = (0..<2).map { fixture.draft([Self.body(600)], second: Int64($0)) }
    let again = await withCheckedContinuation { continuation in
      set.append(drafts[0]) { _ in set.append(drafts[1]) { continuation.resume(returning: $0) } }
    }
    if case .recorded = again {} else { Issue.record("\(again)") }
  }

  @Test func `takes a slice however much waits`() async throws {
    var fixture = Fixture()
    fixture.options.queueBytesMax = 1000
    fixture.options.budget = QueueBudget(bytesMax: 1000)
    let set = try fixture.open()
    let large = fixture.draft([Self.body(10_000)])
    let (ran, run) = AsyncStream.makeStream(of: Bool.self)
    try await set.slice(WriteSize(bytes: 0, events: 0)) { (_: borrowing any StoreWriter & ~Copyable, _) throws(StoreError) in
      set.append(large) { _ in }
      set.writer.submit(Writer.Slice(run: { _ in run.yield(true) }, abandon: { run.yield(false) }))
    }
    var answers = ran.makeAsyncIterator()
    #expect(await answers.next() == true)
  }
}
