import EventModel
import EventStore
import HTTPTypes
import Laterbase
import StoreConformance
import Testing

@testable import HTTPService

/// Requests as a fuzzer, a broken client or an attacker sends them.
struct Hostile {
  var random: SeededRandom

  mutating func pick<T>(_ choices: [T]) -> T { choices[Int(random.next() % UInt64(choices.count))] }
  mutating func chance(_ oneIn: UInt64) -> Bool { random.next() % oneIn == 0 }

  mutating func noise(_ most: UInt64) -> String {
    String(decoding: (0..<random.next() % most).map { _ in UInt8(truncatingIfNeeded: 32 + random.next() % 95) }, as: UTF8.self)
  }

  mutating func path() -> String {
    let database =
      chance(2)
      ? "plain" : pick(["notes", "other", "_nodes", "db", "Plain", "%00", "..%2f..", "%zz", noise(9), String(repeating: "a", count: 99)])
    let rest = pick([
      "", "/e", "/e", "/e", "/e", "/e", "/e", "/e/_feed", "/e/_read", "/e/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/e/\(noise(30))", "/v", "/v/x",
      "/\(noise(8))",
    ])
    let path =
      chance(2)
      ? "/db/\(database)\(rest)"
      : pick(["/db/\(database)\(rest)", "/\(database)/x", "/", "/db", "/health", "/" + noise(40), "*", "http://x/db"])
    return path.replacing(" ", with: "+") + (chance(3) ? "?" + query() : "")
  }

  mutating func query() -> String {
    let names = [
      "lc", "limit", "feed", "timeout", "keys", "key", "at", "from", "to", "cursor", "descending", "bodies", "at_least", "consistency",
      "on_taken", "confirm", noise(5),
    ]
    let values = [
      "0", "1", "-1", "", "true", "%", "%41", "%ff", "5ms", "9999999999999999999999", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "2026-01-01T00:00:00Z",
      "AQAA", "two", "none", "skip", "longpoll", noise(20),
    ]
    return (0..<random.next() % 4).map { _ in "\(pick(names))=\(pick(values))" }.joined(separator: "&").replacing(" ", with: "+")
      + (chance(3) ? "&timeout=1ms" : "")
  }

  mutating func body() -> [UInt8] {
    let texts = [
      "{}", "[]", "{\"n\":1}", "[{},{}]", "{\"_id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"}", "{\"_at\":\"9999-12-31T23:59:59Z\"}",
      "{\"_voids\":[1]}",
      "{\"keys\":[\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"]}", "{\"lc\":\"0\",\"limit\":1}", "{}\n{}\n", "{\"a\":1e99999}", "{\"a\":\"\\ud800\"}", "",
      String(repeating: "[", count: 3000), "{\"_id\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"n\":2}", "{\"number\":\"1\",\"boxes\":1}",
      "{\"_key\":\"k\",\"_at\":\"2026-01-01T00:00:00Z\"}", noise(200),
    ]
    var bytes = [UInt8](pick(texts).utf8)
    if chance(4) {
      for _ in 0..<3 where !bytes.isEmpty { bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next()) }
    }
    return bytes
  }

  mutating func headers(_ length: Int) -> String {
    var text =
      chance(50)
      ? "" : "Host: \(chance(20) ? pick(["evil.example", "", "a b", "1.2.3", noise(9)]) : pick(["localhost", "127.0.0.1:1", "[::1]"]))\r\n"
    text +=
      "Content-Type: \(chance(2) ? "application/json" : pick(["application/json", "application/x-ndjson", "text/plain", "application/notes+json", noise(12)]))\r\n"
    if chance(4) { text += "Accept: \(pick(["*/*", "application/x-ndjson", "text/html", noise(20), ",;q=,"]))\r\n" }
    if chance(8) { text += "Idempotency-Key: \(pick(["01ARZ3NDEKTSV4RRFFQ69G5FAV", "x", ""]))\r\n" }
    if chance(8) { text += "Prefer: return=minimal\r\n" }
    if chance(8) { text += "If-None-Match: \(noise(20))\r\n" }
    if chance(30) { text += "Expect: 100-continue\r\n" }
    if chance(30) { text += "Origin: \(noise(20))\r\n" }
    if chance(50) { text += "X-Long: \(String(repeating: "x", count: Int(random.next() % 100_000)))\r\n" }
    switch random.next() % 40 {
    case 0: text += "Transfer-Encoding: chunked\r\n"
    case 1: text += "Content-Length: \(pick(["-1", "x", "99999999999", "\(length + 1)"]))\r\n"
    case 2: break
    default: text += "Content-Length: \(length)\r\n"
    }
    return text + "Connection: close\r\n\r\n"
  }

  /// A request that the server answers, or whose connection it closes.
  mutating func request() -> [UInt8] {
    let body = body()
    if chance(4) {
      let head = "POST /db/plain/e HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      return [UInt8]((head + "Content-Length: \(body.count)\r\nConnection: close\r\n\r\n").utf8) + body
    }
    let method = pick(["GET", "GET", "POST", "POST", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "BREW", noise(6)])
    let head = "\(method) \(path()) HTTP/1.\(chance(20) ? "0" : "1")\r\n" + headers(body.count)
    var bytes = [UInt8](head.utf8) + body
    if chance(20) { for _ in 0..<3 { bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next()) } }
    return bytes
  }
}

@Suite struct `Hostile requests` {
  @Test func `never make the server fail`() async throws {
    let seed = testSeed()
    try await serving(
      .socket, nil,
      {
        $0.idleTimeout = .milliseconds(150); $0.slowWindow = .milliseconds(150)
      }
    ) { client in
      _ = try await client.node.catalog.create("plain")
      let all = try await withThrowingTaskGroup(of: [Int].self) { group in
        for part in 0..<20 {
          group.addTask { [port = client.port] in
            var hostile = Hostile(random: SeededRandom(seed: seed &+ UInt64(part)))
            var statuses: [Int] = []
            for _ in 0..<500 {
              let wire = try Wire(port)
              await wire.send(hostile.request())
              let text = await wire.read()
              statuses += text.statuses
              for status in text.statuses where status >= 500 && status != 503 && status != 507 {
                Issue.record("seed \(seed): \(status): \(text)")
              }
            }
            return statuses
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      // Most were answered, in every way that there is.
      #expect(all.count > 5000, "seed \(seed)")
      for status in [200, 201, 400, 403, 404, 405, 406, 409, 415] { #expect(all.contains(status), "seed \(seed)") }
      #expect(try await Wire.talk(client.port, "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").statuses == [200])
      let database = try await client.node.catalog.open("plain")
      #expect(try database.set.verify().isSound)
    }
  }

  @Test func `that are larger than the decoder's limits close the connection, and nothing else`() async throws {
    try await serving(.socket) { client in
      let text = "GET /health HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "x", count: 200_000))\r\n\r\n"
      let answer = try await Wire.talk(client.port, text)
      #expect(answer.statuses == [400])
      #expect(try await client.get("/health").status == 200)
    }
  }
}
