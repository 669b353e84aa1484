import FoundationEssentials
import HTTPService
import Laterbase
import Logging

extension ServeFlags {
  /// The server's options that say what these flags say.
  func options(_ logger: Logger) -> ServerOptions {
    var options = ServerOptions()
    options.storage = .lmdb(folder: data)
    (options.host, options.port) = (listen.host, listen.port)
    options.advertise = advertise
    (options.peers, options.pushes) = (peer, push)
    (options.region, options.role, options.cluster) = (region, role, cluster)
    options.databases = databases.isEmpty ? nil : Set(databaseNames)
    options.name = node ?? ProcessInfo.processInfo.hostName
    (options.writeConsistency, options.readConsistency) = (writeConsistency, readConsistency)
    options.limits.eventsMax = maxBatch
    options.limits.futureMaxMilliseconds = maxFuture.milliseconds
    options.driftMaxMilliseconds = maxDrift.milliseconds
    options.repairWait = .milliseconds(repairWait.milliseconds)
    options.createsDatabases = !noCreate
    (options.allowedHosts, options.corsOrigins) = (allowedHost, corsOrigin)
    options.logger = logger
    options.check = { [data] (database, tell) in try await VerifyProcess(data: data, database: database, isServed: true).run { tell($0) } }
    return options
  }
}
