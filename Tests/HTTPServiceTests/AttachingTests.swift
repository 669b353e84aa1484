import EventModel
import HTTPTypes
import Laterbase
import Testing
import ViewKit

@testable import HTTPService

/// Over any events.
struct Members: ReduceView {
  let name = "members"
  func map(_ event: JSON, _ when: Happened, emit: inout Emit<String, Count>) {
    for member in event.members ?? [] { emit(member.name, Count()) }
  }
}

@Suite struct `Views attached over HTTP` {
  static let databases: [any DatabaseDeclaration] = [
    Database("notes", of: Note.self) { Boxes() }, Database("copies", of: Note.self) { LastBoxes() }, Database("inbox") { Members() },
  ]

  static func served<R: Sendable>(
    _ depth: Depth, _ storage: Storage = .memory, _ body: @escaping @Sendable (Client) async throws -> R
  ) async throws -> R {
    try await serving(depth, LaterbaseNode(databases, storage: storage)) { client in
      _ = try await client.post("/db/notes/e", #"[{"number":"A","boxes":4},{"number":"A","boxes":6}]"#)
      _ = try await client.post("/db/plain/e", #"{"a":1,"b":2}"#)
      return try await body(client)
    }
  }

  static func names(_ client: Client, _ database: String = "notes") async throws -> [String?] {
    try await client.get("/db/\(database)/v").json["views"]?.elements?.map { $0["name"]?.string } ?? []
  }

  @Test(arguments: Depth.allCases) func `answer until they are detached`(depth: Depth) async throws {
    try await Self.served(depth) { client in
      let path = "/db/notes/v/last-boxes"
      #expect(try await client.get(path).slug == "not-found")
      let made = try await client.send(.put, path)
      #expect(made.status == 201)
      #expect(made.header("location") == path)
      #expect(made.json == ["name": "last-boxes", "version": 1, "attached": true])
      #expect(try await client.send(.put, path).status == 200)
      #expect(try await client.get(path).json["rows"] == [["key": ["A", 0], "value": 6]])
      #expect(try await client.get("/notes/last-boxes").status == 200)
      #expect(try await Self.names(client) == ["boxes", "last-boxes"])
      #expect(try await client.get("/db/notes/v").json["views"]?.elements?.map { $0["attached"] } == [false, true])
      #expect(try await client.get("/db/notes").json["views"] == ["boxes", "last-boxes"])
      // Over any events, to any database.
      for database in ["notes", "plain"] { #expect(try await client.send(.put, "/db/\(database)/v/members").status == 201) }
      #expect(try await client.get("/plain/members").json["rows"] == [["key": "a", "value": 1], ["key": "b", "value": 1]])
      #expect(try await client.send(.delete, path).status == 204)
      #expect(try await client.get(path).slug == "not-found")
      #expect(try await client.send(.delete, path).slug == "not-found")
      #expect(try await Self.names(client) == ["boxes", "members"])
      #expect(try await client.send(.put, path).status == 201)
      #expect(try await client.get(path).json["rows"] == [["key": ["A", 0], "value": 6]])
    }
  }

  @Test(arguments: Depth.allCases) func `are refused where they don't belong`(depth: Depth) async throws {
    try await Self.served(depth) { client in
      let other = try await client.send(.put, "/db/plain/v/boxes")
      #expect(other.status == 422)
      #expect(other.slug == "refused")
      #expect(try await client.send(.put, "/db/inbox/v/boxes").slug == "no-database")
      let unknown = try await client.send(.put, "/db/notes/v/none")
      #expect(unknown.slug == "not-found")
      #expect(unknown.json["detail"]?.string?.contains("last-boxes") == true)
      #expect(try await client.send(.put, "/db/none/v/boxes").slug == "no-database")
      #expect(try await client.send(.put, "/db/_nodes/v/members").slug == "forbidden")
      #expect(try await client.send(.put, "/db/X/v/members").slug == "bad-parameter")
      #expect(try await client.send(.put, "/db/notes/v/last-boxes", "{}").slug == "bad-parameter")
      #expect(try await client.send(.put, "/db/notes/v/last-boxes?x=1").slug == "bad-parameter")
      #expect(try await client.send(.delete, "/db/notes/v/boxes").slug == "refused")
      #expect(try await client.send(.delete, "/db/notes/v/none").slug == "not-found")
      for method in [HTTPRequest.Method.put, .delete] {
        let short = try await client.send(method, "/notes/boxes")
        #expect(short.slug == "method")
        #expect(short.header("allow") == "GET, HEAD, OPTIONS")
      }
      #expect(try await client.send(.options, "/db/notes/v/boxes").header("allow") == "GET, HEAD, PUT, DELETE, OPTIONS")
      #expect(try await Self.names(client) == ["boxes"])
      #expect(try await Self.names(client, "plain") == [])
    }
  }
}
