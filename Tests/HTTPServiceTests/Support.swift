import EventModel
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Laterbase
import Logging
import NIOCore
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
  options.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  change(&options)
  var nodeOptions = NodeOptions()
  nodeOptions.limits = options.limits
  let node = try node ?? LaterbaseNode([notes], storage: .memory, options: nodeOptions)
  let server = LaterbaseServer(node: node, options: options)
  let app = server.application()
  return try await app.test(depth == .router ? .router : .live) { try await body(Client(client: $0, node: node)) }
}

/// A client, and what it is told.
struct Client: Sendable {
  let client: any TestClientProtocol
  let node: LaterbaseNode

  var port: Int { client.port ?? 0 }

  func send(
    _ method: HTTPRequest.Method, _ uri: String, _ body: String? = nil, type: String? = "application/json",
    _ headers: [String: String] = [:]
  ) async throws -> Reply {
    var fields = HTTPFields()
    if body != nil, let type { fields[.contentType] = type }
    for (name, value) in headers { if let name = HTTPField.Name(name) { fields[name] = value } }
    let response = try await client.execute(uri: uri, method: method, headers: fields, body: body.map { ByteBuffer(string: $0) })
    return Reply(response)
  }

  func get(_ uri: String, _ headers: [String: String] = [:]) async throws -> Reply { try await send(.get, uri, nil, headers) }

  func post(_ uri: String, _ body: String, type: String? = "application/json", _ headers: [String: String] = [:]) async throws -> Reply {
    try await send(.post, uri, body, type: type, headers)
  }

  private func send(_ method: HTTPRequest.Method, _ uri: String, _ body: String?, _ headers: [String: String]) async throws -> Reply {
    try await send(method, uri, body, type: nil, headers)
  }
}

struct Reply: Sendable {
  let status: Int
  let headers: HTTPFields
  let text: String

  init(_ response: TestResponse) {
    status = response.status.code
    headers = response.headers
    text = String(buffer: response.body)
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
