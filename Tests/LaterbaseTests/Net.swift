import EventModel
import EventStore
import Replication
import Synchronization

@testable import Laterbase

/// Nodes of one process that reach each other by address.
final class Net: Sendable {
  let news = Mutex<[String]>([])
  /// Records that came from an address, and that went there, by the address and the database.
  let pulled = Mutex<[[String]: Int]>([:])
  let pushed = Mutex<[[String]: Int]>([:])
  /// How often who answers at an address was asked who it is.
  let asked = Mutex<[String: Int]>([:])
  private let nodes = Mutex<[String: (node: LaterbaseNode, run: Task<Void, any Error>)]>([:])
  /// Further addresses of nodes, those that are cut off, and how many pulls are under way by each.
  private let ways = Mutex((also: [String: String](), cut: Set<String>(), pulls: [String: Int]()))

  static func address(_ name: String) -> String { "http://\(name)" }

  /// Runs a test's nodes, and ends them.
  static func run<R>(_ body: (Net) async throws -> R) async throws -> R {
    let net = Net()
    let result: Result<R, any Error>
    do { result = .success(try await body(net)) } catch { result = .failure(error) }
    for place in net.nodes.withLock({ Array($0.keys) }) { await net.stop(place) }
    return try result.get()
  }

  /// Makes a node and runs it.
  func node(
    _ place: String, region: String = "eu", cluster: String = "laterbase", name: String? = nil, peers: [String] = [],
    databases: Set<String>? = nil, storage: Storage = .memory, pushes: Bool = false, minute: Duration = .seconds(60)
  ) throws -> LaterbaseNode {
    var options = NodeOptions()
    (options.cluster, options.databases, options.pollingMinute) = (cluster, databases, minute)
    options.patience = (.seconds(600), .seconds(600))
    options.pushes = pushes
    options.connect = { [weak self] address in Reached(name: address, net: self) }
    options.onPeerNews = { [weak self] news in self?.news.withLock { $0.append(news.message) } }
    let node = try LaterbaseNode(
      [], storage: storage, name: name ?? place, region: region, peers: peers.map { Reached(name: Self.address($0), net: self) },
      options: options)
    // Who pushes is a device that can't be reached, from which nobody pulls.
    node.cluster.setAddress(pushes ? nil : Self.address(place))
    nodes.withLock { $0[Self.address(place)] = (node, Task { try await node.run() }) }
    return node
  }

  /// Has another node answer at an address, which knows nothing.
  func replace(_ place: String) async throws -> LaterbaseNode {
    let old = nodes.withLock { $0[Self.address(place)] }
    let new = try node(place)
    old?.run.cancel()
    _ = await old?.run.result
    old?.node.close()
    return new
  }

  func stop(_ place: String) async {
    let address = place.hasPrefix("http") ? place : Self.address(place)
    guard let (node, run) = nodes.withLock({ $0.removeValue(forKey: address) }) else { return }
    run.cancel()
    _ = await run.result
    node.close()
  }

  /// Lets a node be reached at another place too.
  func add(_ place: String, of other: String) { ways.withLock { $0.also[Self.address(place)] = Self.address(other) } }

  /// Cuts a place off, or heals it; the node that is there can still be reached at others.
  func cut(_ place: String, _ isCut: Bool = true) {
    ways.withLock { if isCut { $0.cut.insert(Self.address(place)) } else { $0.cut.remove(Self.address(place)) } }
  }

  /// How many pulls are under way by a place.
  func pulls(by place: String) -> Int { ways.withLock { $0.pulls[Self.address(place)] ?? 0 } }

  fileprivate func count(_ change: Int, by address: String) { ways.withLock { $0.pulls[address, default: 0] += change } }

  func reach(_ address: String) throws(SyncError) -> LocalPeer {
    let (place, isCut) = ways.withLock { ($0.also[address] ?? address, $0.cut.contains(address)) }
    guard !isCut, let node = nodes.withLock({ $0[place]?.node }) else {
      throw SyncError(.unreachable, "\(address) is away")
    }
    return LocalPeer(node)
  }
}

/// Whoever is at an address.
struct Reached: PeerTransport {
  let name: String
  weak let net: Net?

  private func peer() throws(SyncError) -> LocalPeer {
    guard let net else { throw SyncError(.unreachable, "the net is gone") }
    return try net.reach(name)
  }

  func join(_ introduction: Introduction) async throws(SyncError) -> Introduction? {
    net?.asked.withLock { $0[name, default: 0] += 1 }
    return try await peer().join(introduction)
  }

  func databases() async throws(SyncError) -> [String] { try await peer().databases() }
  func clock(of database: String) async throws(SyncError) -> PeerClock? { try await peer().clock(of: database) }
  func pull(
    _ database: String, _ request: PullRequest, receive: @Sendable (RecordPage) async throws(SyncError) -> Void
  ) async throws(SyncError) -> PullEnd {
    let peer = try peer()
    net?.count(1, by: name)
    defer { net?.count(-1, by: name) }
    return try await peer.pull(database, request) { (page) throws(SyncError) in
      // What was cut meanwhile doesn't arrive.
      _ = try self.peer()
      net?.pulled.withLock { $0[[name, database], default: 0] += page.entries.count }
      try await receive(page)
    }
  }

  func push(_ database: String, _ pages: [RecordPage]) async throws(SyncError) -> PeerClock {
    try await push(database, pages, from: .nobody)
  }

  func push(_ database: String, _ pages: [RecordPage], from sender: Sender) async throws(SyncError) -> PeerClock {
    let peer = try peer()
    net?.pushed.withLock { $0[[name, database], default: 0] += pages.reduce(0) { $0 + $1.entries.count } }
    return try await peer.push(database, pages, from: sender)
  }
}
