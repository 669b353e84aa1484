import ArgumentParser
import HTTPService
import Laterbase

/// The database's place: a server's URL, or a data folder, which is opened directly.
struct Target: ParsableArguments {
  @Option(help: "The server (default: http://127.0.0.1:5283).") var url: String?
  @Option(help: ArgumentHelp("A data folder, opened directly: no server may be using it.", valueName: "dir")) var data: String?

  func validate() throws {
    if url != nil, data != nil { throw ValidationError("--url and --data exclude each other") }
    if let url, !url.hasPrefix("http://"), !url.hasPrefix("https://") { throw ValidationError("--url must begin with http:// or https://") }
  }

  /// Runs `body` with a client of the server; for a data folder with that of a server in this process, on a free loopback port, which
  /// stops when `body` returns. So both ways do exactly the same.
  func connect(_ context: Context, _ body: @escaping @Sendable (Client) async throws(Failure) -> Void) async throws(Failure) {
    guard let data else { return try await body(Client(url ?? "http://\(ListenAddress.standard)")) }
    var options = ServerOptions()
    options.storage = .lmdb(folder: data)
    options.port = 0
    options.follows = false
    options.logger = LineLog.quiet(on: context.console)
    try await RunningServer(databases: context.databases, options: options).run { (url) throws(Failure) in
      try await body(Client(url))
      return false
    }
  }
}
