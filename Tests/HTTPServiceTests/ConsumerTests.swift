import EventModel
import Foundation
import Laterbase
import Replication
import StoreConformance
import Testing

@testable import HTTPService

/// Consumers that move between nodes over the feed in all its forms, while nodes record, record the same events again, and bring each other
/// on in part (after the model: a consumer may be told twice, and misses nothing; with `at_least` it isn't told twice either).
@Suite struct `Consumers that move between nodes` {
  /// One that reads a feed, and where it is.
  private struct Consumer {
    let filter: String
    /// Reads only at nodes that hold all that its clock covers.
    let waits: Bool
    var clock = "0"
    var seen: [Int] = []

    /// Reads once, in one of the feed's forms.
    mutating func read(_ client: Client, form: Int, limit: Int) async throws {
      var query = "lc=\(clock)&limit=\(limit)\(filter)"
      if waits { query += "&at_least=\(clock)" }
      query += ["", "&feed=longpoll", "&feed=continuous", "&feed=eventsource"][form] + "&timeout=1ms"
      let reply = try await client.get("/db/steps/e?\(query)")
      if waits, reply.slug == "behind" { return }
      try #require(reply.status == 200, "\(reply.text)")
      switch form {
      case 0, 1:
        seen += reply.numbers
        clock = try #require(reply.json["clock"]?.string)
      case 2:
        seen += reply.lines.compactMap { $0["n"]?.int }
        clock = try #require(reply.lines.last?["clock"]?.string)
      default:
        // Broken off anywhere, it goes on behind the last event that came whole.
        let parts = reply.text.components(separatedBy: "\n\n").filter { !$0.isEmpty }
        let kept = limit % 2 == 0 ? parts : Array(parts.prefix(1 + limit % parts.count))
        for part in kept {
          for line in part.split(separator: "\n") {
            if line.hasPrefix("id: ") { clock = String(line.dropFirst(4)) }
            if line.hasPrefix("data: ") { seen += [try #require(JSON(normalForm: Array(line.dropFirst(6).utf8))["n"]?.int)] }
          }
        }
      }
    }
  }

  @Test(arguments: 0..<16) func `miss nothing`(round: Int) async throws {
    let seed = testSeed(round: round)
    var random = SeededRandom(seed: seed)
    let nodes = try (0..<2 + random.below(3)).map { _ in try LaterbaseNode([], storage: .memory) }
    try await withClients(nodes[...], []) { [random] clients in
      var random = random
      var consumers = [Consumer(filter: "", waits: false), Consumer(filter: "", waits: true), Consumer(filter: "&type=even", waits: true)]
      var events: [String] = []
      for _ in 0..<60 {
        let client = clients[random.below(clients.count)]
        switch random.below(10) {
        case 0...2:
          events.append(Self.event(events.count, &random))
          #expect(try await client.post("/db/steps/e", events[events.count - 1]).status == 201, "seed \(seed)")
        case 3 where !events.isEmpty:
          // The same event, recorded at another node before it came there, has two dots.
          #expect(try await client.post("/db/steps/e", events[random.below(events.count)]).status == 201, "seed \(seed)")
        case 4, 5:
          let other = clients[random.below(clients.count)]
          if other.port != client.port || other.node !== client.node, !events.isEmpty {
            _ = try? await Relay("steps", from: LocalPeer(other.node), to: LocalPeer(client.node), node: client.node.id).run()
          }
        default:
          let index = random.below(consumers.count)
          guard (try? client.node.catalog.names().contains("steps")) == true else { continue }
          try await consumers[index].read(client, form: random.below(4), limit: [1, 2, 3, 50][random.below(4)])
        }
      }
      events.append(Self.event(events.count, &random))
      _ = try await clients[0].post("/db/steps/e", events[events.count - 1])
      for _ in 0..<2 { for a in nodes { for b in nodes where a !== b { _ = try await a.sync("steps", with: LocalPeer(b)) } } }
      for index in consumers.indices {
        for client in clients { for _ in 0..<2 { try await consumers[index].read(client, form: random.below(4), limit: 1000) } }
        try await consumers[index].read(clients[0], form: 0, limit: 0)
        let wanted = consumers[index].filter.isEmpty ? Set(0..<events.count) : Set((0..<events.count).filter { $0 % 2 == 0 })
        #expect(Set(consumers[index].seen) == wanted, "seed \(seed)")
        if consumers[index].waits { #expect(consumers[index].seen.count == wanted.count, "seed \(seed): told twice") }
      }
    }
    for node in nodes { node.close() }
  }

  private static func event(_ n: Int, _ random: inout SeededRandom) -> String {
    let id = ULID(at: Instant(milliseconds: 1_772_366_400_000 + Int64(random.below(1000))), low80: UInt128(n))
    return "{\"_id\":\"\(id)\",\"n\":\(n),\"type\":\"\(n % 2 == 0 ? "even" : "odd")\"}"
  }

  /// A server's router for each node.
  private func withClients(
    _ nodes: ArraySlice<LaterbaseNode>, _ clients: [Client], _ body: @escaping @Sendable ([Client]) async throws -> Void
  ) async throws {
    guard let node = nodes.first else { return try await body(clients) }
    let rest = nodes.dropFirst()
    try await serving(.router, node) { client in try await withClients(rest, clients + [client], body) }
  }
}

extension SeededRandom {
  fileprivate mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
