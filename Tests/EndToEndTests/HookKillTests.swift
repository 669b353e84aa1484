import EventModel
import Foundation
import StoreConformance
import Synchronization
import Testing

/// A server with a hook after the commit, killed under it.
@Suite struct HookKillTests {
  @Test func `Killed again and again, its hook is told of every event, and its clock is never ahead of what it was told`() async throws {
    let seed = testSeed()
    var random = SeededRandom(seed: seed)
    try await Folder.with { folder in
      let file = folder["told"]
      let acknowledged = Mutex<Set<String>>([])
      for round in 0..<5 {
        let target = acknowledged.withLock { $0.count } + Int.random(in: 20...300, using: &random)
        let killed = try await Self.serve(folder, told: file) { server in
          await Self.write(server, "\(round)", until: target, acknowledged)
        }
        #expect(killed.code == 128 + 9, "seed \(seed), round \(round)")
        try await Self.expectClockBehind(folder, file, "seed \(seed), round \(round)")
      }
      _ = try await Self.serve(folder, told: file) { server in
        let deadline = ContinuousClock.now + .seconds(120)
        while try await server.get("/db/told").json["hooks"]?[0]?["pending"] != 0, ContinuousClock.now < deadline {
          try await Task.sleep(for: .milliseconds(20))
        }
      }
      let missed = acknowledged.withLock { $0 }.subtracting(try Self.lines(file))
      #expect(missed.isEmpty, "seed \(seed): it was not told of \(missed.count)")
      let held = try await Self.serve(folder, told: nil) { server in try await server.feed("told").compactMap { $0["_id"]?.string } }.result
      let told = Set(try Self.lines(file))
      #expect(told.isSuperset(of: held), "seed \(seed)")
      // Nothing is told before it is on disk; a line that a kill has cut is shorter.
      #expect(told.allSatisfy { $0.count < 26 || held.contains($0) }, "seed \(seed)")
    }
  }

  private static func serve<R: Sendable>(
    _ folder: Folder, told file: String?, _ body: @escaping @Sendable (Server) async throws -> R
  ) async throws -> Server.Ended<R> {
    try await Server.run(
      data: folder["data"], under: file.map { ["/usr/bin/env", "TOLD_FILE=\($0)"] } ?? [], executable: Laterbase.beside("ToldExecutable"),
      body)
  }

  private static func lines(_ file: String) throws -> [String] {
    try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map(String.init)
  }

  /// Clients append, one and many events at a time, until so many are acknowledged; then the server is killed under them.
  private static func write(_ server: Server, _ round: String, until target: Int, _ acknowledged: borrowing Mutex<Set<String>>) async {
    let count = Count(acknowledged.withLock { $0.count })
    await withTaskGroup(of: [String].self) { clients in
      for client in 0..<4 { clients.addTask { await append(server, "\(round)-\(client)", 1 + client * 7, until: target, count) } }
      for await ids in clients { acknowledged.withLock { $0.formUnion(ids) } }
    }
  }

  /// How many events are acknowledged. The mutex owns the number.
  private final class Count: Sendable {
    private let value: Mutex<Int>
    init(_ value: Int) { self.value = Mutex(value) }

    func add(_ more: Int) -> Int {
      value.withLock { value in
        value += more
        return value
      }
    }
  }

  private static func append(_ server: Server, _ name: String, _ batch: Int, until target: Int, _ count: Count) async -> [String] {
    var ids: [String] = []
    for request in 0... {
      let events = (0..<batch).map { #"{"client":"\#(name)","n":\#(request * batch + $0)}"# }
      guard let answer = try? await server.post("/db/told/e", "[\(events.joined(separator: ","))]"), answer.status == 201 else { break }
      let new = answer.json["ids"]?.elements?.compactMap(\.string) ?? []
      ids += new
      if count.add(new.count) >= target { try? server.killHard() }
    }
    return ids
  }

  /// What the hook's clock covers, it was told: looked at while the hook fails, so that the clock stands still.
  private static func expectClockBehind(_ folder: Folder, _ file: String, _ context: String) async throws {
    let told = FileManager.default.fileExists(atPath: file) ? Set(try lines(file)) : []
    _ = try await serve(folder, told: nil) { server in
      let hook = try #require(try await server.get("/db/told").json["hooks"]?[0])
      let clock = try #require(hook["clock"]?.string.flatMap { Clock(token: $0) })
      var covered = 0
      for event in try await server.feed("told") {
        let origin = try #require(event["_origin"]?.string.flatMap { Origin($0) })
        guard clock[origin] >= UInt64(event["_seq"]?.int ?? .max) else { continue }
        covered += 1
        #expect(told.contains(event["_id"]?.string ?? ""), "\(context): its clock is ahead of what it was told")
      }
      #expect(covered > 0 || clock.isEmpty, "\(context)")
    }
  }
}
