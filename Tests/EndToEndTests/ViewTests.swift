import EventModel
import Testing

@Suite struct ViewTests {
  @Test func `A view answers a query, the same over a server and over a folder`() async throws {
    let scans = """
      {"shipment":"S1","location":"HAM","weightKg":2,"_at":"2026-03-01T10:00:00Z"}
      {"shipment":"S1","location":"ROT","weightKg":3,"_at":"2026-03-01T09:00:00Z"}
      """
    try await Folder.with { folder in
      let append = try await Laterbase.run("append", "shipments", "--data", folder["a"], input: scans)
      #expect(append.code == 0, "\(append.notes)")
      try await Self.query(["--data", folder["a"]])
      _ = try await Server.run(data: folder["a"]) { server in try await Self.query(["--url", server.url]) }
    }
  }

  private static func query(_ target: [String]) async throws {
    let last = try await Laterbase.run("query", "shipments", "last-location", "--key", "S1", target[0], target[1])
    #expect(last.output == "S1\t{\"_at\":\"2026-03-01T10:00:00.000Z\",\"location\":\"HAM\"}\n", "\(last.output)\(last.notes)")
    let weights = try await Laterbase.run("query", "shipments", "weight-by-location", "--json", target[0], target[1])
    #expect(Answer(status: 0, body: Array(weights.output.utf8)).json["rows"]?.elements?.count == 2)
    let missing = try await Laterbase.run("query", "shipments", "nothing", target[0], target[1])
    #expect(missing.code == 1 && missing.notes.contains("nothing"), "\(missing.notes)")
  }

  #if os(Linux)
    @Test func `On a terminal the demo's server goes on until Ctrl-C`() async throws {
      try await Folder.with { folder in
        let demo = try await Laterbase.onTerminal("demo", in: folder, untilLine: "The server goes on until Ctrl-C.")
        #expect(demo.code == 0, "\(demo.output)")
      }
    }
  #endif

  @Test func `The demo shows the main job, checks it, and ends by itself without a terminal`() async throws {
    try await Folder.with { folder in
      for _ in 0..<2 {
        let demo = try await Laterbase.run("demo", in: folder)
        #expect(demo.code == 0, "\(demo.output)\(demo.notes)")
        #expect(demo.output.contains("Checked: both views of shipments equal the reduction"))
      }
      let verify = try await Laterbase.run("verify", "--data", folder["laterbase-demo"])
      #expect(verify.code == 0, "\(verify.output)")
    }
  }
}
