import ArgumentParser
import EventModel
import EventStore
import FoundationEssentials
import LMDBStore
import Subprocess

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// Proves a data folder, each database in a child process: LMDB trusts its own pages, so a damaged one can end the process that reads
/// it, and then this one is there to say so.
struct Verify: ContextCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check every record, chain, index and view of a data folder.",
    discussion: "Changes nothing. Exit code 1 if anything is wrong. The server that uses the folder must be stopped.")

  @Option(help: ArgumentHelp("The data folder.", valueName: "dir")) var data = ServeFlags.standardData
  @Option(name: .customLong("db"), help: ArgumentHelp("Only this database; may be repeated.", valueName: "name"))
  var databases: [String] = []
  @Flag(help: "Print progress and results as lines of JSON.") var json = false
  @Flag(help: .hidden) var child = false

  func perform(_ context: Context) async throws(Failure) {
    if child {
      for name in databases { try VerifyChild(data: data, databases: context.databases, console: context.console).check(name) }
      return
    }
    let all = try names()
    if let missing = databases.first(where: { !all.contains($0) }) { throw .failed("\(data) has no database \(missing)") }
    var (records, unsound) = (0, 0)
    let chosen = databases.isEmpty ? all : databases
    for name in chosen {
      let result = try await inChild(name, context.console)
      if !json { try context.console.print(result.words) }
      records += result.records
      if !result.faults.isEmpty { unsound += 1 }
    }
    try context.console.print(json ? #"{"ok":\#(unsound == 0),"records":\#(records)}"# : Self.summary(records, unsound, chosen.count))
    if unsound > 0 { throw Failure(code: 1, message: "") }
  }

  private static func summary(_ records: Int, _ unsound: Int, _ databases: Int) -> String {
    let places = databases == 1 ? "1 database" : "\(databases) databases"
    return unsound == 0 ? "ok: \(records) records in \(places)" : "NOT SOUND: \(unsound) of \(places)"
  }

  /// The databases of the folder, which is let go of again: the child takes it.
  private func names() throws(Failure) -> [String] {
    guard FileManager.default.fileExists(atPath: data + "/db") else { throw .failed("\(data) is no data folder: it has no folder db") }
    do throws(StoreError) {
      let provider = try LMDBEventStoreProvider(folder: data)
      defer { provider.close() }
      return try provider.names()
    } catch {
      throw .failed(error.message)
    }
  }

  private struct Outcome {
    let name: String
    var records = 0
    var events = 0
    var views = 0
    var faults: [String] = []

    var words: String {
      faults.isEmpty
        ? "\(name): ok, \(records) records, \(events) events" + (views == 0 ? "" : ", \(views) views")
        : (["\(name): \(faults.count) faults, \(records) records read"] + faults.map { "  \($0)" }).joined(separator: "\n")
    }
  }

  /// Runs this executable's `verify --child` over one database; reads its lines.
  private func inChild(_ name: String, _ console: Console) async throws(Failure) -> Outcome {
    do {
      let run = try await Subprocess.run(
        Self.thisExecutable, arguments: ["verify", "--child", "--data", data, "--db", name],
        input: .none, output: .sequence, error: .string(limit: 1 << 16)
      ) { execution in
        var outcome = Outcome(name: name)
        var progress = Progress("records of \(name) checked", on: console)
        var ended = false
        for try await line in execution.standardOutput.strings() {
          guard let answer = JSON.reading(Array(line.utf8)) else { continue }
          outcome.records = answer["records"]?.int ?? outcome.records
          if json { try console.print(answer.description) } else { progress.advance(by: outcome.records - progress.done) }
          guard answer["ok"] != nil else { continue }
          ended = true
          outcome.events = answer["events"]?.int ?? 0
          outcome.views = answer["views"]?.int ?? 0
          outcome.faults = answer["faults"]?.elements?.compactMap(\.string) ?? []
        }
        progress.finish()
        return (outcome, ended)
      }
      var (outcome, ended) = run.closureResult
      if !ended { outcome.faults = [try died(name, run.terminationStatus, run.standardError, console)] }
      return outcome
    } catch let failure as Failure {
      throw failure
    } catch {
      throw .failed("the check could not be started: \(error)")
    }
  }

  /// The fault of a database whose check ended without a result.
  private func died(_ name: String, _ status: TerminationStatus, _ said: String, _ console: Console) throws(Failure) -> String {
    guard case .signaled(let signal) = status else {
      throw .failed("the check of \(name) failed: \(said.split(whereSeparator: \.isNewline).first ?? "it says nothing")")
    }
    let fault = "reading it ended the process by signal \(signal): pages of the file are damaged"
    if json {
      let line = JSON(members: [("database", JSON(name)), ("ok", JSON(false)), ("faults", JSON([JSON(fault)]))])
      try console.print(line.description)
    }
    return fault
  }

  private static var thisExecutable: Executable {
    #if os(Linux)
      .path("/proc/self/exe")
    #else
      .name(CommandLine.arguments[0])
    #endif
  }
}
