import AsyncHTTPClient
import Foundation
import HTTPService
import Laterbase
import Logging
import NIOCore
import NIOHTTP1

/// A server as a process of its own, this program's, until it is stopped.
final class ServerProcess: Sendable {
  let port: Int
  private let pid: Int32

  var url: String { "http://127.0.0.1:\(port)" }

  struct DidNotStart: Error {}

  /// Starts it at a port, and returns when it answers.
  init(data: String, port: Int = 27_201, peer: String? = nil) async throws {
    self.port = port
    let process = Process()
    process.executableURL = URL(filePath: CommandLine.arguments[0])
    process.arguments = ["--serve", data, "\(port)"] + (peer.map { [$0] } ?? [])
    try process.run()
    pid = process.processIdentifier
    for _ in 0..<600 {
      if let answer = try? await HTTPClient.shared.get(url: "http://127.0.0.1:\(port)/ready").get(), answer.status == .ok { return }
      try await Task.sleep(for: .milliseconds(50))
    }
    throw DidNotStart()
  }

  /// What such a process does.
  static func serve(data: String, port: Int, peers: [String]) async throws {
    var options = ServerOptions()
    options.storage = .lmdb(folder: data)
    (options.port, options.peers) = (port, peers)
    options.logger.logLevel = .error
    try await LaterbaseServer(databases: [], options: options).run()
  }

  func post(_ path: String, _ body: String) async throws {
    var request = HTTPClientRequest(url: url + path)
    request.method = .POST
    request.headers.add(name: "Content-Type", value: "application/json")
    request.headers.add(name: "Prefer", value: "return=minimal")
    request.body = .bytes(ByteBuffer(string: body))
    let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
    precondition(answer.status == .created, "\(answer.status)")
    _ = try await answer.body.collect(upTo: 1 << 20)
  }

  /// Asks it to stop, and waits for its end.
  func stop() {
    kill(pid, SIGTERM)
    var status: Int32 = 0
    unsafe waitpid(pid, &status, 0)
  }
}
