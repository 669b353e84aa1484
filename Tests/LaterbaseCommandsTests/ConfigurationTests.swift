import ArgumentParser
import Laterbase
import Logging
import Replication
import Testing

@testable import LaterbaseCommands

@Suite struct ConfigurationTests {
  private func flags(
    _ arguments: [String] = [], environment: [String: String] = [:], files: [String: String] = [:]
  ) throws -> ServeFlags {
    try ServeFlags.resolved(arguments, environment) { files[$0] }
  }

  private func failure(
    _ arguments: [String] = [], environment: [String: String] = [:], file: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Failure {
    try #require(
      #expect(throws: Failure.self, sourceLocation: sourceLocation) {
        try flags(arguments, environment: environment, files: file.map { [Configuration.standardFile: $0] } ?? [:])
      }, sourceLocation: sourceLocation)
  }

  @Test func `Without any source the defaults hold`() throws {
    let flags = try flags()
    #expect(flags.listen == ListenAddress(host: "127.0.0.1", port: 5283))
    #expect(flags.data == "./laterbase-data")
    #expect(flags.maxBatch == 10_000)
    #expect(flags.maxFuture.milliseconds == 86_400_000)
    #expect(flags.maxDrift.milliseconds == 60_000)
    #expect(flags.repairWait.milliseconds == 86_400_000)
    #expect(flags.logLevel == .info)
    #expect(!flags.insecure && !flags.noCreate && !flags.fresh)
  }

  @Test func `The command line wins over the environment, that over the file`() throws {
    let file = [Configuration.standardFile: "node: file\ndata: file\nlisten: 127.0.0.1:1\n"]
    let environment = ["LATERBASE_NODE": "environment", "LATERBASE_DATA": "environment"]
    let all = try flags(["--node", "line"], environment: environment, files: file)
    #expect(all.node == "line")
    #expect(all.data == "environment")
    #expect(all.listen.port == 1)
    #expect(try flags(["--node=line"], environment: environment, files: file).node == "line")
  }

  @Test func `Every key is taken from the environment and from the file, in the form of its flag`() throws {
    let values = [
      "data": "d", "fresh": "true", "listen": "[::1]:7", "insecure": "true", "advertise": "http://a.example", "node": "n",
      "region": "eu", "role": "device", "cluster": "c", "databases": "a,b", "peer": "http://p", "push": "true",
      "write-consistency": "quorum", "read-consistency": "two", "max-batch": "7", "max-future": "2m", "max-drift": "500ms",
      "repair-wait": "3h",
      "no-create": "true", "allowed-host": "h", "cors-origin": "http://o", "log-level": "debug",
    ]
    #expect(Set(values.keys) == Set(ServeFlags.keys.map(\.key)))
    let yaml = values.sorted { $0.key < $1.key }.map { "\($0.key): \"\($0.value)\"\n" }.joined()
    let environment = Dictionary(uniqueKeysWithValues: values.map { (Configuration.variable($0.key), $0.value) })
    let line = ServeFlags.keys.flatMap { $0.form == .flag ? ["--\($0.key)"] : ["--\($0.key)", values[$0.key] ?? ""] }
    for flags in [try flags(files: [Configuration.standardFile: yaml]), try flags(environment: environment), try flags(line)] {
      #expect(flags.data == "d" && flags.fresh && flags.insecure && flags.noCreate)
      #expect(flags.listen == ListenAddress(host: "::1", port: 7))
      #expect(flags.advertise == "http://a.example" && flags.node == "n")
      #expect(flags.region == "eu" && flags.role == .device && flags.cluster == "c" && flags.databaseNames == ["a", "b"])
      #expect(flags.peer == ["http://p"] && flags.push)
      #expect(flags.writeConsistency == .quorum && flags.readConsistency == .two)
      #expect(flags.maxBatch == 7 && flags.maxFuture.milliseconds == 120_000 && flags.maxDrift.milliseconds == 500)
      #expect(flags.repairWait.milliseconds == 10_800_000)
      #expect(flags.allowedHost == ["h"] && flags.corsOrigin == ["http://o"])
      #expect(flags.logLevel == .debug)
    }
  }

  @Test func `The keys are all of serve's flags but config`() {
    let help = ServeFlags.helpMessage(columns: 400)
    let named = help.split(separator: "\n").compactMap { line -> String? in
      let words = line.split(separator: " ")
      return words.first.flatMap { $0.hasPrefix("--") ? String($0.dropFirst(2)) : nil }
    }
    #expect(Set(named).subtracting(["config"]) == Set(ServeFlags.keys.map(\.key)))
  }

  @Test func `Lists are YAML lists or one scalar, and separated by commas in the environment`() throws {
    let standard = Configuration.standardFile
    #expect(try flags(files: [standard: "allowed-host: [a, b]"]).allowedHost == ["a", "b"])
    #expect(try flags(files: [standard: "allowed-host: a"]).allowedHost == ["a"])
    #expect(try flags(environment: ["LATERBASE_ALLOWED_HOST": "a,b"]).allowedHost == ["a", "b"])
    #expect(try flags(["--allowed-host", "a", "--allowed-host", "b"]).allowedHost == ["a", "b"])
    #expect(try flags(["--allowed-host", "c"], files: [standard: "allowed-host: [a, b]"]).allowedHost == ["c"])
  }

  @Test func `A flag that a higher source switches off stays off`() throws {
    let file = [Configuration.standardFile: "no-create: true"]
    #expect(try flags(files: file).noCreate)
    #expect(try !flags(environment: ["LATERBASE_NO_CREATE": "false"], files: file).noCreate)
  }

  @Test(arguments: [
    ("regoin: b", "regoin"), ("region: \"\"", "region"), ("role: king", "role"), ("databases: [a, B]", "databases"),
    ("peer: p.example", "peer"), ("push: yes", "push"), ("token-file: f", "token-file"), ("config: x", "config"), ("Listen: a", "Listen"),
    ("max-batch: many", "max-batch"), ("max-batch: 0", "max-batch"), ("max-batch:", "max-batch"), ("max-batch: [1]", "max-batch"),
    ("listen: 5283", "listen"), ("listen: {a: b}", "listen"), ("no-create: 1", "no-create"), ("no-create: yes", "no-create"),
    ("max-future: 24", "max-future"), ("log-level: loud", "log-level"), ("write-consistency: most", "write-consistency"),
    ("allowed-host: [[a]]", "allowed-host"), ("node: [a, b]", "node"), ("advertise: b.example", "advertise"),
  ])
  func `An unknown key or a wrong value is a usage error that names file and key`(yaml: String, key: String) throws {
    let failure = try failure(file: yaml)
    #expect(failure.code == 64)
    #expect(failure.message.hasPrefix("\(Configuration.standardFile): \(key): "), "\(failure.message)")
  }

  @Test(arguments: ["- a", "a", "listen: [", "node: a\nnode: b", "{"])
  func `A file that is no mapping is a usage error that names it`(yaml: String) throws {
    let failure = try failure(file: yaml)
    #expect(failure.code == 64)
    #expect(failure.message.hasPrefix("\(Configuration.standardFile): "), "\(failure.message)")
  }

  @Test func `A wrong value in the environment names the variable`() throws {
    let failure = try failure(environment: ["LATERBASE_MAX_BATCH": "x"])
    #expect(failure.code == 64)
    #expect(failure.message.hasPrefix("LATERBASE_MAX_BATCH: "))
  }

  @Test func `Variables that are empty or not ours are left alone`() throws {
    let flags = try flags(environment: ["LATERBASE_LISTEN": "", "LATERBASE_TEST_DATA": "x", "LATERBASE": "y"])
    #expect(flags.listen == .standard)
  }

  @Test func `The standard file may be missing or empty, a named one must be there`() throws {
    #expect(try flags(files: [Configuration.standardFile: ""]).listen == .standard)
    #expect(try flags(files: [Configuration.standardFile: "# nothing\n"]).listen == .standard)
    #expect(try failure(["--config", "other.yml"]).message == "other.yml: there is no such file")
    #expect(try failure(environment: ["LATERBASE_CONFIG": "other.yml"]).code == 64)
    #expect(try flags(["--config", "other.yml"], files: ["other.yml": "node: n"]).node == "n")
    #expect(try flags(["--config=other.yml"], files: ["other.yml": "node: n"]).node == "n")
  }
}
