import ArgumentParser
import EventModel
import EventStore
import FoundationEssentials
import HTTPService
import Laterbase
import Replication
import Synchronization

struct Sync: ContextCommand {
  static let configuration = CommandConfiguration(
    abstract: "Bring two nodes level, once: what the one lacks comes from the other, both ways.",
    discussion: """
      Each is a server's URL, or a data folder that no server is using: a folder that isn't there is made, if the other one is. What went
      over stays if it is interrupted; the next run goes on from there. Exit code 1 if they did not become level.
      """)

  @Argument(help: ArgumentHelp("A URL or a data folder.", valueName: "a")) var first: String
  @Argument(help: ArgumentHelp("Another one.", valueName: "b")) var second: String
  @Option(name: .customLong("db"), help: ArgumentHelp("Only this database; may be repeated.", valueName: "name"))
  var databases: [String] = []
  @Option(help: ArgumentHelp("The servers' cluster.", valueName: "name")) var cluster = PullRequest.standardCluster
  @Flag(help: "Print the results as lines of JSON.") var json = false

  func perform(_ context: Context) async throws(Failure) {
    let places = [Place(first), Place(second)]
    if places.allSatisfy(\.isMissing) { throw .failed("there is neither a data folder \(first) nor \(second)") }
    var peers: [any PeerTransport] = []
    var nodes: [LaterbaseNode] = []
    defer { for node in nodes { node.close() } }
    for place in places {
      if let node = try place.open(context, cluster) { nodes.append(node) }
      peers.append(place.isURL ? HTTPPeer(place.name, cluster: cluster) : LocalPeer(nodes[nodes.count - 1], name: place.name))
    }
    var level = true
    for name in try await names(peers[0], peers[1]) {
      let outcome = try await self.level(name, peers[0], peers[1], context.console)
      try context.console.print(json ? outcome.line : outcome.words(first, second))
      level = level && outcome.faults.isEmpty
    }
    if !level { throw .failed("\(first) and \(second) did not become level") }
  }

  private func names(_ first: any PeerTransport, _ second: any PeerTransport) async throws(Failure) -> [String] {
    do throws(SyncError) {
      let all = Set(try await first.databases()).union(try await second.databases())
      if let missing = databases.first(where: { !all.contains($0) }) { throw SyncError(.notHeld, "neither has a database \(missing)") }
      return databases.isEmpty ? all.sorted() : databases
    } catch {
      throw .failed(error.message)
    }
  }

  private struct Outcome {
    let name: String
    let toFirst: Int
    let toSecond: Int
    let faults: [String]

    var line: String {
      JSON(members: [
        ("database", JSON(name)), ("level", JSON(faults.isEmpty)), ("to_first", JSON(toFirst)), ("to_second", JSON(toSecond)),
        ("faults", JSON(faults.map { JSON($0) })),
      ]).description
    }

    func words(_ first: String, _ second: String) -> String {
      let records = toFirst == 1 ? "record" : "records"
      let line = "\(name): \(toFirst) \(records) to \(first), \(toSecond) to \(second)\(faults.isEmpty ? "" : ", NOT LEVEL")"
      return ([line] + faults.map { "  \($0)" }).joined(separator: "\n")
    }
  }

  private func level(
    _ name: String, _ first: any PeerTransport, _ second: any PeerTransport, _ console: Console
  ) async throws(Failure) -> Outcome {
    let progress = Shown("records of \(name)", console)
    defer { progress.finish() }
    do throws(SyncError) {
      let (here, there) = try await Relay.level(name, first, second, cluster: cluster) { progress.advance(by: $0) }
      var faults: [String] = []
      for log in here.parked + there.parked where !faults.contains(where: { $0.contains("\(log.origin)") }) {
        faults.append("the log \(log.origin): \(log.reason)")
      }
      if let alarm = here.alarm ?? there.alarm { faults.append(alarm) }
      return Outcome(name: name, toFirst: here.records, toSecond: there.records, faults: faults)
    } catch {
      throw .failed("\(name): \(error.message)")
    }
  }

  /// Progress that any task counts on. The mutex owns it.
  private final class Shown: Sendable {
    private let progress: Mutex<Progress>
    init(_ what: String, _ console: Console) { progress = Mutex(Progress(what, on: console)) }
    func advance(by count: Int) { progress.withLock { $0.advance(by: count) } }
    func finish() { progress.withLock { $0.finish() } }
  }
}

/// Where a node is: behind a URL, or in a data folder.
private struct Place {
  let name: String

  init(_ name: String) { self.name = name }

  var isURL: Bool { name.hasPrefix("http://") || name.hasPrefix("https://") }
  var isMissing: Bool { !isURL && !FileManager.default.fileExists(atPath: name) }

  /// A node on the folder; nil for a URL.
  func open(_ context: Context, _ cluster: String) throws(Failure) -> LaterbaseNode? {
    if isURL { return nil }
    if !isMissing, !FileManager.default.fileExists(atPath: name + "/db") {
      guard (try? FileManager.default.contentsOfDirectory(atPath: name))?.isEmpty == true else {
        throw .failed("\(name) is no data folder: it has no folder db")
      }
    }
    do throws(LaterbaseError) {
      var options = NodeOptions()
      options.cluster = cluster
      return try LaterbaseNode(context.databases, storage: .lmdb(folder: name), options: options)
    } catch {
      throw .failed(error.detail)
    }
  }
}
