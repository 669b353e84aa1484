import EventModel
import Foundation
import Testing

/// Logs that fork, by files that nobody can tell from those that were there: the same inodes, marks and all.
@Suite struct ForkTests {
  private let files = FileManager.default

  /// What a rolled back disk has: older contents in the same files.
  private func writeOver(_ data: String, _ older: [String: Data]) throws {
    for (name, contents) in older {
      let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(data)/db/plain/\(name)"))
      try handle.truncate(atOffset: 0)
      try handle.write(contentsOf: contents)
      try handle.close()
    }
  }

  private func contents(_ data: String) throws -> [String: Data] {
    var contents: [String: Data] = [:]
    for name in ["data.mdb", "start"] { contents[name] = try Data(contentsOf: URL(fileURLWithPath: "\(data)/db/plain/\(name)")) }
    return contents
  }

  private func append(_ server: Server, _ count: Int, _ name: String) async throws {
    for n in 0..<count { #expect(try await server.post("/db/plain/e", "{\"\(name)\":\(n)}").status == 201) }
  }

  /// Appends at a server that meets nobody: those that it knows from before are of another cluster.
  private func alone(_ data: String, _ count: Int, _ name: String) async throws -> String? {
    try await Server.run(data: data, ["--cluster", "alone"]) { server in
      try await append(server, count, name)
      return try await server.origin("plain")
    }.result
  }

  private func untilLevel(_ a: Server, _ b: Server) async throws {
    let deadline = ContinuousClock.now + .seconds(120)
    while try await a.get("/db/plain/clock").body != b.get("/db/plain/clock").body {
      guard ContinuousClock.now < deadline else {
        Issue.record("they don't become level")
        return
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  private func expectSound(_ folder: Folder, _ names: String...) async throws {
    for name in names {
      let verify = try await Laterbase.run("verify", "--data", folder[name])
      #expect(verify.code == 0 && verify.lines.last?.hasPrefix("ok: ") == true, "\(verify.output)")
    }
  }

  /// a's files are put back to what they were, it goes on writing, and then it meets b, which has all that a had written: longer than what
  /// a has now, or not. Only a knows of b, so the peer that a pushes to has to repair its log, too.
  @Test(arguments: [1, 6]) func `Older files put back in place are healed by whoever's log loses`(after: Int) async throws {
    try await Folder.with { folder in
      let (a, b) = (folder["a"], folder["b"])
      let first = try await alone(a, 2, "first")
      let older = try contents(a)
      let ended = try await Server.run(data: b) { serverB in
        _ = try await Server.run(data: a, ["--peer", serverB.url, "--push"]) { serverA in
          try await append(serverA, 3, "lost")
          try await untilLevel(serverA, serverB)
        }
        try writeOver(a, older)
        #expect(try await alone(a, after, "after") == first)
        return try await Server.run(data: a, ["--peer", serverB.url, "--push"]) { serverA in
          try await untilLevel(serverA, serverB)
          #expect(try await serverA.feed("plain").count == 5 + after)
          try await append(serverA, 1, "later")
          #expect(try await serverA.origin("plain") != first)
          try await untilLevel(serverA, serverB)
          var repaired = 0
          for server in [serverA, serverB] {
            let forks = try await server.get("/db/plain").json["forks"]
            #expect(forks?["origins"]?.elements?.map(\.string) == [first])
            repaired += forks?["repaired"]?.int ?? 0
          }
          #expect(repaired == 1)
        }.log
      }
      let log = ended.result + ended.log
      #expect(log.count { $0.contains("a forked log was repaired") } == 1, "\(log)")
      try await expectSound(folder, "a", "b")
    }
  }

  @Test func `Files put back in place under the eyes of a running cluster lose no event`() async throws {
    try await Folder.with { folder in
      let a = folder["a"]
      let first = try await alone(a, 2, "first")
      let older = try contents(a)
      _ = try await Server.run(data: folder["b"]) { serverB in
        _ = try await Server.run(data: a, ["--peer", serverB.url, "--push"]) { serverA in
          try await append(serverA, 4, "more")
          try await untilLevel(serverA, serverB)
          try serverA.killHard()
        }
        try writeOver(a, older)
        _ = try await Server.run(data: a, ["--peer", serverB.url, "--push"]) { serverA in
          try await append(serverA, 3, "again")
          try await untilLevel(serverA, serverB)
          #expect(try await serverA.feed("plain").count == 9)
          try await append(serverA, 1, "later")
          #expect(try await serverA.origin("plain") != first)
          try await untilLevel(serverA, serverB)
        }
      }
      try await expectSound(folder, "a", "b")
    }
  }

  /// These are told from the originals, so nothing forks: what was copied goes on under an origin of its own.
  @Test func `A cloned folder goes on beside the original, and both become level without a fork`() async throws {
    try await Folder.with { folder in
      let (a, clone) = (folder["a"], folder["clone"])
      let first = try await alone(a, 2, "first")
      try files.copyItem(atPath: a, toPath: clone)
      #expect(try await alone(a, 2, "original") == first)
      #expect(try await alone(clone, 3, "clone") != first)
      _ = try await Server.run(data: a) { serverA in
        _ = try await Server.run(data: clone, ["--peer", serverA.url, "--push"]) { serverC in
          try await append(serverA, 1, "a")
          try await append(serverC, 1, "c")
          try await untilLevel(serverA, serverC)
          #expect(try await serverA.feed("plain").count == 9)
          #expect(try await serverA.get("/db/plain").json["forks"]?["origins"]?.elements?.isEmpty == true)
        }
      }
      try await expectSound(folder, "a", "clone")
    }
  }
}
