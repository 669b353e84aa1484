import EventModel
import Foundation
import Testing

/// A log must never be continued by two: whoever opens a copy, or an older file, appends under a new origin.
@Suite struct OriginTests {
  private let files = FileManager.default

  private func append(_ data: String, _ event: String) async throws -> (before: String?, after: String?, events: Int) {
    try await Server.run(data: data) { server in
      let before = try await server.origin("plain")
      #expect(try await server.post("/db/plain/e", event).status == 201)
      return (before, try await server.origin("plain"), try await server.feed("plain").count)
    }.result
  }

  private func expectSound(_ data: String) async throws {
    let verify = try await Laterbase.run("verify", "--data", data)
    #expect(verify.output.hasSuffix("in 1 database\n"), "\(verify.output)")
  }

  @Test func `A folder that is only stopped and started keeps its origin`() async throws {
    try await Folder.with { folder in
      let first = try await append(folder["a"], #"{"n":1}"#)
      let second = try await append(folder["a"], #"{"n":2}"#)
      #expect(first.after != nil && second.after == first.after)
    }
  }

  @Test func `A copied folder appends under a new origin, an idle copy adds none, the original keeps its own`() async throws {
    try await Folder.with { folder in
      let first = try await append(folder["a"], #"{"n":1}"#)
      try files.copyItem(atPath: folder["a"], toPath: folder["b"])
      let idle = try await Server.run(data: folder["b"]) { try await $0.origins("plain") }
      #expect(idle.result == [first.after])
      let copy = try await append(folder["b"], #"{"n":2}"#)
      #expect(copy.after != nil && copy.after != first.after)
      #expect(copy.events == 2)
      let original = try await append(folder["a"], #"{"n":3}"#)
      #expect(original.after == first.after)
      try await expectSound(folder["a"])
      try await expectSound(folder["b"])
    }
  }

  /// In a new file (as `mv` or a restore makes) or written over the one that is there (as `cp` does).
  @Test(arguments: [true, false])
  func `An older data file put back in place appends under a new origin`(asNewFile: Bool) async throws {
    try await Folder.with { folder in
      let data = folder["a/db/plain/data.mdb"]
      let first = try await append(folder["a"], #"{"n":1}"#)
      try files.copyItem(atPath: data, toPath: folder["older"])
      let second = try await append(folder["a"], #"{"n":2}"#)
      #expect(second.after == first.after)
      if asNewFile {
        try files.removeItem(atPath: data)
        try files.moveItem(atPath: folder["older"], toPath: data)
      } else {
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: data))
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: Data(contentsOf: URL(fileURLWithPath: folder["older"])))
        try handle.close()
      }
      let third = try await append(folder["a"], #"{"n":3}"#)
      #expect(third.after != nil && third.after != first.after)
      #expect(third.events == 2)
      try await expectSound(folder["a"])
    }
  }

  @Test func `A second server on a folder is refused, naming process and address`() async throws {
    try await Folder.with { folder in
      _ = try await Server.run(data: folder["a"]) { server in
        let second = try await Laterbase.run("serve", "--data", folder["a"], "--listen", "127.0.0.1:0")
        #expect(second.code == 1)
        let address = server.url.dropFirst("http://".count)
        #expect(second.notes.contains("in use by process \(server.pid) at \(address)"), "\(second.notes)")
        let verify = try await Laterbase.run("verify", "--data", folder["a"])
        #expect(verify.code == 1 && verify.notes.contains("process \(server.pid)"))
        #expect(try await server.post("/db/plain/e", "{}").status == 201)
      }
    }
  }
}
