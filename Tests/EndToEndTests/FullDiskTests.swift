import EventModel
import Foundation
import Subprocess
import Testing

@Suite struct FullDiskTests {
  /// A memory file system of `megabytes`, mounted on a folder for as long as the closure runs.
  private static func withDisk(megabytes: Int, _ body: (Folder) async throws -> Void) async throws {
    try await Folder.with { folder in
      try #require(await command("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", folder.path))
      do { try await body(folder) } catch {
        _ = await command("umount", "-l", folder.path)
        throw error
      }
      try #require(await command("umount", "-l", folder.path))
    }
  }

  private static func command(_ name: String, _ arguments: String...) async -> Bool {
    let run = try? await Subprocess.run(.name(name), arguments: Arguments(arguments), output: .discarded)
    return run?.terminationStatus == .exited(0)
  }

  private static func canMount() async -> Bool { (try? await withDisk(megabytes: 1) { _ in }) != nil }

  private static func batch(_ number: Int) -> String {
    let padding = String(repeating: "x", count: 1000)
    return "[" + (0..<500).map { #"{"batch":\#(number),"i":\#($0),"padding":"\#(padding)"}"# }.joined(separator: ",") + "]"
  }

  @Test(.enabled("needs Linux and root, to mount a small tmpfs") { await canMount() })
  func `On a full disk a write is 507, reads go on, and writes recover with room`() async throws {
    try await Self.withDisk(megabytes: 48) { folder in
      try Data(count: 16 << 20).write(to: URL(fileURLWithPath: folder["ballast"]))
      let ended = try await Server.run(data: folder["data"]) { server in
        var recorded = 0
        var refused: Answer?
        for number in 0..<100 where refused == nil {
          let answer = try await server.post("/db/full/e", Self.batch(number))
          if answer.status == 201 { recorded += 500 } else { refused = answer }
        }
        #expect(refused?.status == 507)
        #expect(refused?.json["type"]?.string == "urn:laterbase:problem:disk-full")
        #expect(recorded > 0)
        #expect(try await server.feed("full").count == recorded)
        #expect(try await server.post("/db/full/e", Self.batch(100)).status == 507)
        #expect(try await server.get("/db/full").json["events"]?.int == recorded)

        // Emptied, not removed: a process that another test starts may have it open.
        try Data().write(to: URL(fileURLWithPath: folder["ballast"]))
        #expect(try await server.post("/db/full/e", Self.batch(101)).status == 201)
        let events = try await server.feed("full")
        #expect(events.count == recorded + 500)
        #expect(!events.contains { $0["batch"]?.int == 100 })
      }
      #expect(ended.code == 0)
      let verify = try await Laterbase.run("verify", "--data", folder["data"])
      #expect(verify.code == 0, "\(verify.output)")
    }
  }
}
