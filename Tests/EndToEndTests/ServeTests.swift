import EventModel
import Testing

@Suite struct ServeTests {
  @Test func `SIGTERM ends an open long poll with its clock, and the process with 0`() async throws {
    try await Folder.with { folder in
      let ended = try await Server.run(data: folder["a"]) { server in
        #expect(try await server.post("/db/plain/e", "{}").status == 201)
        let clock = try #require(try await server.get("/db/plain").json["clock"]?.string)
        let poll = "/db/plain/e?lc=\(clock)&feed=longpoll&timeout=300s"
        let answers = try await server.pipelined(["/health", poll]) { try server.terminate() }
        #expect(answers.matches(of: #/HTTP/1\.1 200 /#).count == 2, "\(answers)")
        #expect(answers.contains("{\"events\":[],\"clock\":\"\(clock)\""), "\(answers)")
      }
      #expect(ended.code == 0)
    }
  }

  @Test func `The log's first line says address, data folder and databases`() async throws {
    try await Folder.with { folder in
      let first = try await Server.run(data: folder["a"]) { try await $0.post("/db/plain/e", "{}").status }
      #expect(first.result == 201)
      let second = try await Server.run(data: folder["a"]) { $0.url.dropFirst("http://".count) }
      let line = try #require(second.log.first)
      let entry = #/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO listening address=(\S+) .*$/#
      #expect(try entry.wholeMatch(in: line)?.1 == second.result, "\(line)")
      #expect(line.contains(" data=\(folder["a"])"))
      #expect(line.contains(" databases=plain"))
    }
  }

  @Test func `Settings come from flag, environment and file, and a wrong one is exit code 64 with its place`() async throws {
    try await Folder.with { folder in
      try folder.write("laterbase.yml", "max-batch: 2\nlisten: 0.0.0.0:0\n")
      let refused = try await Laterbase.run("serve", in: folder)
      #expect(refused.code == 64)
      #expect(refused.notes.contains("--insecure"), "\(refused.notes)")

      try folder.write("laterbase.yml", "max-batch: 2\nmax-bach: 3\n")
      let unknown = try await Laterbase.run("serve", in: folder)
      #expect(unknown.code == 64)
      #expect(unknown.notes.contains("laterbase.yml: max-bach: "), "\(unknown.notes)")

      let wrong = try await Laterbase.run("serve", "--config", "/dev/null", in: folder, environment: ["LATERBASE_MAX_DRIFT": "soon"])
      #expect(wrong.code == 64)
      #expect(wrong.notes.contains("LATERBASE_MAX_DRIFT: "), "\(wrong.notes)")

      let flag = try await Laterbase.run("serve", "--peer", "http://127.0.0.1:1", in: folder)
      #expect(flag.code == 64)

      try folder.write("two.yml", "max-batch: 2\n")
      _ = try await Server.run(data: folder["a"], ["--config", folder["two.yml"]]) { server in
        let two = try await server.post("/db/plain/e", "[{},{}]")
        let three = try await server.post("/db/plain/e", "[{},{},{}]")
        #expect(two.status == 201 && three.status == 413)
      }
    }
  }

  @Test func `Another address than loopback is served with --insecure, which warns at each start`() async throws {
    try await Folder.with { folder in
      let ended = try await Server.run(data: folder["a"], ["--listen", "0.0.0.0:0", "--insecure"]) { _ in }
      #expect(ended.log.contains { $0.contains(" WARNING insecure") }, "\(ended.log)")
    }
  }

  @Test func `--fresh sets the data folder aside`() async throws {
    try await Folder.with { folder in
      _ = try await Server.run(data: folder["a"]) { try await $0.post("/db/plain/e", "{}") }
      _ = try await Server.run(data: folder["a"], ["--fresh"]) { server in
        let info = try await server.get("/db/plain")
        #expect(info.status == 404)
      }
      let names = try Laterbase.names(in: folder)
      #expect(names.contains("a") && names.contains { $0.hasPrefix("a.old-") }, "\(names)")
    }
  }
}
