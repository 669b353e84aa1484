import EventModel
import Foundation
import Testing

@Suite struct MembershipTests {
  /// Waits for a condition; a server that never comes to it is killed by the suite's patience.
  private func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(20)) }
  }

  private func arguments(_ name: String, _ region: String, _ peers: [String]) -> [String] {
    ["--node", name, "--region", region] + peers.flatMap { ["--peer", $0] }
  }

  private func states(_ server: Server) async throws -> [String] {
    let nodes = try await server.get("/nodes").json["nodes"]?.elements ?? []
    return nodes.map { "\($0["name"]?.string ?? "-") \($0["state"]?.string ?? "-")" }.sorted()
  }

  private func level(_ servers: [Server], events: Int) async throws {
    for server in servers { try await until { try await server.get("/db/plain").json["events"]?.int == events } }
    let clocks = try await servers.asyncMap { try await $0.get("/db/plain/clock").body }
    #expect(Set(clocks).count == 1)
  }

  @Test func `Three servers join by any of them, and outlive the one that they joined by`() async throws {
    try await Folder.with { folder in
      _ = try await Server.run(data: folder["b"], arguments("b", "eu", [])) { b in
        // The one in the middle is told of nobody, and knows all in the end.
        _ = try await Server.run(data: folder["a"], arguments("a", "eu", [b.url])) { a in
          _ = try await Server.run(data: folder["c"], arguments("c", "us", [a.url])) { c in
            let all = [a, b, c]
            for (place, server) in all.enumerated() {
              #expect(try await server.post("/db/plain/e", "{\"at\":\(place)}").status == 201)
            }
            for server in all { try await until { try await states(server) == ["a live", "b live", "c live"] } }
            try await level(all, events: 3)
            let listed = try await Laterbase.run("nodes", "--url", c.url)
            #expect(listed.code == 0 && listed.lines.count == 4, "\(listed.output)\(listed.notes)")
            #expect(listed.lines.contains { $0.contains(" a ") && $0.contains(a.url) && $0.contains("eu") && $0.contains("plain") })

            try a.killHard()
            #expect(try await b.post("/db/plain/e", #"{"after":true}"#).status == 201)
            #expect(try await c.post("/db/plain/e", #"{"after":true}"#).status == 201)
            try await level([b, c], events: 5)
            try await until { try await states(b).contains("a suspect") }

            // Removed here it stays away, although two others hold it.
            #expect(try await c.delete("/db/plain?confirm=plain").status == 204)
            let missing = try await c.get("/db/plain")
            #expect(missing.status == 404 && missing.json["holders"]?.elements?.count == 2)

            let stranger = try await Laterbase.run("sync", folder["stick"], b.url, "--cluster", "staging")
            #expect(stranger.code == 1 && stranger.notes.contains("cluster"), "\(stranger.notes)")
            let left = try await Laterbase.run("leave", "--url", c.url)
            #expect(left.code == 0 && left.output.hasPrefix("left; "), "\(left.output)\(left.notes)")
            try await until { try await states(b).contains("c left") }
          }
        }
        let id = try await b.get("/nodes").json["nodes"]?.elements?.first { $0["name"] == "a" }?["id"]?.string ?? ""
        #expect(try await Laterbase.run("nodes", "--url", b.url, "--remove", id).code == 0)
        #expect(try await states(b) == ["a removed", "b live", "c left"])
        #expect(try await Laterbase.run("nodes", "--url", b.url, "--remove", "x").code == 1)
        let introduction = #"{"cluster":"laterbase","node":"\#(id)","name":"a","region":"eu","role":"device"}"#
        #expect(try await b.post("/nodes", introduction).status == 403)
      }
      for name in ["a", "b", "c"] { #expect(try await Laterbase.run("verify", "--data", folder[name]).code == 0) }
    }
  }
}

extension MembershipTests {
  @Test func `A server joins when it is told to, and remembers it when it is started again`() async throws {
    try await Folder.with { folder in
      _ = try await Server.run(data: folder["a"], arguments("a", "eu", [])) { a in
        #expect(try await a.post("/db/plain/e", #"{"n":1}"#).status == 201)
        _ = try await Server.run(data: folder["b"], arguments("b", "eu", [])) { b in
          let unreachable = try await Laterbase.run("nodes", "--url", b.url, "--join", "http://127.0.0.1:1")
          #expect(unreachable.code == 1 && unreachable.notes.contains("does not answer"), "\(unreachable.notes)")
          let joined = try await Laterbase.run("nodes", "--url", b.url, "--join", a.url)
          #expect(joined.code == 0 && joined.output.hasPrefix("joined a ("), "\(joined.output)\(joined.notes)")
          try await level([a, b], events: 1)
          try b.killHard()
        }
        #expect(try await a.post("/db/plain/e", #"{"n":2}"#).status == 201)
        // At another port, and nobody is named to it: it knows by itself whom to follow.
        _ = try await Server.run(data: folder["b"], arguments("b", "eu", [])) { b in
          try await level([a, b], events: 2)
          for server in [a, b] { try await until { try await states(server) == ["a live", "b live"] } }
          #expect(try await Laterbase.run("leave", "--url", b.url).code == 0)
        }
        _ = try await Server.run(data: folder["b"], arguments("b", "eu", [])) { b in
          try await until { try await states(b).contains("b left") }
          // It was told, and reads it when it comes to it.
          try await until { try await states(a) == ["a live", "b left"] }
        }
      }
    }
  }
}

extension Sequence {
  fileprivate func asyncMap<R>(_ change: (Element) async throws -> R) async rethrows -> [R] {
    var results: [R] = []
    for element in self { results.append(try await change(element)) }
    return results
  }
}
