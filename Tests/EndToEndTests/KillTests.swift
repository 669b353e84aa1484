import EventModel
import StoreConformance
import Synchronization
import Testing

@Suite struct KillTests {
  /// What the clients were told: the ids of events that were acknowledged, and the names of requests whose fate they don't know.
  private struct Told {
    var acknowledged: Set<String> = []
    var requests = 0
  }

  @Test func `Killed again and again while clients write, it keeps every acknowledged event`() async throws {
    let seed = testSeed()
    var random = SeededRandom(seed: seed)
    try await Folder.with { folder in
      let told = Mutex(Told())
      for round in 0..<6 {
        let target = told.withLock { $0.acknowledged.count } + Int.random(in: 20...400, using: &random)
        let ended = try await Server.run(data: folder["data"]) { server in
          try await Self.write(server, round, until: target, told)
          try server.killHard()
        }
        #expect(ended.code == 128 + 9, "seed \(seed), round \(round)")
      }
      let verify = try await Laterbase.run("verify", "--data", folder["data"])
      #expect(verify.code == 0, "seed \(seed): \(verify.output)")
      let acknowledged = told.withLock { $0.acknowledged }
      _ = try await Server.run(data: folder["data"]) { server in
        try Self.check(try await server.feed("kill"), acknowledged, seed)
      }
    }
  }

  /// Eight clients write, single events and batches of 20, until so many events are acknowledged; then the server is killed under them.
  private static func write(_ server: Server, _ round: Int, until target: Int, _ told: borrowing Mutex<Told>) async throws {
    let shared = Shared(server: server, target: target)
    await withTaskGroup(of: [String].self) { clients in
      for client in 0..<8 { clients.addTask { await shared.client("\(round)-\(client)", batch: client % 2 == 0 ? 1 : 20) } }
      for await ids in clients { told.withLock { $0.acknowledged.formUnion(ids) } }
    }
    #expect(shared.acknowledged >= 20)
  }

  /// What the clients of one round share. The mutex owns the count.
  private final class Shared: Sendable {
    private let server: Server
    private let target: Int
    private let count: Mutex<Int>

    init(server: Server, target: Int) {
      (self.server, self.target) = (server, target)
      count = Mutex(0)
    }

    var acknowledged: Int { count.withLock { $0 } }

    /// Posts until the connection breaks; kills the server when enough were acknowledged.
    func client(_ name: String, batch: Int) async -> [String] {
      var ids: [String] = []
      for request in 0... {
        let events = (0..<batch).map { #"{"request":"\#(name)-\#(request)","batch":\#(batch),"i":\#($0)}"# }
        guard let answer = try? await server.post("/db/kill/e", "[\(events.joined(separator: ","))]"), answer.status == 201 else { break }
        let new = answer.json["ids"]?.elements?.compactMap(\.string) ?? []
        ids += new
        let all = count.withLock { count in
          count += new.count
          return count
        }
        if all >= target { try? server.killHard() }
      }
      return ids
    }
  }

  private static func check(_ events: [JSON], _ acknowledged: Set<String>, _ seed: UInt64) throws {
    let ids = events.compactMap { $0["_id"]?.string }
    #expect(Set(ids).count == ids.count, "seed \(seed)")
    #expect(acknowledged.subtracting(ids).isEmpty, "seed \(seed)")
    for (origin, log) in Dictionary(grouping: events, by: { $0["_origin"]?.string ?? "" }) {
      let numbers = log.compactMap { $0["_seq"]?.int }.sorted()
      #expect(numbers == Array(1...numbers.count), "seed \(seed): a hole in \(origin)")
    }
    for (request, part) in Dictionary(grouping: events, by: { $0["request"]?.string ?? "" }) {
      #expect(part.count == part[0]["batch"]?.int, "seed \(seed): \(request) is there in part")
    }
  }
}
