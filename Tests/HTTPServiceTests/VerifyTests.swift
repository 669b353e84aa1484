import EventModel
import HTTPTypes
import Laterbase
import Synchronization
import Testing

@testable import HTTPService

@Suite struct `A check over HTTP` {
  @Test(arguments: Depth.allCases) func `proves a database and says so in its last line`(depth: Depth) async throws {
    let node = try LaterbaseNode([`Views over HTTP`.database], storage: .memory)
    try await serving(depth, node) { client in
      _ = try await client.post("/db/notes/e", #"[{"number":"A","boxes":4},{"number":"B","boxes":6}]"#)
      _ = try await client.get("/notes/boxes")
      let reply = try await client.get("/db/notes/verify")
      #expect(reply.status == 200 && reply.header("content-type") == "application/x-ndjson")
      let last = try #require(reply.lines.last)
      #expect(last["ok"] == true && last["records"] == 2 && last["events"] == 2 && last["faults"] == [])
      #expect(try await client.get("/db/none/verify").slug == "no-database")
      #expect(try await client.get("/db/notes/verify?x=1").slug == "bad-parameter")
      #expect(try await client.send(.post, "/db/notes/verify", "").slug == "method")
      #expect(try await client.get("/db/notes/verify", ["Accept": "application/json"]).slug == "not-acceptable")
    }
  }

  /// What a check that has no end has come to. The mutex owns it.
  private final class Endless: Sendable {
    private let state = Mutex((began: 0, ended: 0))
    var began: Int { state.withLock { $0.began } }
    var ended: Int { state.withLock { $0.ended } }

    func run(_ tell: (String) -> Void) async throws {
      state.withLock { $0.began += 1 }
      defer { state.withLock { $0.ended += 1 } }
      tell(#"{"records":1}"#)
      try await Task.sleep(for: .seconds(3600))
    }
  }

  @Test func `stops when its client has gone, is one of few, and ends without a result when the server stops`() async throws {
    let endless = Endless()
    let left = try await serving(.socket, nil, { $0.check = { (_, tell) in try await endless.run(tell) } }) { client in
      _ = try await client.post("/db/plain/e", "{}")
      let wires = [try Wire(client.port), try Wire(client.port)]
      for wire in wires {
        await wire.send("GET /db/plain/verify HTTP/1.1\r\nHost: localhost\r\n\r\n")
        _ = await wire.read { $0.contains(#"{"records":1}"#) }
      }
      #expect(try await client.get("/db/plain/verify").slug == "busy")
      wires[0].close()
      while endless.ended == 0 { try await Task.sleep(for: .milliseconds(10)) }
      // Its place is free a little later.
      var (next, status) = (try Wire(client.port), 429)
      while status == 429 {
        next = try Wire(client.port)
        await next.send("GET /db/plain/verify HTTP/1.1\r\nHost: localhost\r\n\r\n")
        status = await next.read { $0.contains("records") || $0.contains("busy") }.statuses.first ?? 0
      }
      #expect(endless.began == 3)
      return [wires[1], next]
    }
    for wire in left { #expect(!(await wire.read()).contains("\"ok\"")) }
    while endless.ended < 3 { try await Task.sleep(for: .milliseconds(10)) }
  }
}
