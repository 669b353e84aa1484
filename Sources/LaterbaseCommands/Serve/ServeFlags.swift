import ArgumentParser
import EventModel
import Laterbase
import Replication
import Logging
import Replication

/// What a server can be told: each is a flag, a key of the YAML file, and an environment variable (see `Configuration`).
struct ServeFlags: ParsableArguments {
  static let standardData = "./laterbase-data"

  @Option(
    help: ArgumentHelp("A YAML file of these flags without -- (default: \(Configuration.standardFile), if it is there).", valueName: "file")
  )
  var config: String?
  @Option(help: ArgumentHelp("The data folder, made if it is missing.", valueName: "dir")) var data = standardData
  @Flag(help: "Set the data folder aside as <data>.old-<time> and start empty.") var fresh = false
  @Option(help: ArgumentHelp("Where to listen; another address than loopback needs --insecure.", valueName: "address"))
  var listen = ListenAddress.standard
  @Flag(help: "Listen where other machines can connect, though nothing is encrypted and nobody is asked who they are.") var insecure = false
  @Option(help: ArgumentHelp("The URL under which others reach this server; its host is allowed too.", valueName: "url"))
  var advertise: String?
  @Option(help: ArgumentHelp("A label for this node (default: the host's name).", valueName: "name")) var node: String?
  @Option(help: ArgumentHelp("Where this node is: nodes of one region keep each other level first.", valueName: "name"))
  var region = "default"
  @Option(help: ArgumentHelp("\(words(Member.Role.self)) (default: a server if others can reach it).", valueName: "role"), transform: word)
  var role: Member.Role?
  @Option(help: ArgumentHelp("The cluster's name: nodes that name another are refused.", valueName: "name"))
  var cluster = PullRequest.standardCluster
  @Option(help: ArgumentHelp("The databases to pull from others, separated by commas (default: all).", valueName: "names"))
  var databases: [String] = []
  @Option(help: ArgumentHelp("A node to pull from for ever; may be repeated.", valueName: "url")) var peer: [String] = []
  @Flag(help: "Push to the peers too: for a node that they can't reach.") var push = false
  @Option(help: ArgumentHelp("Default level of writes: \(words(Consistency.self)).", valueName: "level"), transform: word)
  var writeConsistency = Consistency.one
  @Option(help: ArgumentHelp("Default level of reads.", valueName: "level"), transform: word) var readConsistency = Consistency.one
  @Option(help: ArgumentHelp("Events in one request, at most.", valueName: "n")) var maxBatch = 10_000
  @Option(help: ArgumentHelp("How far ahead of now an event may happen.", valueName: "duration")) var maxFuture = TimeSpan(hours: 24)
  @Option(help: ArgumentHelp("How far ahead of now a record may be before it is suspect.", valueName: "duration"))
  var maxDrift = TimeSpan(seconds: 60)
  @Option(help: ArgumentHelp("How long a damaged record waits for a peer that has it before its log is cut.", valueName: "duration"))
  var repairWait = TimeSpan(hours: 24)
  @Flag(help: "Writes don't make databases; PUT /db/<name> does.") var noCreate = false
  @Option(help: ArgumentHelp("A further host name that requests may name; may be repeated.", valueName: "host")) var allowedHost: [String] =
    []
  @Option(help: ArgumentHelp("An origin whose pages may call; may be repeated.", valueName: "origin")) var corsOrigin: [String] = []
  @Option(help: ArgumentHelp("The least level that is logged: \(words(Logger.Level.self)).", valueName: "level"), transform: word)
  var logLevel = Logger.Level.info

  /// The keys of the file and of the environment.
  static let keys: [(key: String, form: Configuration.Form)] = [
    ("data", .one), ("fresh", .flag), ("listen", .one), ("insecure", .flag), ("advertise", .one), ("node", .one),
    ("region", .one), ("role", .one), ("cluster", .one), ("databases", .list),
    ("peer", .list), ("push", .flag),
    ("write-consistency", .one), ("read-consistency", .one), ("max-batch", .one), ("max-future", .one), ("max-drift", .one),
    ("repair-wait", .one),
    ("no-create", .flag), ("allowed-host", .list), ("cors-origin", .list), ("log-level", .one),
  ]

  func validate() throws {
    if maxBatch < 1 || maxBatch > 10_000 { throw ValidationError("--max-batch must be from 1 to 10000") }
    if let wrong = peer.first(where: { !$0.hasPrefix("http://") && !$0.hasPrefix("https://") }) {
      throw ValidationError("--peer \(wrong) must begin with http:// or https://")
    }
    if let advertise, !advertise.hasPrefix("http://"), !advertise.hasPrefix("https://") {
      throw ValidationError("--advertise must begin with http:// or https://")
    }
    for (flag, text) in [("region", region), ("cluster", cluster)] where text.isEmpty || text.utf8.count > Introduction.nameBytesMax {
      throw ValidationError("--\(flag) must be 1 to \(Introduction.nameBytesMax) bytes")
    }
    if let wrong = databaseNames.first(where: { !DatabaseName.isLegal($0) }) {
      throw ValidationError("--databases: \(wrong) can't be a database's name")
    }
  }

  /// What `databases` names.
  var databaseNames: [String] { databases.flatMap { $0.split(separator: ",").map(String.init) } }

  /// Reads the command line's arguments together with the environment and the file.
  /// - Parameter read: the text of a file, nil if it isn't there.
  static func resolved(
    _ arguments: [String], _ environment: [String: String], read: (String) throws(Failure) -> String?
  ) throws(Failure) -> ServeFlags {
    let configuration = Configuration(keys: keys) { (arguments) throws(Failure) in _ = try checked(arguments) }
    return try checked(try configuration.arguments(commandLine: arguments, environment: environment, read: read))
  }

  private static func checked(_ arguments: [String]) throws(Failure) -> ServeFlags {
    do { return try parse(arguments) } catch { throw .usage(message(for: error)) }
  }
}

/// A duration as people write it: `500ms`, `10s`, `2m`, `26h`, `90d`.
struct TimeSpan: ExpressibleByArgument, CustomStringConvertible {
  let milliseconds: Int64
  let description: String

  init?(argument: String) {
    let digits = argument.prefix { ("0"..."9").contains($0) }
    let units: [Substring: Int64] = ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
    guard let count = Int64(digits), let unit = units[argument[digits.endIndex...]] else { return nil }
    let (milliseconds, overflow) = count.multipliedReportingOverflow(by: unit)
    guard !overflow else { return nil }
    (self.milliseconds, description) = (milliseconds, argument)
  }

  init(hours: Int64) { (milliseconds, description) = (hours * 3_600_000, "\(hours)h") }
  init(seconds: Int64) { (milliseconds, description) = (seconds * 1000, "\(seconds)s") }
}

/// A value of a closed set, by its word.
private func word<Choice: RawRepresentable<String> & CaseIterable>(_ text: String) throws -> Choice {
  guard let choice = Choice(rawValue: text) else { throw ValidationError("must be one of: \(words(Choice.self))") }
  return choice
}

private func words<Choice: RawRepresentable<String> & CaseIterable>(_: Choice.Type) -> String {
  Choice.allCases.map(\.rawValue).joined(separator: ", ")
}
