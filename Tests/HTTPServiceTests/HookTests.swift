import EventModel
import Laterbase
import Testing
import ViewKit

@testable import HTTPService

@Suite struct `Hooks over HTTP` {
  /// Takes notes of one box and more.
  struct Boxes: Hook {
    let name = "boxes"
    func willAppend(_ note: inout Note) async throws(Refusal) {
      if note.boxes < 1 { throw Refusal("/boxes", "must be 1 or more") }
      note.number = note.number.uppercased()
    }
  }

  @Test(arguments: Depth.allCases) func `refuse with a pointer, amend, and are shown`(depth: Depth) async throws {
    let node = try LaterbaseNode([Database("notes", of: Note.self, hooks: [Boxes()])], storage: .memory)
    try await serving(depth, node) { client in
      // More than once: what is repeated could take another way.
      for round in 0..<3 {
        let refused = try await client.post("/db/notes/e", #"[{"number":"a","boxes":1},{"number":"b","boxes":0}]"#)
        #expect(refused.status == 422 && refused.slug == "refused")
        let fault = try #require(refused.json["errors"]?[0])
        #expect(fault["index"] == 1 && fault["pointer"] == "/boxes" && fault["detail"] == "must be 1 or more")
        #expect(try await client.post("/db/notes/e", "{\"number\":\"n\(round)\",\"boxes\":1}").status == 201)
      }
      let document = #"{"notes":[{"number":"x","boxes":1},{"number":"y","boxes":-1}]}"#
      #expect(try await client.post("/db/notes/e", document, type: "application/notes+json").slug == "refused")
      let lines = try await client.post(
        "/db/notes/e", "{\"number\":\"l\",\"boxes\":2}\n{\"number\":\"m\",\"boxes\":0}\n", type: "application/x-ndjson")
      #expect(lines.slug == "refused" && lines.json["errors"]?[0]?["line"] == 2)
      let numbers = try await client.get("/db/notes/e").json["events"]?.elements?.compactMap { $0["number"]?.string }
      #expect(numbers == ["N0", "N1", "N2"])
      let hook = try #require(try await client.get("/db/notes").json["hooks"]?[0])
      #expect(hook["name"] == "boxes" && hook["pending"]?.int != nil && hook["clock"]?.string != nil && hook["failure"] == .null)
    }
  }
}
