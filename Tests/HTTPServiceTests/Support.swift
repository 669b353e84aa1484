import EventModel
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Laterbase
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing
import ViewKit

@testable import HTTPService

/// The same test, with the router alone and over a real socket.
enum Depth: CaseIterable, Sendable {
  case router, socket
}

/// A delivery note as a warehouse sends it.
struct Note: EventType, Codable {
  var number: String
  var boxes: Int
  static var documents: [DocumentForm] {
    [DocumentForm("application/notes+json") { $0["notes"]?.elements }]
  }
}

let notes = Database("notes", of: Note.self)

/// Runs a server in memory, or over a node that is given, and a client of it.
func serving<R: Sendable>(
  _ depth: Depth, _ node: LaterbaseNode? = nil, _ change: (inout ServerOptions) -> Void = { _ in },
  _ body: @escaping @Sendable (Client) async throws -> R
) async throws -> R {
  var options = ServerOptions()
  options.port = 0
  options.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  // Other tests may hold up this one for long: only what a test is about may run out of time.
  (options.idleTimeout, options.slowWindow, options.viewTimeout) = (.seconds(3600), .seconds(3600), .seconds(3600))
  change(&options)
  var nodeOptions = NodeOptions()
  nodeOptions.limits = options.limits
  let node = try node ?? LaterbaseNode([notes], storage: .memory, options: nodeOptions)
  switch depth {
  case .router:
    return try await LaterbaseServer(node: node, options: options).application().test(.router) { router in
      try await body(
        Client(port: 0, node: node) { uri, method, headers, content in
          Reply(try await router.execute(uri: uri, method: method, headers: headers, body: content))
        })
    }
  case .socket:
    return try await listening(node, options) { port in
      let configuration = TestClient.Configuration(timeout: .seconds(600))
      return try await TestClient.withClient(host: "127.0.0.1", port: port, configuration: configuration) { socket in
        try await body(
          Client(port: port, node: node) { uri, method, headers, content in
            let request = TestClient.Request(uri, method: method, authority: "localhost", headers: headers, body: content)
            return Reply(try await socket.execute(request))
          })
      }
    }
  }
}

/// A loopback port that is free, and stays so: who asks for any port is given a higher one.
func freePort() async throws -> Int {
  for _ in 0..<100 {
    let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
    if let channel = try? await bootstrap.bind(host: "127.0.0.1", port: Int.random(in: 20_000..<30_000)).get() {
      let port = channel.localAddress?.port
      try await channel.close()
      if let port { return port }
    }
  }
  throw NoPort()
}

struct NoPort: Error {}

/// Runs a server on a free loopback port for as long as the closure runs.
private func listening<R: Sendable>(
  _ node: LaterbaseNode, _ options: ServerOptions, _ body: @escaping @Sendable (_ port: Int) async throws -> R
) async throws -> R {
  let (ports, listening) = AsyncStream<Int>.makeStream()
  var options = options
  options.onListening = { listening.yield($0) }
  let app = LaterbaseServer(node: node, options: options).application()
  let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: [app], logger: options.logger))
  return try await withThrowingTaskGroup(of: Void.self) { tasks in
    tasks.addTask {
      defer { listening.finish() }
      try await group.run()
    }
    do {
      let port = try #require(await ports.first { _ in true }, "the server does not listen")
      let result = try await body(port)
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
      return result
    } catch {
      await group.triggerGracefulShutdown()
      throw error
    }
  }
}

/// A client, and what it is told.
struct Client: Sendable {
  /// 0: the router alone is asked.
  let port: Int
  let node: LaterbaseNode
  let execute: @Sendable (_ uri: String, HTTPRequest.Method, HTTPFields, _ body: ByteBuffer?) async throws -> Reply

  func send(
    _ method: HTTPRequest.Method, _ uri: String, _ body: String? = nil, type: String? = "application/json",
    _ headers: [String: String] = [:]
  ) async throws -> Reply {
    var fields = HTTPFields()
    if body != nil, let type { fields[.contentType] = type }
    for (name, value) in headers { if let name = HTTPField.Name(name) { fields[name] = value } }
    return try await execute(uri, method, fields, body.map { ByteBuffer(string: $0) })
  }

  func get(_ uri: String, _ headers: [String: String] = [:]) async throws -> Reply { try await send(.get, uri, nil, headers) }

  func post(_ uri: String, _ body: String, type: String? = "application/json", _ headers: [String: String] = [:]) async throws -> Reply {
    try await send(.post, uri, body, type: type, headers)
  }

  func post(_ uri: String, _ body: [UInt8], _ headers: [String: String]) async throws -> Reply {
    var fields = HTTPFields()
    for (name, value) in headers { if let name = HTTPField.Name(name) { fields[name] = value } }
    return try await execute(uri, .post, fields, ByteBuffer(bytes: body))
  }

  private func send(_ method: HTTPRequest.Method, _ uri: String, _ body: String?, _ headers: [String: String]) async throws -> Reply {
    try await send(method, uri, body, type: nil, headers)
  }
}

struct Reply: Sendable {
  let status: Int
  let headers: HTTPFields
  let text: String
  /// Of the body.
  let bytes: Int

  init(_ response: TestResponse) {
    self.init(response.head, response.body)
  }

  init(_ response: TestClient.Response) {
    self.init(response.head, response.body ?? ByteBuffer())
  }

  private init(_ head: HTTPResponse, _ body: ByteBuffer) {
    (status, headers, text, bytes) = (head.status.code, head.headerFields, String(buffer: body), body.readableBytes)
  }

  /// The body as JSON; null if it is none.
  var json: JSON {
    let bytes = Array(text.utf8)
    do { return JSON(normalForm: try JSONNormalForm.normalise(bytes.raw) ?? bytes) } catch { return .null }
  }

  var lines: [JSON] { text.split(separator: "\n").map { JSON(normalForm: Array($0.utf8)) } }

  /// The slug of a problem document, with all that such a document must have.
  var slug: String? {
    guard headers[.contentType] == "application/problem+json", json["status"]?.int == status, json["title"]?.string?.isEmpty == false,
      json["detail"]?.string?.isEmpty == false, let type = json["type"]?.string, type.hasPrefix("urn:laterbase:problem:")
    else { return nil }
    return String(type.dropFirst("urn:laterbase:problem:".count))
  }

  func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }

  /// The bodies' `n` of a list's events.
  var numbers: [Int] { (json["events"]?.elements ?? []).compactMap { $0["n"]?.int } }
}
