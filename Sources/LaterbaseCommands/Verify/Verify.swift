import ArgumentParser
import EventModel
import EventStore
import FoundationEssentials
import LMDBStore
import Laterbase

/// Proves a data folder, each database in a child process: LMDB trusts its own pages, so a damaged one can end the process that reads
/// it, and then this one is there to say so.
struct Verify: ContextCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check every record, chain, index and view of a data folder.",
    discussion: "Changes nothing without --repair. Exit code 1 if anything is wrong. The server that uses the folder must be stopped.")

  @Option(help: ArgumentHelp("The data folder.", valueName: "dir")) var data = ServeFlags.standardData
  @Option(name: .customLong("db"), help: ArgumentHelp("Only this database; may be repeated.", valueName: "name"))
  var databases: [String] = []
  @Flag(
    help:
      "Set the folder of a database that is damaged beyond single records aside, as <name>.damaged-<time>: the next server fills it again from its peers. What only this node held is in that folder alone."
  ) var repair = false
  @Flag(help: "Print progress and results as lines of JSON.") var json = false
  @Flag(help: .hidden) var child = false
  @Flag(help: .hidden) var served = false

  func perform(_ context: Context) async throws(Failure) {
    if child {
      for name in databases {
        try VerifyChild(data: data, databases: context.databases, isServed: served, console: context.console).check(name)
      }
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
      if repair, result.damage == .store { try setAside(name, context.console) }
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

  private func setAside(_ name: String, _ console: Console) throws(Failure) {
    let path: String
    do throws(StoreError) {
      let provider = try LMDBEventStoreProvider(folder: data)
      defer { provider.close() }
      path = try provider.setAside(name)
    } catch {
      throw .failed(error.message)
    }
    let line = JSON(members: [("database", JSON(name)), ("set_aside", JSON(path))]).description
    try console.print(json ? line : "\(name): set aside as \(path); a server with peers that have it fills it again")
  }

  private struct Outcome {
    let name: String
    var records = 0
    var events = 0
    var views = 0
    var faults: [String] = []
    var damage: Damage?

    mutating func take(_ answer: JSON) {
      records = answer["records"]?.int ?? records
      guard answer["ok"] != nil else { return }
      events = answer["events"]?.int ?? 0
      views = answer["views"]?.int ?? 0
      damage = answer["damage"]?.string.flatMap(Damage.init)
      faults = answer["faults"]?.elements?.compactMap(\.string) ?? []
    }

    var words: String {
      faults.isEmpty
        ? "\(name): ok, \(records) records, \(events) events" + (views == 0 ? "" : ", \(views) views")
        : (["\(name): \(faults.count) faults, \(records) records read"] + faults.map { "  \($0)" }).joined(separator: "\n")
    }
  }

  /// Runs the check of one database in a process of its own; reads its lines.
  private func inChild(_ name: String, _ console: Console) async throws(Failure) -> Outcome {
    var outcome = Outcome(name: name)
    var progress = Progress("records of \(name) checked", on: console)
    defer { progress.finish() }
    do {
      try await VerifyProcess(data: data, database: name).run { line in
        if json { try console.print(line) }
        guard let answer = JSON.reading(Array(line.utf8)) else { return }
        outcome.take(answer)
        if !json { progress.advance(by: outcome.records - progress.done) }
      }
    } catch let failure as Failure {
      throw failure
    } catch {
      throw .failed("\(error)")
    }
    return outcome
  }
}
