import EventModel
import EventStore
import HTTPTypes
import Laterbase
import StoreConformance
import Testing
import ViewKit

@testable import HTTPService

/// Boxes by note and parity, so that keys have parts.
struct BoxPairs: ReduceView {
  let name = "box-pairs"
  func map(_ event: Note, _ when: Happened, emit: inout Emit<Key<String, Int>, Sum<Int>>) {
    emit(Key(event.number, event.boxes % 2), Sum(event.boxes))
  }
}

private let queried = Database("notes", of: Note.self) {
  Boxes()
  BoxPairs()
  LastBoxes()
  Index("by-number") { [$0.number] }
}

@Suite struct `A view's parameters` {
  /// The node's wall clock, in the tests' hands.
  static func filled<R: Sendable>(
    _ depth: Depth = .router, _ body: @escaping @Sendable (Client, ManualWorld) async throws -> R
  ) async throws -> R {
    let world = ManualWorld(seed: 1)
    let node = try LaterbaseNode([queried], storage: .memory, name: nil, region: nil, options: NodeOptions(), world: world.world)
    return try await serving(depth, node) { client in
      let events = (0..<12).map { "{\"_at\":\"\(at($0))\",\"number\":\"N\($0 % 3)\",\"boxes\":\($0)}" }
      #expect(try await client.post("/db/notes/e", "[\(events.joined(separator: ","))]").status == 201)
      return try await body(client, world)
    }
  }

  static func at(_ seconds: Int) -> Instant { `Reading over HTTP`.at(seconds) }

  static func rows(_ client: Client, _ path: String) async throws -> [String] {
    let reply = try await client.get(path)
    #expect(reply.status == 200, "\(path): \(reply.text)")
    return (reply.json["rows"]?.elements ?? []).map(\.description)
  }

  @Test(arguments: Depth.allCases) func `group joins keys, as many of their elements as it is told`(depth: Depth) async throws {
    try await Self.filled(depth) { client, _ in
      func rows(_ query: String) async throws -> [String] { try await Self.rows(client, "/notes/box-pairs?\(query)") }
      let all = try await rows("")
      #expect(all.count == 6 && all[0] == #"{"key":["N0",0],"value":6}"#)
      #expect(try await rows("group=true") == all)
      #expect(try await rows("group_level=2") == all)
      #expect(try await rows("group_level=99") == all)
      let notes = [#"{"key":["N0"],"value":18}"#, #"{"key":["N1"],"value":22}"#, #"{"key":["N2"],"value":26}"#]
      #expect(try await rows("group_level=1") == notes)
      #expect(try await rows("group_level=1&descending=true") == notes.reversed())
      #expect(try await rows("group_level=1&skip=1&limit=1") == [notes[1]])
      #expect(try await rows("group=false") == [#"{"key":null,"value":66}"#])
      #expect(try await rows("group_level=0") == [#"{"key":null,"value":66}"#])
      #expect(try await rows("group=false&skip=1") == [])
      #expect(try await rows("group=false&startkey=[%22N1%22]&endkey=[%22N1%22,%7B%7D]") == [#"{"key":null,"value":22}"#])
      #expect(try await rows("group=false&prefix=[%22N2%22]") == [#"{"key":null,"value":26}"#])
      #expect(try await rows("group=false&keys=[[%22N2%22,1],[%22N0%22,0],[%22N2%22,1]]") == [#"{"key":null,"value":22}"#])
      #expect(try await rows("group_level=1&key=[%22N1%22,0]") == [#"{"key":["N1"],"value":14}"#])
      #expect(try await rows("group=false&startkey=[%22X%22]") == [])
      #expect(try await client.get("/notes/last-boxes?group=false").slug == "not-commutative")
      let first = try await client.get("/notes/box-pairs?group_level=1&limit=2")
      let cursor = try #require(first.json["cursor"]?.string)
      #expect(try await rows("group_level=1&limit=2&cursor=\(cursor)") == [notes[2]])
      let lines = try await client.get("/notes/box-pairs?group_level=1&limit=2", ["Accept": "application/x-ndjson"])
      #expect(lines.lines.map(\.description).prefix(2) == notes.prefix(2) && lines.lines.last?["cursor"]?.string == cursor)
    }
  }

  @Test(arguments: Depth.allCases) func `reduce=false lists rows, and the events that they are of`(depth: Depth) async throws {
    try await Self.filled(depth) { client, _ in
      func rows(_ query: String) async throws -> [JSON] {
        try await client.get("/notes/\(query)").json["rows"]?.elements ?? []
      }
      _ = try await client.post("/db/notes/e", "{\"_at\":\"\(Self.at(2).adding(milliseconds: 1))\",\"number\":\"N0\",\"boxes\":40}")
      let all = try await rows("boxes?reduce=false")
      #expect(all.count == 13)
      #expect(all.prefix(4).map { $0["value"]?.int } == [0, 40, 3, 6])
      #expect(all.prefix(5).map { $0["key"]?.string } == ["N0", "N0", "N0", "N0", "N0"])
      #expect(all.map { $0["id"]?.string.flatMap { ULID($0) }?.at }[1] == Self.at(2).adding(milliseconds: 1))
      #expect(try await rows("boxes?reduce=false&descending=true") == all.reversed())
      #expect(try await rows("boxes?reduce=false&key=%22N1%22").map { $0["value"]?.int } == [1, 4, 7, 10])
      #expect(try await rows("boxes?reduce=false&key=%22N1%22&descending=true&limit=2").map { $0["value"]?.int } == [10, 7])
      let some = try await rows("boxes?reduce=false&keys=[%22N2%22,%22X%22,%22N1%22]&skip=3&limit=2")
      #expect(some.map { $0["value"]?.int } == [11, 1])
      for query in ["reduce=false", "reduce=false&descending=true", "reduce=false&keys=[%22N2%22,%22N0%22]"] {
        let whole = try await rows("boxes?\(query)")
        var (seen, cursor): ([JSON], String?) = ([], nil)
        repeat {
          let page = try await client.get("/notes/boxes?\(query)&limit=3\(cursor.map { "&cursor=\($0)" } ?? "")").json
          seen += page["rows"]?.elements ?? []
          cursor = page["cursor"]?.string
        } while cursor != nil
        #expect(seen == whole, "\(query)")
      }
      let events = try await rows("by-number?key=%22N0%22&reduce=false&include_events=true")
      #expect(events.map { $0["event"]?["boxes"]?.int } == [0, 40, 3, 6, 9])
      for row in events {
        let id = try #require(row["id"]?.string)
        #expect(row["value"] == 1 && row["event"]?["_id"]?.string == id)
        #expect(try await client.get("/db/notes/e/\(id)").json["_hlc"] == row["event"]?["_hlc"])
      }
      let lines = try await client.get("/notes/by-number?reduce=false&include_events=true&limit=0", ["Accept": "application/x-ndjson"])
        .lines
      #expect(lines.count == 14 && lines[0]["event"]?["number"] == "N0" && lines[13]["cursor"] == JSON.null)
      #expect(try await rows("last-boxes?reduce=false&key=[%22N0%22,1]").map { $0["value"]?.int } == [3, 9])
    }
  }

  @Test(arguments: Depth.allCases) func `times show what had happened, and what was known`(depth: Depth) async throws {
    try await Self.filled(depth) { client, world in
      func sum(_ query: String) async throws -> Int? {
        let reply = try await client.get("/notes/boxes?group=false\(query)")
        #expect(reply.status == 200, "\(query): \(reply.text)")
        return reply.json["rows"]?.elements?.first?["value"]?.int
      }
      let first = try #require(try await client.get("/db/notes").json["clock"]?.string)
      let then = world.now
      world.advance(milliseconds: 60_000)
      let late = try await client.post("/db/notes/e", "{\"_at\":\"\(Self.at(1))\",\"number\":\"N1\",\"boxes\":100}")
      let void = try #require(late.json["ids"]?.elements?.first?.string)
      let second = try #require(try await client.get("/db/notes").json["clock"]?.string)
      let later = world.now
      world.advance(milliseconds: 60_000)
      _ = try await client.post("/db/notes/e", "{\"_at\":\"\(Self.at(3))\",\"_voids\":\"\(void)\",\"number\":\"N0\",\"boxes\":1000}")
      #expect(try await sum("") == 1066)
      #expect(try await sum("&as_of=\(Self.at(2))") == 3)
      #expect(try await sum("&as_of=\(Self.at(3).adding(milliseconds: -1))") == 3)
      #expect(try await sum("&as_of=\(Self.at(3))") == 1006)
      #expect(try await sum("&between=\(Self.at(2)),\(Self.at(3))") == 2)
      #expect(try await sum("&between=\(Self.at(2)),\(Self.at(2))") == nil)
      #expect(try await sum("&between=\(Self.at(2)),\(Self.at(9))&as_of=\(Self.at(3))") == 1005)
      for known in ["known_at=\(first)", "known_at=\(then)", "held_at=\(then)", "held_at=\(then)&known_at=\(second)"] {
        #expect(try await sum("&\(known)") == 66, "\(known)")
        #expect(try await sum("&\(known)&as_of=\(Self.at(1))") == 1, "\(known)")
      }
      for known in ["known_at=\(second)", "known_at=\(later)", "held_at=\(later)", "held_at=\(later)&known_at=\(later)"] {
        #expect(try await sum("&\(known)") == 166, "\(known)")
        #expect(try await sum("&\(known)&between=\(Self.at(1)),\(Self.at(4))") == 106, "\(known)")
        #expect(try await sum("&\(known)&update=false") == 166, "\(known)")
      }
      #expect(try await sum("&known_at=0") == nil)
      #expect(try await sum("&held_at=\(then.adding(milliseconds: -1))") == nil)
      // The set that the answer is of, pinned, is the same answer again.
      let pinned = try await client.get("/notes/boxes?known_at=\(then)")
      #expect(pinned.json["set"]?.string == first)
      #expect(try await client.get("/notes/boxes?known_at=\(first)").text == pinned.text)
      // Of one key, of a state, of rows.
      #expect(try await Self.rows(client, "/notes/boxes?key=%22N1%22&known_at=\(second)") == [#"{"key":"N1","value":122}"#])
      #expect(try await Self.rows(client, "/notes/last-boxes?key=[%22N1%22,1]&as_of=\(Self.at(4))") == [#"{"key":["N1",1],"value":1}"#])
      #expect(try await Self.rows(client, "/notes/boxes?reduce=false&key=%22N1%22&known_at=\(second)&as_of=\(Self.at(1))").count == 2)
      #expect(try await Self.rows(client, "/notes/boxes?reduce=false&key=%22N1%22&as_of=\(Self.at(1))").count == 1)
    }
  }

  @Test(arguments: Depth.allCases) func `a clock that isn't held is said to be missing`(depth: Depth) async throws {
    try await Self.filled(depth) { client, _ in
      let foreign = Clock([Clock.Entry(origin: Origin(value: 77), n: 3, digest: 1)])
      for view in ["boxes", "last-boxes"] {
        for update in ["true", "false", "lazy"] {
          let reply = try await client.get("/notes/\(view)?known_at=\(foreign.token)&update=\(update)")
          #expect(reply.slug == "clock-not-held" && reply.status == 409)
          #expect(reply.json["detail"]?.string?.contains("\(Origin(value: 77)) 1–3") == true)
        }
      }
    }
  }

  /// Each wrong form of each parameter: 400, and the detail names it.
  @Test(arguments: Depth.allCases) func `of a wrong form are refused by name`(depth: Depth) async throws {
    try await Self.filled(depth) { client, _ in
      let time = Self.at(1).description
      let key = Base64URL.encode([UInt8](repeating: 7, count: 481).raw)
      let wrong: [(name: String, query: String)] = [
        ("key", "key=N7"), ("key", "key=%7B%7D"), ("key", "key="), ("key", "key=%22\(String(repeating: "x", count: 500))%22"),
        ("keys", "keys=%22N7%22"),
        ("keys", "keys=[%7B%7D]"), ("startkey", "startkey=x"), ("endkey", "endkey=x"), ("prefix", "prefix=%7B%7D"),
        ("inclusive_end", "inclusive_end=1"),
        ("descending", "descending=yes"), ("limit", "limit=-1"), ("limit", "limit="), ("skip", "skip=1e3"),
        ("limit", "limit=99999999999999999999"), ("cursor", "cursor=*"), ("cursor", "cursor="), ("cursor", "cursor=\(key)"),
        ("cursor", "cursor=AAAA&keys=[1]"), ("cursor", "cursor=AAE&keys=[1]"), ("cursor", "cursor=AAAA&reduce=false"),
        ("group", "group=1"), ("group_level", "group_level=-1"), ("group_level", "group_level=x"), ("group_level", "group_level="),
        ("group", "group=false&reduce=false"), ("group", "group=true&reduce=false"), ("group_level", "group_level=1&reduce=false"),
        ("group_level", "group=false&group_level=1"), ("reduce", "reduce=no"), ("include_events", "include_events=yes"),
        ("include_events", "include_events=true"), ("include_events", "include_events=true&reduce=true"), ("as_of", "as_of=yesterday"),
        ("as_of", "as_of="), ("as_of", "as_of=2026-03-01T00:00:00"), ("between", "between=\(time)"), ("between", "between=\(time),"),
        ("between", "between=,\(time)"), ("between", "between=\(time),\(time),\(time)"), ("between", "between=\(Self.at(2)),\(time)"),
        ("known_at", "known_at="), ("known_at", "known_at=AQ"), ("known_at", "known_at=2026-03-01"), ("held_at", "held_at=0"),
        ("held_at", "held_at="), ("update", "update=maybe"), ("timeout", "timeout=5"), ("consistency", "consistency=some"),
        ("at_least", "at_least=x"), ("groups", "groups=1"), ("key", "keys=[]&key=1"), ("keys", "key=1&keys=[]"),
        ("startkey", "key=1&startkey=1"),
        ("endkey", "keys=[]&endkey=1"), ("prefix", "key=1&prefix=1"), ("inclusive_end", "key=1&inclusive_end=true"),
        ("as_of", "as_of=\(time)&as_of=\(time)"),
      ]
      for (name, query) in wrong {
        let reply = try await client.get("/notes/boxes?\(query)")
        #expect(reply.status == 400 && reply.slug == "bad-parameter", "\(query)")
        #expect(reply.json["detail"]?.string?.contains(name) == true, "\(query): \(reply.text)")
      }
      #expect(try await client.get("/notes/boxes").status == 200)
    }
  }

  @Test(arguments: Depth.allCases) func `make the tag, with the set that they are answered of`(depth: Depth) async throws {
    try await Self.filled(depth) { client, world in
      let then = world.now
      world.advance(milliseconds: 1000)
      let clock = try #require(try await client.get("/db/notes").json["clock"]?.string)
      let queries = [
        "", "key=%22N1%22", "group=false", "group_level=1", "reduce=false", "reduce=false&include_events=true", "as_of=\(Self.at(5))",
        "between=\(Self.at(1)),\(Self.at(5))", "known_at=\(then)", "known_at=\(clock)", "held_at=\(then)",
        "key=%22N1%22&as_of=\(Self.at(5))",
      ]
      var tags: [String: String] = [:]
      for query in queries {
        let reply = try await client.get("/notes/boxes?\(query)")
        let tag: String = try #require(reply.header("etag"))
        tags[query] = tag
        let same = try await client.get("/notes/boxes?\(query)", ["If-None-Match": tag])
        #expect(same.status == 304 && same.text.isEmpty && same.header("etag") == tag, "\(query)")
        let lines = try await client.get("/notes/boxes?\(query)", ["If-None-Match": "*", "Accept": "application/x-ndjson"])
        #expect(lines.header("etag") != tags[query])
      }
      #expect(Set(tags.values).count == queries.count)
      _ = try await client.post("/db/notes/e", #"{"number":"N1","boxes":1}"#)
      for query in queries {
        let isPinned = query.contains("known_at") || query.contains("held_at")
        let reply = try await client.get("/notes/boxes?\(query)", ["If-None-Match": try #require(tags[query])])
        #expect(reply.status == (isPinned ? 304 : 200), "\(query)")
      }
    }
  }

  /// More than one piece: the answer is streamed, and still of one set.
  @Test func `limit=0 streams what has any length`() async throws {
    try await Self.filled(.socket) { client, _ in
      let long = String(repeating: "x", count: 400)
      for part in 0..<3 {
        let events = (0..<1000).map { "{\"number\":\"\(long)\(part * 1000 + $0)\",\"boxes\":1}" }
        #expect(try await client.post("/db/notes/e", "[\(events.joined(separator: ","))]").status == 201)
      }
      for (query, count) in [("box-pairs?limit=0", 3006), ("box-pairs?limit=0&group_level=1", 3003), ("boxes?limit=0&reduce=false", 3012)] {
        let all = try await client.get("/notes/\(query)")
        #expect(all.json["rows"]?.elements?.count == count, "\(query)")
        #expect(all.json["cursor"] == JSON.null && all.text.utf8.count > 1_200_000)
      }
      let lines = try await client.get("/notes/box-pairs?limit=0", ["Accept": "application/x-ndjson"]).lines
      #expect(lines.count == 3007 && lines[3005]["key"]?.elements?.count == 2 && lines[3006]["cursor"] == JSON.null)
      #expect(try await Self.rows(client, "/notes/boxes?group=false") == [#"{"key":null,"value":3066}"#])
      // A page with a limit ends after a megabyte.
      let page = try await client.get("/notes/box-pairs?limit=3000").json
      #expect((page["rows"]?.elements?.count ?? 0) < 3000 && page["cursor"]?.string != nil)
    }
  }
}
