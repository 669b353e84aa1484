import EventModel
import Foundation
import Synchronization
import Testing

/// A yes that another task says.
private final class Flag: Sendable {
  private let value = Atomic(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}

@Suite struct DamageTests {
  /// Flips a bit of every copy of `text` in a file; returns how many there are.
  private func damage(_ path: String, _ text: String) throws -> Int {
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    var count = 0
    while let found = bytes.range(of: Data(text.utf8)) {
      bytes[found.lowerBound + 3] ^= 1
      count += 1
    }
    try bytes.write(to: URL(fileURLWithPath: path))
    return count
  }

  @Test func `A damaged record is found and never served, its log ends before it, the next append has a new origin`() async throws {
    try await Folder.with { folder in
      let ids = try await Server.run(data: folder["a"]) { server in
        var ids: [String] = []
        for n in 1...5 {
          let answer = try await server.post("/db/plain/e", #"{"n":\#(n),"text":"needle-\#(n)-needle"}"#)
          ids.append(try #require(answer.json["ids"]?[0]?.string))
        }
        return ids
      }.result
      #expect(try damage(folder["a/db/plain/data.mdb"], "needle-3-needle") > 0)

      let verify = try await Laterbase.run("verify", "--data", folder["a"])
      #expect(verify.code == 1)
      #expect(verify.output.contains("the record is damaged"), "\(verify.output)")
      #expect(verify.lines.last == "NOT SOUND: 1 of 1 database")

      let ended = try await Server.run(data: folder["a"]) { server in
        let before = try await server.feed("plain")
        #expect(before.compactMap { $0["n"]?.int } == [1, 2])
        let byKey = try await server.get("/db/plain/e?keys=\(ids.joined(separator: ","))")
        #expect(!(byKey.json["events"]?.elements ?? []).contains { $0["n"]?.int == 3 })
        #expect(try await server.get("/db/plain/e/\(ids[2])").status != 200)
        let range = try await server.get("/db/plain/e?from=1970-01-01T00:00:00Z")
        #expect(!(range.json["events"]?.elements ?? []).contains { $0["n"]?.int == 3 })

        let old = before[0]["_origin"]?.string
        #expect(try await server.post("/db/plain/e", #"{"n":6}"#).status == 201)
        let after = try await server.feed("plain")
        #expect(after.compactMap { $0["n"]?.int } == [1, 2, 6])
        #expect(after.last?["_origin"]?.string != old)
      }
      #expect(ended.code == 0)
    }
  }

  @Test func `Damaged pages end the check's child process, not the command`() async throws {
    try await Folder.with { folder in
      let lines = (1...5000).map { "{\"n\":\($0)}\n" }.joined()
      let append = try await Laterbase.run("append", "plain", "--data", folder["a"], input: lines)
      #expect(append.code == 0, "\(append.notes)")
      let path = folder["a/db/plain/data.mdb"]
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      // The two meta pages stay, so the file opens; every other page's header is noise.
      for page in stride(from: 2 * 4096, to: bytes.count, by: 4096) { for byte in 10..<16 { bytes[page + byte] = 0xA5 } }
      try bytes.write(to: URL(fileURLWithPath: path))
      let verify = try await Laterbase.run("verify", "--data", folder["a"])
      #expect(verify.code == 1)
      #expect(verify.lines.last == "NOT SOUND: 1 of 1 database", "\(verify.output)\(verify.notes)")
    }
  }

  @Test func `A server proves its databases while it serves, and goes on when damaged pages end the check's process`() async throws {
    try await Folder.with { folder in
      let lines = (1...5000).map { "{\"text\":\"needle-\($0)-needle\"}\n" }.joined()
      #expect(try await Laterbase.run("append", "plain", "--data", folder["a"], input: lines).code == 0)
      let ended = try await Server.run(data: folder["a"]) { server in
        func check() async throws -> JSON {
          try #require(try await server.get("/db/plain/verify", accept: "application/x-ndjson").lines.last)
        }
        let sound = try await check()
        #expect(sound["ok"] == true && sound["records"] == 5000, "\(sound)")
        // The header of a page in the midst of the log becomes noise, under the server; it reads others.
        let path = folder["a/db/plain/data.mdb"]
        let found = try #require(try Data(contentsOf: URL(fileURLWithPath: path)).range(of: Data("needle-2500-needle".utf8)))
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.seek(toOffset: UInt64(found.lowerBound / 4096 * 4096 + 10))
        try file.write(contentsOf: Data(repeating: 0xA5, count: 6))
        try file.close()
        let damaged = try await check()
        #expect(damaged["ok"] == false && damaged["faults"]?[0]?.string?.isEmpty == false, "\(damaged)")
        // Nobody could fill it again.
        #expect(damaged["damage"] == "store" && damaged["set_aside"] == JSON.null && damaged["left"]?.string != nil, "\(damaged)")
        #expect(try await server.post("/db/plain/e", "{}").status == 201)
        #expect(try await server.get("/db/plain/e?limit=1").json["events"]?.elements?.count == 1)
      }
      #expect(ended.code == 0, "\(ended.log)")
      #expect(ended.log.contains { $0.contains("A DATABASE IS DAMAGED") }, "\(ended.log)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder["a/db"]) == ["plain"])
    }
  }

  @Test func `A database damaged beyond its records is set aside and filled again by a peer, the others stay`() async throws {
    try await Folder.with { folder in
      let (a, b) = (folder["a"], folder["b"])
      for name in ["plain", "other"] {
        let lines = (1...500).map { "{\"n\":\($0)}\n" }.joined()
        #expect(try await Laterbase.run("append", name, "--data", a, input: lines).code == 0)
      }
      #expect(try await Laterbase.run("sync", a, b).code == 0)
      let path = folder["a/db/plain/data.mdb"]
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      for page in stride(from: 2 * 4096, to: bytes.count, by: 4096) { for byte in 10..<16 { bytes[page + byte] = 0xA5 } }
      try bytes.write(to: URL(fileURLWithPath: path))
      let repair = try await Laterbase.run("verify", "--repair", "--data", a)
      #expect(repair.code == 1 && repair.output.contains("plain: set aside as \(a)/db/plain.damaged-"), "\(repair.output)\(repair.notes)")
      let names = try FileManager.default.contentsOfDirectory(atPath: folder["a/db"])
      #expect(names.count { $0.hasPrefix("plain.damaged-") } == 1 && names.contains("other") && !names.contains("plain"))
      #expect(try await Laterbase.run("verify", "--data", a).lines.last == "ok: 500 records in 1 database")
      _ = try await Server.run(data: b) { serverB in
        _ = try await Server.run(data: a, ["--peer", serverB.url]) { serverA in
          let deadline = ContinuousClock.now + .seconds(120)
          let wanted = try await serverB.get("/db/plain/clock").body
          while try await serverA.get("/db/plain/clock").body != wanted, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(50))
          }
          #expect(try await serverA.feed("plain").count == 500)
          #expect(try await serverA.post("/db/plain/e", "{}").status == 201)
        }
      }
      let sound = try await Laterbase.run("verify", "--data", a, "--db", "plain", "--db", "other")
      #expect(sound.lines.last == "ok: 1001 records in 2 databases")
    }
  }

  /// What a disk can make of a file so that it can't be opened.
  enum Harm: CaseIterable, Sendable {
    case noise, metaNoise, short, empty

    func apply(to path: String) throws {
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      switch self {
      case .noise: bytes = Data((0..<bytes.count).map { UInt8(truncatingIfNeeded: $0 &* 0x9E37_79B9 >> 7) })
      case .metaNoise: for at in 0..<2 * 4096 { bytes[at] = UInt8(truncatingIfNeeded: at &* 0x9E37_79B9 >> 7) }
      case .short: bytes = bytes.prefix(bytes.count / 4096 / 2 * 4096)
      case .empty: bytes = Data()
      }
      let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
      try file.truncate(atOffset: 0)
      try file.write(contentsOf: bytes)
      try file.close()
    }
  }

  @Test(arguments: Harm.allCases)
  func `A database that can't be opened is set aside by a server with peers, which fill it again, and left alone by one without`(
    harm: Harm
  ) async throws {
    try await Folder.with { folder in
      let (a, b) = (folder["a"], folder["b"])
      let lines = (1...500).map { "{\"n\":\($0),\"text\":\"\(String(repeating: "x", count: 200))\"}\n" }.joined()
      #expect(try await Laterbase.run("append", "plain", "--data", a, input: lines).code == 0)
      #expect(try await Laterbase.run("append", "other", "--data", a, input: lines).code == 0)
      #expect(try await Laterbase.run("sync", a, b).code == 0)
      let path = folder["a/db/plain/data.mdb"]
      try harm.apply(to: path)
      let harmed = try Data(contentsOf: URL(fileURLWithPath: path))

      let alone = try await Server.run(data: a) { server in
        for answer in [try await server.get("/db/plain"), try await server.post("/db/plain/e", "{}")] {
          #expect(answer.status == 503 && answer.json["type"]?.string?.hasSuffix(":storage") == true, "\(answer.json)")
        }
        #expect(try await server.get("/db/other").json["events"] == 500)
      }
      #expect(alone.code == 0, "\(alone.log)")
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == harmed)

      _ = try await Server.run(data: b) { serverB in
        let acknowledged = try await serverB.post("/db/plain/e", #"{"last":true}"#)
        #expect(acknowledged.status == 201)
        let ended = try await Server.run(data: a, ["--peer", serverB.url]) { serverA in
          let deadline = ContinuousClock.now + .seconds(120)
          let wanted = try await serverB.get("/db/plain/clock").body
          while try await serverA.get("/db/plain/clock").body != wanted, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(50))
          }
          #expect(try await serverA.feed("plain").count == 501)
          let info = try await serverA.get("/db/plain").json
          #expect(info["set_aside"]?.elements?.count == 1 && info["events"] == 501, "\(info)")
          #expect(try await serverA.get("/db/other").json["set_aside"]?.elements?.isEmpty == true)
          #expect(try await serverA.post("/db/plain/e", "{}").status == 201)
          let aside = try #require(info["set_aside"]?[0]?.string)
          #expect(try Data(contentsOf: URL(fileURLWithPath: aside + "/data.mdb")) == harmed)
        }
        #expect(ended.log.count { $0.contains("A DAMAGED DATABASE WAS SET ASIDE") } == 1, "\(ended.log)")
      }
      let sound = try await Laterbase.run("verify", "--data", a, "--db", "plain", "--db", "other")
      #expect(sound.lines.last == "ok: 1002 records in 2 databases", "\(sound.output)")
    }
  }

  /// Writes into every page that holds a text, under a server that has the file open.
  private func overwrite(_ path: String, pagesWith texts: [String], at offset: Int, _ noise: [UInt8]) throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    var count = 0
    for text in texts {
      var rest = bytes[...]
      while let found = rest.range(of: Data(text.utf8)) {
        try file.seek(toOffset: UInt64(found.lowerBound / 4096 * 4096 + offset))
        try file.write(contentsOf: Data(noise))
        rest = rest[found.upperBound...]
        count += 1
      }
    }
    try file.close()
    #expect(count > 0)
  }

  private func until(_ what: String, _ isTrue: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(240)
    while try await !isTrue() {
      guard ContinuousClock.now < deadline else {
        Issue.record("not in time: \(what)")
        return
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// What it is answered, again and again.
  private func statuses(of server: Server, _ path: String, until isOver: Flag) async throws -> Set<UInt> {
    var statuses: Set<UInt> = []
    while !isOver.isSet { statuses.insert(try await server.get(path).status) }
    return statuses
  }

  /// Two folders with the same 3000 events in `plain` and in `other`.
  private func makePair(_ a: String, _ b: String) async throws {
    let lines = (1...3000).map { "{\"n\":\($0),\"text\":\"needle-\($0)-needle\"}\n" }.joined()
    for name in ["plain", "other"] { #expect(try await Laterbase.run("append", name, "--data", a, input: lines).code == 0) }
    #expect(try await Laterbase.run("sync", a, b).code == 0)
  }

  private func level(_ a: Server, _ b: Server) async throws {
    try await until("equal clocks") { try await a.get("/db/plain/clock").body == b.get("/db/plain/clock").body }
    let (infoA, infoB) = (try await a.get("/db/plain").json, try await b.get("/db/plain").json)
    #expect(infoA["events"] == infoB["events"] && infoA["records"] == infoB["records"], "\(infoA) \(infoB)")
    #expect(infoA["alarms"] == 0 && infoB["alarms"] == 0, "\(infoA) \(infoB)")
    let (feedA, feedB) = (try await a.feed("plain"), try await b.feed("plain"))
    #expect(Set(feedA.compactMap { $0["_id"]?.string }) == Set(feedB.compactMap { $0["_id"]?.string }))
  }

  @Test func `A database damaged under its server is set aside by a check and filled again, the others are served`() async throws {
    try await Folder.with { folder in
      let (a, b) = (folder["a"], folder["b"])
      try await makePair(a, b)
      let ended = try await Server.run(data: b) { serverB in
        try await Server.run(data: a, ["--peer", serverB.url]) { serverA in
          try await until("told by b") { try await serverA.get("/db/plain").json["unsynced"]?["events"] == 0 }
          #expect(try await serverA.post("/db/plain/e", #"{"last":true}"#).status == 201)
          let origin = try await serverA.origin("plain")
          let clock = try #require(try await serverA.get("/db/plain").json["clock"]?.string)
          try await until("pulled by b") { try await serverB.get("/db/plain").json["clock"]?.string == clock }
          async let waiting = serverA.get("/db/plain/e?feed=longpoll&timeout=300s&lc=\(clock)")
          let isOver = Flag()
          async let others = statuses(of: serverA, "/db/other/e?limit=5", until: isOver)
          let texts = (1400...1600).map { "needle-\($0)-needle" }
          try overwrite(folder["a/db/plain/data.mdb"], pagesWith: texts, at: 0, Array(repeating: 0xA5, count: 512))
          let verdict = try #require(try await serverA.get("/db/plain/verify", accept: "application/x-ndjson").lines.last)
          #expect(verdict["ok"] == false && verdict["damage"] == "store", "\(verdict)")
          let aside = try #require(verdict["set_aside"]?.string, "\(verdict)")
          #expect(aside.hasPrefix(folder["a/db/plain.damaged-"]))
          // Whoever waited is told to ask again, or is answered from the new one.
          let woken = try await waiting.status
          #expect([200, 503].contains(woken))
          try await level(serverA, serverB)
          isOver.set()
          let statuses = try await others
          #expect(statuses == [200])
          let info = try await serverA.get("/db/plain").json
          #expect(info["set_aside"] == [JSON(aside)] && info["events"] == 3001, "\(info)")
          #expect(try await serverA.post("/db/plain/e", "{}").status == 201)
          #expect(try await serverA.origin("plain") != origin)
          try await level(serverA, serverB)
          let again = try await serverA.get("/db/plain/verify", accept: "application/x-ndjson").lines.last
          #expect(again?["ok"] == true && again?["records"] == 3002, "\(String(describing: again))")
        }
      }.result
      #expect(ended.code == 0)
      #expect(ended.log.count { $0.contains("A DAMAGED DATABASE WAS SET ASIDE") } == 1, "\(ended.log)")
    }
  }

  @Test func `A read that finds a page of a wrong type has its database checked and set aside, if others can fill it`() async throws {
    try await Folder.with { folder in
      let (a, b) = (folder["a"], folder["b"])
      try await makePair(a, b)
      let (path, key) = (folder["a/db/plain/data.mdb"], "needle-1500-needle")
      @Sendable func id(_ server: Server) async throws -> String {
        try #require(try await server.feed("plain").first { $0["text"]?.string == key }?["_id"]?.string)
      }
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      let alone = try await Server.run(data: a) { server in
        let id = try await id(server)
        try overwrite(path, pagesWith: [key], at: 10, [0, 0])
        #expect(try await server.get("/db/plain/e/\(id)").status == 503)
        return server.url
      }
      #expect(alone.code == 0, "\(alone.log)")
      #expect(!alone.log.contains { $0.contains("SET ASIDE") }, "\(alone.log)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder["a/db"]).sorted() == ["other", "plain"])
      try whole.write(to: URL(fileURLWithPath: path))

      let ended = try await Server.run(data: b) { serverB in
        try await Server.run(data: a, ["--peer", serverB.url]) { serverA in
          let id = try await id(serverA)
          try await until("told by b") { try await serverA.get("/db/plain").json["unsynced"]?["events"] == 0 }
          try overwrite(path, pagesWith: [key], at: 10, [0, 0])
          _ = try await serverA.get("/db/plain/e/\(id)")
          try await until("set aside") { try await serverA.get("/db/plain").json["set_aside"]?.elements?.count == 1 }
          try await level(serverA, serverB)
          #expect(try await serverA.get("/db/plain/e/\(id)").json["text"]?.string == key)
        }
      }.result
      #expect(ended.log.count { $0.contains("A DAMAGED DATABASE WAS SET ASIDE") } == 1, "\(ended.log)")
    }
  }

  @Test func `A killed server finds at its next start pages that would end it again`() async throws {
    try await Folder.with { folder in
      let (a, b) = (folder["a"], folder["b"])
      try await makePair(a, b)
      // What reads it crashes, is started again, and crashes again.
      let killed = try await Server.run(data: a) { server in
        #expect(try await server.get("/db/plain").status == 200)
        try server.killHard()
      }
      #expect(killed.code == 128 + 9)
      try overwrite(folder["a/db/plain/data.mdb"], pagesWith: ["needle-1500-needle"], at: 8, Array(repeating: 0xA5, count: 8))
      let alone = try await Server.run(data: a) { server in
        let status = try await server.get("/db/plain").status
        #expect(status == 503)
        #expect(try await server.get("/db/other").json["events"] == 3000)
      }
      #expect(alone.code == 0, "\(alone.log)")
      let ended = try await Server.run(data: b) { serverB in
        try await Server.run(data: a, ["--peer", serverB.url]) { serverA in
          try await level(serverA, serverB)
          #expect(try await serverA.get("/db/other").json["events"] == 3000)
        }
      }.result
      #expect(ended.log.count { $0.contains("A DAMAGED DATABASE WAS SET ASIDE") && $0.contains("is none of a tree") } == 1, "\(ended.log)")
      let sound = try await Laterbase.run("verify", "--data", a, "--db", "plain", "--db", "other")
      #expect(sound.lines.last == "ok: 6000 records in 2 databases", "\(sound.output)")
    }
  }

  @Test func `A damaged record that nobody has is cut after a while, and what is lost is reported`() async throws {
    try await Folder.with { folder in
      _ = try await Server.run(data: folder["a"]) { server in
        for n in 1...5 { _ = try await server.post("/db/plain/e", #"{"n":\#(n),"text":"needle-\#(n)-needle"}"#) }
      }
      #expect(try damage(folder["a/db/plain/data.mdb"], "needle-3-needle") > 0)
      let ended = try await Server.run(data: folder["a"], ["--repair-wait", "100ms"]) { server in
        #expect(try await server.feed("plain").compactMap { $0["n"]?.int } == [1, 2])
        let deadline = ContinuousClock.now + .seconds(120)
        while try await server.feed("plain").count < 4, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(50)) }
        #expect(try await server.feed("plain").compactMap { $0["n"]?.int } == [1, 2, 4, 5])
        let info = try await server.get("/db/plain").json
        #expect(info["events"] == 4 && info["damaged"]?.members?.isEmpty == true)
      }
      #expect(ended.log.contains { $0.contains("a damaged log was cut") && $0.contains("1 are lost: 3") }, "\(ended.log)")
      #expect(try await Laterbase.run("verify", "--data", folder["a"]).lines.last == "ok: 4 records in 1 database")
    }
  }
}
