import EventModel
import HTTPTypes
import Laterbase
import NIOCore
import StoreConformance
import Testing

@testable import HTTPService

@Suite struct `The fast lane` {
  static func call() -> ShortCall { .read("plain", .array) }

  static func match(_ known: KnownHead, _ text: String) -> KnownHead.Match { known.match([UInt8](text.utf8).raw) }

  static func head(_ length: String, _ rest: String = "") -> String {
    "POST /db/plain/e HTTP/1.1\r\nHost: a\r\ncontent-LENGTH: \(length)\r\nContent-Type: application/json\(rest)\r\n\r\n"
  }

  @Test func `knows a head again by its bytes, whatever its length says`() throws {
    let known = try #require(KnownHead([UInt8](Self.head("17").utf8), call: Self.call()))
    for length in ["0", "1", "17", "250", "9999999", "99999999"] {
      let head = Self.head(length)
      let same = KnownHead.Match.same(head: head.utf8.count, body: try #require(Int(length)))
      #expect(Self.match(known, head) == same)
      #expect(Self.match(known, head + "{}POST /") == same)
      let bytes = [UInt8](head.utf8)
      for count in 1..<bytes.count { #expect(known.match(bytes.raw.extracting(first: count)) == .incomplete, "\(count) bytes") }
    }
    for length in ["", "017", "00", "100000000", "-1", "+1", "1 ", "1,1", "0x1"] {
      #expect(Self.match(known, Self.head(length)) == .other, "\(length)")
    }
    let head = [UInt8](Self.head("17").utf8)
    let digits = try #require(Self.head("17").utf8.firstRange(of: "17".utf8))
    let digitsStart = Self.head("17").utf8.distance(from: Self.head("17").startIndex, to: digits.lowerBound)
    for at in head.indices where !(digitsStart..<digitsStart + 2).contains(at) {
      var other = head
      other[at] ^= 0x01
      #expect(known.match(other.raw) == .other, "byte \(at)")
    }
  }

  @Test func `knows only heads whose length is plain to see`() {
    for head in [
      Self.head("17", "\r\nContent-Length: 17"), Self.head(""), Self.head("1 "), "POST / HTTP/1.1\r\nX-Content-Length: 3\r\n\r\n",
      "POST / HTTP/1.1\r\n\r\n", "",
    ] {
      #expect(KnownHead([UInt8](head.utf8), call: Self.call()) == nil, "\(head)")
    }
  }

  @Test func `knows the head of a read of a key again, whatever the key`() throws {
    func head(_ key: String, _ query: String = "key") -> String { "GET /db/notes/v/boxes?\(query)=\(key) HTTP/1.1\r\nHost: a\r\n\r\n" }
    let call = Call(method: "GET", target: "/db/notes/v/boxes?key=%22A%22", headers: Headers())
    let read = try #require(try KeyRead("notes", "boxes", call))
    let known = try #require(KnownHead([UInt8](head("%22A%22").utf8), call: .key(read)))
    for key in ["1", "%22A%22", "%22another+key%22", "[1,\"x\"]", "=?/"] {
      let bytes = [UInt8](head(key).utf8)
      let place = 26..<26 + key.utf8.count
      #expect(known.match(bytes.raw) == .same(head: bytes.count, body: 0, key: place), "\(key)")
      #expect(String(decoding: bytes[place], as: UTF8.self) == key)
      for count in 1..<bytes.count { #expect(known.match(bytes.raw.extracting(first: count)) == .incomplete, "\(count) bytes") }
    }
    for key in ["", "1&update=false", "1 2", "1#2", "é", String(repeating: "x", count: 1025)] {
      #expect(Self.match(known, head(key)) == .other, "\(key)")
    }
    for other in [head("1", "keys"), head("1", "limit=1&key"), head("1&limit=1"), head("1 x"), Self.head("17")] {
      #expect(KnownHead([UInt8](other.utf8), call: .key(read)) == nil, "\(other)")
    }
  }

  @Test func `answers reads of keys as the first request of a connection is answered`() async throws {
    let node = try LaterbaseNode([`Views over HTTP`.database], storage: .memory)
    try await serving(.socket, node) { client in
      let events = (0..<12).map { "{\"number\":\"N\($0 % 4)\",\"boxes\":\($0)}" }
      _ = try await client.post("/db/notes/e", "[\(events.joined(separator: ","))]")
      _ = try await client.get("/notes/boxes")
      func request(_ key: String, _ more: String) -> String {
        "GET /db/notes/v/boxes?key=\(key) HTTP/1.1\r\nHost: localhost\r\n\(more)\r\n"
      }
      func answer(_ wire: Wire, _ key: String, _ more: String) async -> String {
        wire.clear()
        await wire.send(request(key, more))
        let text = await wire.read { $0.contains("\r\n\r\n") && ($0.statuses == [304] || $0.hasSuffix("}")) }
        return text.split(separator: "\r\n").filter { !$0.lowercased().hasPrefix("date:") }.joined(separator: "\n")
      }
      let tag = try #require(try await client.get("/db/notes/v/boxes?key=%22N1%22").header("etag"))
      for more in ["", "Accept: application/json\r\n", "If-None-Match: \(tag)\r\n"] {
        let kept = try Wire(client.port)
        for key in [
          "%22N1%22", "%22N2%22", "%22N1%22", "%22none%22", "N1", "%22", "%zz", "%22N3%22", "[1]", "%22N0%22", "null", "%22N1%22",
        ] {
          let first = try Wire(client.port)
          #expect(await answer(kept, key, more) == (await answer(first, key, more)), "\(key) \(more)")
          first.close()
        }
        _ = try await client.post("/db/notes/e", #"{"number":"N2","boxes":1}"#)
        // The view isn't level now: the long way brings it there.
        #expect(await answer(kept, "%22N2%22", more).contains("\"key\":\"N2\""))
        kept.close()
      }
    }
  }

  /// Requests of every way, each sent once the last is answered, or several at a time, cut anywhere: the answers come in order, and what
  /// was recorded is what was sent.
  @Test func `answers as the other ways do, however requests are cut and mixed`() async throws {
    try await serving(.socket) { client in
      _ = try await client.send(.put, "/db/plain")
      let seed = testSeed()
      var random = SeededRandom(seed: seed)
      let wire = try Wire(client.port)
      var sent: [String] = []
      for _ in 0..<40 {
        wire.clear()
        var text = ""
        var expected: [Int] = []
        for _ in 0..<Int.random(in: 1...6, using: &random) {
          switch Int.random(in: 0..<12, using: &random) {
          case 0..<6:
            let body = "{\"n\":\(sent.count),\"pad\":\"\(String(repeating: "x", count: Int.random(in: 0...400, using: &random)))\"}"
            sent.append(body)
            text += `A connection`.post(body)
            expected.append(201)
          case 6:
            // Larger than an event loop parses itself.
            let bodies = (0..<300).map { "{\"n\":\(sent.count + $0),\"pad\":\"\(String(repeating: "y", count: 256))\"}" }
            sent += bodies
            text += `A connection`.post("[\(bodies.joined(separator: ","))]")
            expected.append(201)
          case 7:
            text += `A connection`.post("{\"keys\":[]}", path: "/db/plain/e/_read")
            expected.append(200)
          case 8:
            text += `A connection`.post("[]")
            expected.append(201)
          case 9:
            text += `A connection`.post(["", "{", "[1]", "{\"_at\":1}"].randomElement(using: &random) ?? "")
            expected.append(400)
          case 10:
            text += `A connection`.post("{}", path: "/db/elsewhere/e?on_taken=wrong")
            expected.append(400)
          default:
            text += `A connection`.get("/health")
            expected.append(200)
          }
        }
        let bytes = [UInt8](text.utf8)
        var at = 0
        while at < bytes.count {
          let end = Bool.random(using: &random) ? bytes.count : min(bytes.count, at + Int.random(in: 1...70_000, using: &random))
          await wire.send([UInt8](bytes[at..<end]))
          at = end
        }
        let count = expected.count
        let answer = await wire.read { $0.statuses.count >= count && ($0.hasSuffix("}") || $0.hasSuffix("]")) }
        try #require(answer.statuses == expected, "seed \(seed)")
      }
      #expect(try await client.get("/db/plain").json["events"] == JSON(sent.count), "seed \(seed)")
      let held = try await client.get("/db/plain/e?limit=100000").json["events"]?.elements ?? []
      let bodies = held.map { "{\"n\":\($0["n"]?.description ?? ""),\"pad\":\"\($0["pad"]?.string ?? "")\"}" }
      #expect(Set(bodies) == Set(sent), "seed \(seed)")
    }
  }

  @Test func `tells a client that left in the middle of a request nothing, and records nothing of it`() async throws {
    try await serving(.socket) { client in
      _ = try await client.send(.put, "/db/plain")
      let request = [UInt8](`A connection`.post("{\"cut\":true}").utf8)
      for cut in [1, 20, request.count - 14, request.count - 1] {
        let wire = try Wire(client.port)
        for n in 0..<3 {
          wire.clear()
          await wire.send(`A connection`.post("{\"n\":\(n)}"))
          #expect(await wire.read { $0.hasSuffix("}") }.statuses == [201])
        }
        await wire.send(Array(request[..<cut]))
        wire.close()
      }
      #expect(try await client.get("/db/plain").json["events"] == 12)
    }
  }

  @Test func `forgets nothing when its database goes and comes again`() async throws {
    try await serving(.socket) { client in
      let wire = try Wire(client.port)
      for _ in 0..<3 {
        for _ in 0..<3 {
          wire.clear()
          await wire.send(`A connection`.post("{}"))
          #expect(await wire.read { $0.hasSuffix("}") }.statuses == [201])
        }
        #expect(try await client.get("/db/plain").json["events"] == 3)
        #expect(try await client.send(.delete, "/db/plain?confirm=plain").status == 204)
      }
    }
  }
}
