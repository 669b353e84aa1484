import ArgumentParser
import AsyncHTTPClient
import EventModel
import NIOCore

struct Feed: ContextCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the events that a clock doesn't know, one a line, in the order in which they were recorded.",
    discussion: "The clock to go on from, here or at any other node, is said at the end.")

  @Argument(help: "The database.") var database: String
  @OptionGroup var target: Target
  @Option(name: [.customLong("lc"), .customLong("clock")], help: ArgumentHelp("Where to go on; none: from the start.", valueName: "clock"))
  var clock: String?
  @Flag(help: "Wait for more at the end.") var follow = false
  @Flag(help: "Without the bodies.") var envelopes = false
  @Flag(help: "Print the clocks too, each as a line {\"clock\":…}.") var json = false

  func perform(_ context: Context) async throws(Failure) {
    try await target.connect(context) { (client) throws(Failure) in
      var clock = self.clock
      while true {
        let page = try await print(client, after: clock, to: context.console)
        clock = page.clock
        if json, !follow || page.events { try context.console.print(page.line) }
        if page.pending == 0, !follow { break }
      }
      if !json, let clock { context.console.note("clock \(clock)") }
    }
  }

  private struct Page {
    var clock: String
    var pending: Int
    var events: Bool
    var line: String
  }

  /// One answer: its lines go to stdout as they come, but for the last, which says the clock.
  private func print(_ client: Client, after clock: String?, to console: Console) async throws(Failure) -> Page {
    var path = "/db/\(database.percentEncoded)/e?limit=0\(envelopes ? "&bodies=false" : "")"
    if let clock { path += "&lc=\(clock.percentEncoded)" }
    if follow { path += "&feed=longpoll&timeout=60s" }
    let answer = try await client.get(path, accept: Client.ndjson)
    var last: [UInt8] = []
    var events = false
    do {
      for try await chunk in answer.body {
        last += chunk.readableBytesView
        guard let end = last.dropLast().lastIndex(of: UInt8(ascii: "\n")) else { continue }
        try console.write(Array(last[...end]))
        events = true
        last.removeSubrange(...end)
      }
    } catch {
      throw client.unreachable(error)
    }
    guard let line = JSON.reading(last), let clock = line["clock"]?.string, let pending = line["pending"]?.int else {
      throw .failed("the feed ended without its clock: \(client.base) was stopped, or the connection broke")
    }
    return Page(clock: clock, pending: pending, events: events, line: line.description)
  }
}
