import EventModel
package import Hummingbird
import HummingbirdCore
public import Laterbase
import Logging
import NIOCore
import Replication
import ServiceLifecycle
import UnixSignals
public import ViewKit

/// A node behind HTTP.
///
///     try await LaterbaseServer(databases: [shipments]).run()
public struct LaterbaseServer: Sendable {
  /// The node that it serves.
  public let node: LaterbaseNode
  private let service: Frontend

  /// Opens the storage; nothing listens yet.
  /// - Throws: as `LaterbaseNode`.
  public init(databases: [any DatabaseDeclaration], options: ServerOptions = .init()) throws(LaterbaseError) {
    var nodeOptions = NodeOptions()
    nodeOptions.limits = options.limits
    nodeOptions.driftMaxMilliseconds = options.driftMaxMilliseconds
    nodeOptions.repairWait = options.repairWait
    nodeOptions.check = options.check
    nodeOptions.address = "\(options.host):\(options.port)"
    nodeOptions.pushes = options.pushes
    (nodeOptions.cluster, nodeOptions.role, nodeOptions.databases) = (options.cluster, options.role, options.databases)
    nodeOptions.connect = { [cluster = options.cluster] in HTTPPeer($0, cluster: cluster) }
    nodeOptions.onHookNews = { [logger = options.logger] in Self.log($0, to: logger) }
    nodeOptions.onPeerNews = { [logger = options.logger] in Self.log($0, to: logger) }
    let node = try LaterbaseNode(
      databases, storage: options.storage, name: options.name, region: options.region,
      peers: options.peers.map { HTTPPeer($0, cluster: options.cluster) }, options: nodeOptions)
    self.init(node: node, options: options)
  }

  /// Serves a node that is open already.
  public init(node: LaterbaseNode, options: ServerOptions = .init()) {
    self.node = node
    service = Frontend(node: node, options: options)
  }

  /// Serves until the process gets SIGTERM or SIGINT, or the task is cancelled; then ends what is under way, and closes the node.
  /// - Throws: if the address can't be listened at.
  public func run() async throws {
    defer { node.close() }
    try await application().runService()
  }

  /// The server as Hummingbird runs it.
  package func application() -> Application<Responder> {
    let options = service.options
    var quiet = options.logger
    // What Hummingbird says at `info` we say ourselves.
    quiet.logLevel = max(options.logger.logLevel, .notice)
    let (listening, isListening) = AsyncStream<Void>.makeStream()
    return Application(
      responder: Responder(service: service), server: HTTPServerBuilder { [service] in ConnectionChannel(responder: $0, service: service) },
      configuration: ApplicationConfiguration(
        address: .hostname(options.host, port: options.port), backlog: 1024,
        availableConnectionsDelegate: MaximumAvailableConnections(options.connectionsMax, logger: quiet)),
      services: [Stopping(service: service)] + (options.follows ? [Following(node: node, listening: listening)] : []),
      onServerRunning: { [service] channel in
        await Self.listening(service, channel)
        isListening.finish()
      },
      logger: quiet)
  }

  private static func log(_ news: PeerNews, to logger: Logger) {
    var metadata: Logger.Metadata = ["peer": "\(news.peer)", "detail": "\(news.message)"]
    if let database = news.database { metadata["database"] = "\(database)" }
    switch news.kind {
    case .reached: logger.info("peer reached", metadata: metadata)
    case .failed: logger.warning("peer failed; trying on", metadata: metadata)
    case .parked: logger.warning("a log can't be pulled", metadata: metadata)
    case .forkRepaired: logger.warning("a forked log was repaired", metadata: metadata)
    case .damageCut: logger.error("a damaged log was cut", metadata: metadata)
    case .damaged: logger.critical("A DATABASE IS DAMAGED", metadata: metadata)
    case .checked: logger.warning("a database that may be damaged is checked", metadata: metadata)
    case .setAside: logger.critical("A DAMAGED DATABASE WAS SET ASIDE", metadata: metadata)
    case .alarm: logger.critical("EQUAL CLOCKS, DIFFERENT SETS", metadata: metadata)
    }
  }

  private static func log(_ news: HookNews, to logger: Logger) {
    var metadata: Logger.Metadata = ["database": "\(news.database)", "hook": "\(news.hook)"]
    guard let failure = news.failure else { return logger.info("hook succeeded again", metadata: metadata) }
    metadata["detail"] = "\(failure)"
    logger.warning("hook failed; trying on", metadata: metadata)
  }

  private static func listening(_ service: Frontend, _ channel: any Channel) async {
    service.phase = .ready
    let options = service.options
    let port = channel.localAddress?.port ?? options.port
    let address = "\(options.host):\(port)"
    service.node.cluster.setAddress(advertised(options, port: port))
    do { try service.node.setAddress(address) } catch { options.logger.warning("\(error.detail)") }
    var metadata: Logger.Metadata = ["address": "\(address)", "node": "\(service.node.id)"]
    if case .lmdb(let folder) = options.storage { metadata["data"] = "\(folder)" }
    metadata["databases"] = "\((try? service.node.catalog.names().joined(separator: ",")) ?? "")"
    options.logger.info("listening", metadata: metadata)
    await options.onListening(port)
  }

  /// The URL at which others reach this server; nil for one that listens at every address and wasn't told which is the one.
  static func advertised(_ options: ServerOptions, port: Int) -> String? {
    if let advertise = options.advertise { return advertise.hasSuffix("/") ? String(advertise.dropLast()) : advertise }
    if ["0.0.0.0", "::", ""].contains(options.host) { return nil }
    return "http://" + (options.host.contains(":") ? "[\(options.host)]" : options.host) + ":\(port)"
  }

  /// Once others can be told where this server is, follows the node's peers until the server is asked to stop.
  private struct Following: Service {
    let node: LaterbaseNode
    let listening: AsyncStream<Void>

    func run() async throws {
      try? await cancelWhenGracefulShutdown {
        for await _ in listening {}
        try await node.run()
      }
    }
  }

  /// Says that the server is stopping as soon as it is asked to.
  private struct Stopping: Service {
    let service: Frontend

    func run() async throws {
      try? await gracefulShutdown()
      service.phase = .stopping
      service.options.logger.info("stopping")
    }
  }
}
