import EventModel
import Foundation
import StoreConformance
import Synchronization
import Testing

/// Five server processes, each on a host of its own, that are cut off from each other and killed while clients write to all of them.
/// `LATERBASE_CLUSTER_SECONDS` says how long (5). The seed says what is done, not when: a failure may need several runs.
@Suite struct ClusterTests {
  private static let seconds = ProcessInfo.processInfo.environment["LATERBASE_CLUSTER_SECONDS"].flatMap { Int($0) } ?? 5
  private static let count = 5
  private static let patience = Duration.seconds(240)

  @Test func `Servers that are cut off and killed under load converge, and nothing acknowledged is lost`() async throws {
    if let reason = await Network.reasonAgainst() {
      print("ClusterTests: skipped, there are no network namespaces for this user here: \(reason)")
      return
    }
    let seed = testSeed()
    try await Folder.with { folder in
      try await Network.with(Self.count) { network in
        let cluster = Cluster(network, folder, seed)
        try await withThrowingTaskGroup { group in
          for index in 0..<Self.count { group.addTask { try await cluster.keepUp(index) } }
          do {
            try await withThrowingTaskGroup { work in
              for index in 0..<Self.count { work.addTask { await cluster.write(index) } }
              work.addTask {
                try await cluster.disturb(for: .seconds(Self.seconds))
                cluster.stopWriting()
              }
              try await work.waitForAll()
            }
            try await Self.check(cluster, seed)
          } catch {
            cluster.stop()
            throw error
          }
          cluster.stop()
          try await group.waitForAll()
        }
      }
    }
  }

  private static func check(_ cluster: Cluster, _ seed: UInt64) async throws {
    let deadline = ContinuousClock.now + patience
    var clocks: [[UInt8]] = []
    repeat {
      clocks = []
      for index in 0..<count { clocks.append(try await cluster.server(index).get("/db/plain/clock").body) }
      try #require(ContinuousClock.now < deadline, "seed \(seed): not level: \(clocks.map { String(decoding: $0, as: UTF8.self) })")
      try await Task.sleep(for: .milliseconds(100))
    } while Set(clocks).count > 1
    let acknowledged = cluster.acknowledged
    #expect(acknowledged.count > 100, "seed \(seed): only \(acknowledged.count) events were acknowledged")
    for index in 0..<count {
      let server = try await cluster.server(index)
      let held = Set(try await server.feed("plain").compactMap { $0["_id"]?.string })
      #expect(acknowledged.subtracting(held).isEmpty, "seed \(seed): node \(index) lacks \(acknowledged.subtracting(held).count)")
      let proof = try #require(try await server.get("/db/plain/verify", accept: "application/x-ndjson").lines.last)
      #expect(proof["ok"] == true, "seed \(seed): node \(index): \(proof)")
    }
    print("ClusterTests: seed \(seed): \(acknowledged.count) events acknowledged, \(cluster.told)")
  }
}

/// The servers, and what happens to them. The mutex owns what is known of them.
private final class Cluster: Sendable {
  private struct State {
    var servers: [Server?]
    /// Ends a server's incarnation.
    var waiting: [CheckedContinuation<Void, Never>?]
    var acknowledged: Set<String> = []
    var isWriting = true
    var isStopping = false
    var cuts = 0
    var kills = 0
  }

  private let network: Network
  private let folder: Folder
  private let seed: UInt64
  private let state: Mutex<State>

  init(_ network: Network, _ folder: Folder, _ seed: UInt64) {
    (self.network, self.folder, self.seed) = (network, folder, seed)
    let count = network.hosts.count
    state = Mutex(State(servers: Array(repeating: nil, count: count), waiting: Array(repeating: nil, count: count)))
  }

  var acknowledged: Set<String> { state.withLock { $0.acknowledged } }
  var told: String { state.withLock { "\($0.cuts) cuts, \($0.kills) kills" } }
  func stopWriting() { state.withLock { $0.isWriting = false } }

  /// Runs a server, again whenever it was killed, until all is over.
  func keepUp(_ index: Int) async throws {
    let host = network.hosts[index]
    let peers = network.hosts.filter { $0.address != host.address }.flatMap { ["--peer", "http://\($0.address):5283"] }
    while !state.withLock({ $0.isStopping }) {
      _ = try await Server.run(
        data: folder["\(index)"], ["--insecure", "--node", "n\(index)"] + peers, listen: "\(host.address):5283", under: host.command
      ) { server in
        await withCheckedContinuation { continuation in
          let isStopping = self.state.withLock { state in
            state.servers[index] = server
            state.waiting[index] = continuation
            return state.isStopping
          }
          if isStopping { self.end(index) }
        }
      }
    }
  }

  private func end(_ index: Int) {
    let waiting = state.withLock { state in
      state.servers[index] = nil
      defer { state.waiting[index] = nil }
      return state.waiting[index]
    }
    waiting?.resume()
  }

  func stop() {
    let count = state.withLock { state in
      state.isStopping = true
      return state.servers.count
    }
    for index in 0..<count { end(index) }
  }

  /// A server that runs.
  func server(_ index: Int) async throws -> Server {
    let deadline = ContinuousClock.now + .seconds(240)
    while ContinuousClock.now < deadline {
      if let server = state.withLock({ $0.servers[index] }) { return server }
      try await Task.sleep(for: .milliseconds(20))
    }
    throw Network.Failed(description: "node \(index) did not come back")
  }

  /// A client of one server: it writes, and notes what was acknowledged.
  func write(_ index: Int) async {
    for request in 0... {
      guard state.withLock({ $0.isWriting }) else { return }
      let events = (0..<1 + request % 20).map { #"{"node":\#(index),"request":\#(request),"i":\#($0)}"# }
      if let server = state.withLock({ $0.servers[index] }),
        let answer = try? await server.post("/db/plain/e", "[\(events.joined(separator: ","))]"), answer.status == 201
      {
        let ids = answer.json["ids"]?.elements?.compactMap(\.string) ?? []
        state.withLock { $0.acknowledged.formUnion(ids) }
      }
      try? await Task.sleep(for: .milliseconds(10))
    }
  }

  /// Cuts, heals and kills at random, then heals all.
  func disturb(for duration: Duration) async throws {
    for index in network.hosts.indices { _ = try await server(index) }
    var random = SeededRandom(seed: seed)
    var cuts: [[Int]] = []
    let end = ContinuousClock.now + duration
    while ContinuousClock.now < end {
      let pair = network.hosts.indices.shuffled(using: &random).prefix(2).sorted()
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<5 where !cuts.contains(pair):
        try await network.setCut(true, pair[0], pair[1])
        cuts.append(pair)
        state.withLock { $0.cuts += 1 }
      case 5..<8 where !cuts.isEmpty:
        let healed = cuts.remove(at: Int.random(in: cuts.indices, using: &random))
        try await network.setCut(false, healed[0], healed[1])
      case 8..<10: kill(pair[0])
      default: break
      }
      try await Task.sleep(for: .milliseconds(Int.random(in: 50...400, using: &random)))
    }
    for cut in cuts { try await network.setCut(false, cut[0], cut[1]) }
  }

  private func kill(_ index: Int) {
    guard let server = state.withLock({ $0.servers[index] }) else { return }
    try? server.killHard()
    state.withLock { $0.kills += 1 }
    end(index)
  }
}
