import EventModel
import Foundation
import Testing

@Suite struct CommandTests {
  private let scans = """
    {"shipment":"S1","location":"HAM","weightKg":2,"_at":"2026-03-01T10:00:00Z","_key":"1"}
    {"shipment":"S1","location":"ROT","weightKg":3,"_at":"2026-03-01T09:00:00Z","_key":"2"}
    """

  @Test func `Events go in by append, out by feed, the same over a server and over a folder`() async throws {
    try await Folder.with { folder in
      let scans = scans
      _ = try await Server.run(data: folder["served"]) { server in try await Self.walk(["--url", server.url], scans) }
      try await Self.walk(["--data", folder["direct"]], scans)
      for data in ["served", "direct"] {
        let verify = try await Laterbase.run("verify", "--data", folder[data])
        #expect(verify.output == "shipments: ok, 2 records, 2 events\nok: 2 records in 1 database\n", "\(verify.notes)")
      }
    }
  }

  private static func walk(_ target: [String], _ scans: String) async throws {
    let first = try await Laterbase.run("append", "shipments", target[0], target[1], input: scans)
    #expect(first.output.hasPrefix("recorded 2, known 0, clock "), "\(first.output)\(first.notes)")
    let again = try await Laterbase.run("append", "shipments", "--json", target[0], target[1], input: scans)
    #expect(Answer(status: 0, body: Array(again.output.utf8)).json["known"]?.int == 2)

    let feed = try await Laterbase.run("feed", "shipments", target[0], target[1])
    #expect(feed.lines.count == 2 && feed.lines.allSatisfy { $0.hasPrefix("{\"_id\":") }, "\(feed.output)")
    let clock = try #require(feed.notes.split(separator: "\n").first { $0.hasPrefix("clock ") }).dropFirst("clock ".count)
    let rest = try await Laterbase.run("feed", "shipments", "--lc", String(clock), "--json", target[0], target[1])
    #expect(rest.lines.count == 1 && rest.output.hasPrefix("{\"clock\":"), "\(rest.output)")
    let heavy = try await Laterbase.run("feed", "shipments", "--where", "weightKg=3.0", "--where", "shipment=S1", target[0], target[1])
    #expect(heavy.lines.count == 1 && heavy.output.contains("ROT"), "\(heavy.output)\(heavy.notes)")
    #expect(try await Laterbase.run("feed", "shipments", "--type", "none", target[0], target[1]).output == "")
    #expect(try await Laterbase.run("feed", "shipments", "--where", "shipment", target[0], target[1]).code == 64)
  }

  @Test func `What can't be done is said on stderr, with exit code 1`() async throws {
    try await Folder.with { folder in
      let none = try await Laterbase.run("feed", "plain", "--url", "http://127.0.0.1:1")
      #expect(none.code == 1 && none.output.isEmpty && none.notes.contains("no server answers"), "\(none.notes)")
      let wrong = try await Laterbase.run("append", "plain", "--data", folder["a"], input: "{\"n\":1}\n{\"_at\":\"soon\"}\n")
      #expect(wrong.code == 1 && wrong.output.isEmpty && wrong.notes.contains("line 2, /_at"), "\(wrong.notes)")
      let absent = try await Laterbase.run("verify", "--data", folder["b"])
      #expect(absent.code == 1 && !FileManager.default.fileExists(atPath: folder["b"]))
      let usage = try await Laterbase.run("feed")
      #expect(usage.code == 64)
    }
  }

  @Test func `A followed feed prints what comes later`() async throws {
    try await Folder.with { folder in
      _ = try await Server.run(data: folder["a"]) { server in
        #expect(try await server.post("/db/plain/e", #"{"n":1}"#).status == 201)
        let lines = try await Laterbase.follow("plain", server.url, lines: 2) { count in
          if count == 1 { _ = try await server.post("/db/plain/e", #"{"n":2}"#) }
        }
        #expect(lines.map { $0.suffix(6) } == ["\"n\":1}", "\"n\":2}"])
      }
    }
  }

  @Test func `What comes slowly is recorded as it comes`() async throws {
    try await Folder.with { folder in
      _ = try await Server.run(data: folder["a"]) { server in
        let pipe = folder["pipe"]
        unsafe #expect(mkfifo(pipe, 0o600) == 0)
        // Open both ways, so that neither end waits for the other.
        let writer = try #require(FileHandle(forUpdatingAtPath: pipe))
        async let appended = Laterbase.run("append", "plain", pipe, "--url", server.url)
        for n in 1...2 {
          // Half a line isn't sent on.
          try writer.write(contentsOf: Data("{\"n\":".utf8))
          try writer.write(contentsOf: Data("\(n)}\n".utf8))
          while try await server.get("/db/plain").json["events"]?.int != n { try await Task.sleep(for: .milliseconds(50)) }
        }
        try writer.close()
        #expect(try await appended.output.hasPrefix("recorded 2, known 0, clock "))
      }
    }
  }
}
