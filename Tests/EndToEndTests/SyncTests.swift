import EventModel
import Foundation
import Testing

@Suite struct SyncTests {
  private func append(_ data: String, _ count: Int, _ name: String) async throws {
    let lines = (0..<count).map { "{\"\(name)\":\($0)}\n" }.joined()
    #expect(try await Laterbase.run("append", "plain", "--data", data, input: lines).code == 0)
  }

  private func feed(_ data: String) async throws -> Set<Substring> {
    Set(try await Laterbase.run("feed", "plain", "--data", data).lines)
  }

  private func sync(_ first: String, _ second: String) async throws -> JSON {
    let sync = try await Laterbase.run("sync", first, second, "--json")
    #expect(sync.code == 0, "\(sync.output)\(sync.notes)")
    return Answer(status: 0, body: Array(sync.output.utf8)).json
  }

  @Test func `Two folders become level, one of them made for it, and stay sound`() async throws {
    try await Folder.with { folder in
      try await append(folder["a"], 5, "a")
      let first = try await sync(folder["a"], folder["b"])
      #expect(first["database"] == "plain" && first["level"] == true && first["to_second"] == 5 && first["to_first"] == 0)
      try await append(folder["a"], 2, "more")
      try await append(folder["b"], 3, "b")
      let second = try await sync(folder["a"], folder["b"])
      #expect(second["to_first"] == 3 && second["to_second"] == 2)
      let (a, b) = (try await feed(folder["a"]), try await feed(folder["b"]))
      #expect(a == b && a.count == 10)
      for name in ["a", "b"] { #expect(try await Laterbase.run("verify", "--data", folder[name]).code == 0) }
      let third = try await Laterbase.run("sync", folder["a"], folder["b"], "--db", "plain")
      #expect(third.output == "plain: 0 records to \(folder["a"]), 0 to \(folder["b"])\n", "\(third.output)")
    }
  }

  @Test func `A copied folder that both used becomes level with the original`() async throws {
    try await Folder.with { folder in
      try await append(folder["a"], 4, "before")
      try FileManager.default.copyItem(atPath: folder["a"], toPath: folder["b"])
      try await append(folder["a"], 2, "a")
      try await append(folder["b"], 3, "b")
      let done = try await sync(folder["a"], folder["b"])
      #expect(done["to_first"] == 3 && done["to_second"] == 2)
      #expect(try await feed(folder["a"]) == feed(folder["b"]))
    }
  }

  @Test func `A folder and a server become level, and a server pulls from another through its death`() async throws {
    try await Folder.with { folder in
      try await append(folder["stick"], 6, "stick")
      let events = try await Server.run(data: folder["a"]) { a in
        #expect(try await a.post("/db/plain/e", #"{"at":"a"}"#).status == 201)
        let done = try await sync(folder["stick"], a.url)
        #expect(done["to_first"] == 1 && done["to_second"] == 6)
        // Killed in the midst of following, and started again: it goes on from its own clock.
        for round in 0..<2 {
          _ = try await Server.run(data: folder["b"], ["--peer", a.url, "--peer", "http://127.0.0.1:1"]) { b in
            #expect(try await a.post("/db/plain/e", "{\"round\":\(round)}").status == 201)
            let clock = try await a.get("/db/plain/clock")
            while try await b.get("/db/plain/clock").body != clock.body { try await Task.sleep(for: .milliseconds(20)) }
            try b.killHard()
          }
        }
        return try await a.feed("plain").count
      }.result
      #expect(events == 9)
      #expect(try await feed(folder["b"]).count == 9)
      #expect(try await Laterbase.run("verify", "--data", folder["b"]).code == 0)
    }
  }

  @Test func `A sync that can't be done, or doesn't come level, says why`() async throws {
    try await Folder.with { folder in
      try await append(folder["a"], 1, "a")
      for (arguments, words) in [
        ([folder["a"], "http://127.0.0.1:1"], "does not answer: "), ([folder["x"], folder["y"]], "neither"),
        ([folder["a"], folder["b"], "--db", "other"], "neither has a database other"), ([folder["a"], folder.path], "is no data folder"),
      ] {
        let sync = try await Laterbase.run(["sync"] + arguments)
        #expect(sync.code == 1 && sync.notes.contains(words), "\(sync.notes)")
      }
      #expect(try await Laterbase.run("sync", folder["a"]).code == 64)
      _ = try await Server.run(data: folder["c"]) { _ in
        let inUse = try await Laterbase.run("sync", folder["a"], folder["c"])
        #expect(inUse.code == 1 && inUse.notes.contains("in use by process"), "\(inUse.notes)")
      }
    }
  }
}
