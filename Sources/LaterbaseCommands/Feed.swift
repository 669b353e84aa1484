import ArgumentParser
import AsyncHTTPClient
import EventModel
import HTTPService
import NIOCore

struct Feed: ContextCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the events that a clock doesn't know, one a line, in the order in which they were recorded.",
    discussion: "The clock to go on from, here or at any other node, is said at the end.")

  @Argument(help: "The database.") var database: String
  @OptionGroup var target: Target
  @Option(name: [.customLong("lc"), .customLong("clock")], help: ArgumentHelp("Where to go on; none: from the start.", valueName: "clock"))
  var clock: String?
  @Flag(help: "Go on with what comes, until stopped.") var follow = false
  @Option(help: "Only events of this type.") var type: String?
  @Option(
    name: .customLong("where"),
    help: ArgumentHelp("Only events whose member has this value; may be repeated: all must hold.", valueName: "member=value"))
  var conditions: [String] = []
  @Flag(help: "Without the bodies.") var envelopes = false
  @Flag(help: "Print the clocks too, each as a line {\"clock\":…}.") var json = false

  func validate() throws {
    if let wrong = conditions.first(where: { !$0.contains("=") || $0.hasPrefix("=") }) {
      throw ValidationError("--where \(wrong) must be member=value")
    }
  }

  func perform(_ context: Context) async throws(Failure) {
    try await target.connect(context) { (client) throws(Failure) in
      var clock = self.clock
      repeat { clock = try await print(client, after: clock, to: context.console) } while follow
      if !json, let clock { context.console.note("clock \(clock)") }
    }
  }

  /// A line that says the clock, as the feed has it between and behind the events.
  private static let clockLine = [UInt8](#"{"clock":"#.utf8)

  /// One answer: its lines go to stdout as they come, but for those that say the clock.
  /// - Returns: the last clock.
  private func print(_ client: Client, after clock: String?, to console: Console) async throws(Failure) -> String {
    let answer = try await client.get(path(after: clock), accept: Client.ndjson)
    var rest: [UInt8] = []
    var last: String?
    do {
      for try await chunk in answer.body {
        rest += chunk.readableBytesView
        guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { continue }
        var text: [UInt8] = []
        for line in rest[...end].split(separator: UInt8(ascii: "\n")) {
          if line.starts(with: Self.clockLine) {
            last = JSON.reading(Array(line))?["clock"]?.string ?? last
            if !json { continue }
          }
          text += line + [UInt8(ascii: "\n")]
        }
        if !text.isEmpty { try console.write(text) }
        rest.removeSubrange(...end)
      }
    } catch {
      throw client.unreachable(error)
    }
    guard rest.isEmpty, let last else {
      throw .failed("the feed ended without its clock: \(client.base) was stopped, or the connection broke")
    }
    return last
  }

  private func path(after clock: String?) -> String {
    var path = "/db/\(database.percentEncoded)/e?\(follow ? "feed=continuous" : "limit=0")"
    if envelopes { path += "&bodies=false" }
    if let type { path += "&type=\(type.percentEncoded)" }
    for condition in conditions {
      let parts = condition.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      path += "&where.\(String(parts[0]).percentEncoded)=\(String(parts[1]).percentEncoded)"
    }
    if let clock { path += "&lc=\(clock.percentEncoded)" }
    return path
  }
}
