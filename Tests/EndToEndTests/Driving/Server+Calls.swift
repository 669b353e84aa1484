import AsyncHTTPClient
import EventModel
import NIOCore
import NIOHTTP1
import NIOPosix

/// An answer, read whole.
struct Answer: Sendable {
  let status: UInt
  let body: [UInt8]

  var json: JSON { (try? JSONNormalForm.normalise(body.raw) ?? body).map { JSON(normalForm: $0) } ?? .null }
  /// The lines of an NDJSON answer.
  var lines: [JSON] { body.split(separator: UInt8(ascii: "\n")).map { Answer(status: status, body: Array($0)).json } }
}

extension Server {
  /// One try to connect: a server that was killed doesn't come back at its port.
  private static let http: HTTPClient = {
    var configuration = HTTPClient.Configuration()
    configuration.connectionPool.retryConnectionEstablishment = false
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }()

  func get(_ path: String, accept: String = "application/json") async throws -> Answer {
    var request = HTTPClientRequest(url: url + path)
    request.headers.add(name: "Accept", value: accept)
    return try await send(request)
  }

  func post(_ path: String, _ body: String, type: String = "application/json") async throws -> Answer {
    var request = HTTPClientRequest(url: url + path)
    request.method = .POST
    request.headers.add(name: "Content-Type", value: type)
    request.body = .bytes(Array(body.utf8))
    return try await send(request)
  }

  func delete(_ path: String) async throws -> Answer {
    var request = HTTPClientRequest(url: url + path)
    request.method = .DELETE
    return try await send(request)
  }

  private func send(_ request: HTTPClientRequest) async throws -> Answer {
    let answer = try await Self.http.execute(request, timeout: .seconds(300))
    return Answer(status: answer.status.code, body: [UInt8](try await answer.body.collect(upTo: 256 << 20).readableBytesView))
  }

  /// All events of a database in the feed's order, without the line that says the clock.
  func feed(_ database: String) async throws -> [JSON] {
    try await get("/db/\(database)/e?limit=0", accept: "application/x-ndjson").lines.filter { $0["_id"] != nil }
  }

  /// The origin under which the node appends.
  func origin(_ database: String) async throws -> String? { try await get("/db/\(database)").json["origin"]?.string }

  /// The origins whose records are held.
  func origins(_ database: String) async throws -> [String] {
    try await get("/db/\(database)").json["origins"]?.members?.map(\.name) ?? []
  }
}

extension Server {
  /// Sends GET requests together on one connection, and returns the text of all that comes until the server closes it.
  /// - Parameter onAnswer: called when the first answer begins: by then the server has read all of the requests.
  func pipelined(_ paths: [String], onAnswer: @escaping @Sendable () throws -> Void) async throws -> String {
    let text = paths.map { "GET \($0) HTTP/1.1\r\nHost: localhost\r\n\r\n" }.joined()
    let port = url.split(separator: ":").last.flatMap { Int($0) } ?? 0
    let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
    let channel = try await bootstrap.connect(host: "127.0.0.1", port: port) { channel in
      channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel) }
    }
    return try await channel.executeThenClose { inbound, outbound in
      try await outbound.write(ByteBuffer(string: text))
      var answers = ""
      for try await bytes in inbound {
        if answers.isEmpty { try onAnswer() }
        answers += String(buffer: bytes)
      }
      return answers
    }
  }
}
