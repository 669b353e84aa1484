import AsyncHTTPClient
import EventModel
import NIOCore
import NIOHTTP1
import NIOPosix

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A server's HTTP interface, as the commands call it.
struct Client: Sendable {
  /// `http://127.0.0.1:5283`, without a slash at its end.
  let base: String

  static let ndjson = "application/x-ndjson"
  /// Of an answer that is read whole, bytes.
  private static let answerBytesMax = 64 << 20

  /// One try to connect: whether a server is there is what the person wants to know. Lives as long as the process.
  private static let http: HTTPClient = {
    var configuration = HTTPClient.Configuration()
    configuration.connectionPool.retryConnectionEstablishment = false
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }()

  init(_ base: String) { self.base = base.hasSuffix("/") ? String(base.dropLast()) : base }

  /// Returns a 2xx answer, its body not read yet.
  /// - Parameter path: with its query, encoded.
  func get(_ path: String, accept: String) async throws(Failure) -> HTTPClientResponse {
    var request = HTTPClientRequest(url: base + path)
    request.headers.add(name: "Accept", value: accept)
    return try await send(request)
  }

  /// Reads a JSON answer.
  func get(_ path: String) async throws(Failure) -> JSON { try await json(try await get(path, accept: "application/json")) }

  /// Posts a body and reads the answer, a JSON value.
  func post(_ path: String, _ contentType: String, _ body: HTTPClientRequest.Body) async throws(Failure) -> JSON {
    var request = HTTPClientRequest(url: base + path)
    request.method = .POST
    request.headers.add(name: "Accept", value: "application/json")
    request.headers.add(name: "Content-Type", value: contentType)
    request.body = body
    return try await json(try await send(request))
  }

  /// Deletes something.
  /// - Returns: the answer's JSON, if it has any.
  func delete(_ path: String) async throws(Failure) -> JSON? {
    var request = HTTPClientRequest(url: base + path)
    request.method = .DELETE
    let answer = try await send(request)
    return answer.status == .noContent ? nil : try await json(answer)
  }

  private func send(_ request: HTTPClientRequest) async throws(Failure) -> HTTPClientResponse {
    let answer: HTTPClientResponse
    do {
      answer = try await Self.http.execute(request, deadline: .distantFuture)
    } catch {
      throw unreachable(error)
    }
    if (200..<300).contains(answer.status.code) { return answer }
    throw .failed(try await problem(answer))
  }

  private func json(_ answer: HTTPClientResponse) async throws(Failure) -> JSON {
    guard let json = JSON.reading(try await bytes(of: answer)) else { throw .failed("\(base) gave an answer that is not JSON") }
    return json
  }

  private func bytes(of answer: HTTPClientResponse) async throws(Failure) -> [UInt8] {
    do {
      let buffer = try await answer.body.collect(upTo: Self.answerBytesMax)
      return [UInt8](buffer.readableBytesView)
    } catch {
      throw unreachable(error)
    }
  }

  /// What a connection's failure means.
  func unreachable(_ error: any Error) -> Failure {
    if let failure = error as? Failure { return failure }
    let causes = (error as? NIOConnectionError)?.connectionErrors.map(\.error) ?? [error]
    if causes.contains(where: { ($0 as? IOError)?.errnoCode == ECONNREFUSED }) {
      return .failed("no server answers at \(base); `laterbase serve` starts one")
    }
    return .failed("\(base): \(error)")
  }

  /// A problem document in words: what is wrong, with each event that is meant.
  private func problem(_ answer: HTTPClientResponse) async throws(Failure) -> String {
    guard let problem = JSON.reading(try await bytes(of: answer)), let detail = problem["detail"]?.string else {
      return "\(base) answered \(answer.status.code)"
    }
    var lines = ["\(problem["title"]?.string ?? "\(answer.status.code)"): \(detail)"]
    for error in problem["errors"]?.elements ?? [] {
      let place = error["line"]?.int.map { "line \($0)" } ?? error["index"]?.int.map { "event \($0)" } ?? "an event"
      lines.append("  \(place), \(error["pointer"]?.string ?? "/"): \(error["detail"]?.string ?? "")")
    }
    if let committed = problem["committed_lines"]?.int {
      lines.append("  lines committed before: \(committed); they stay")
    }
    return lines.joined(separator: "\n")
  }
}

extension JSON {
  /// Reads a text; nil if it is not JSON.
  static func reading(_ text: [UInt8]) -> JSON? {
    do throws(JSONError) { return JSON(normalForm: try JSONNormalForm.normalise(text.raw) ?? text) } catch { return nil }
  }
}
