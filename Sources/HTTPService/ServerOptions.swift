public import Laterbase
public import Logging
public import Replication

/// What a server is told beside its databases.
public struct ServerOptions: Sendable {
  /// Where the databases are kept.
  public var storage = Storage.lmdb(folder: "./laterbase-data")
  /// The address to listen at. Whether another one than loopback is allowed is the caller's to decide.
  public var host = "127.0.0.1"
  /// 0: any free port.
  public var port = 5283
  /// The URL at which others reach this node.
  public var advertise: String?
  /// What the node counts as in consistency levels; nil: a server if others can reach it, else a device.
  public var role: Member.Role?
  /// The name of the cluster: nodes that name another are refused.
  public var cluster = PullRequest.standardCluster
  /// The databases that it pulls from others; nil: all.
  public var databases: Set<String>?
  /// Whether it follows peers and members; not while a command looks into a data folder.
  package var follows = true
  /// A label of the node, for people.
  public var name: String?
  public var region = "default"
  /// Host names beside `localhost` and that of `advertise` under which requests are taken.
  public var allowedHosts: [String] = []
  /// Origins of web pages that may call this server (`https://app.example`); none: CORS is off.
  public var corsOrigins: [String] = []
  /// URLs of the nodes that are pulled from for ever.
  public var peers: [String] = []
  /// Whether they are pushed to as well: for a node that they can't reach.
  public var pushes = false
  /// Whether a first event makes its database.
  public var createsDatabases = true
  /// The level of a write that names none.
  public var writeConsistency = Consistency.one
  /// The level of a read that names none.
  public var readConsistency = Consistency.one
  /// Events and bytes of a request, and how far ahead of now an event may have happened.
  public var limits = IntakeLimits()
  /// A record further ahead of the wall clock than this is suspect.
  public var driftMaxMilliseconds: Int64 = 60_000
  /// How long a damaged record waits for a peer that has it before its log is cut.
  public var repairWait = Duration.seconds(86_400)
  /// Connections open at a time; more wait to be accepted.
  public var connectionsMax = 10_000
  /// Answers without an end at a time, feeds and views that are followed; one more is refused.
  public var streamsMax = 1000
  /// How long a connection may be idle between requests.
  public var idleTimeout = Duration.seconds(60)
  /// A body slower than 1 KiB/s over so long is cut, and an answer that isn't taken for as long as a connection may be idle.
  package var slowWindow = Duration.seconds(30)
  /// How long a view may take to catch up where a request doesn't say.
  package var viewTimeout = Duration.seconds(30)
  /// The version that `GET /` tells.
  public var version = laterbaseVersion
  /// What proves a database (`GET /db/{db}/verify`, and where one is in doubt): in another process, if this one is not to end with what a damaged
  /// file ends. Nil: in this one, and only where that is asked for.
  public var check: DatabaseCheck?
  public var logger = Logger(label: "laterbase")
  /// Called once requests are taken, with the port.
  public var onListening: @Sendable (_ port: Int) async -> Void = { _ in }

  public init() {}
}
