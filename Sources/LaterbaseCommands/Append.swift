import ArgumentParser
import AsyncHTTPClient
import EventModel
import HTTPService
import NIOCore
import Synchronization

struct Append: ContextCommand {
  static let configuration = CommandConfiguration(
    abstract: "Append events, one JSON object a line.",
    discussion: """
      Lines are committed in groups, so a wrong line leaves those before it recorded. Events with `_id` or `_key` may be sent again:
      what is there already is counted as known.
      """)

  @Argument(help: "The database; made if it isn't there.") var database: String
  @Argument(help: "Files of NDJSON; none, or -: stdin.") var files: [String] = []
  @OptionGroup var target: Target
  @Option(help: ArgumentHelp("What to do with a ULID that another body has: refuse, skip.", valueName: "choice"))
  var onTaken = OnTaken.refuse
  @Flag(help: "Print the answer as JSON.") var json = false

  enum OnTaken: String, ExpressibleByArgument, CaseIterable { case refuse, skip }

  func perform(_ context: Context) async throws(Failure) {
    try await target.connect(context) { (client) throws(Failure) in
      let input = InputChunks(paths: files.isEmpty ? ["-"] : files)
      var progress = Progress("lines sent", on: context.console)
      var total = Total()
      defer { progress.finish() }
      while let body = try await input.body() {
        let lines = CountedLines(body, progress)
        defer { progress = lines.progress }
        let answer = try await client.post(
          "/db/\(database.percentEncoded)/e?on_taken=\(onTaken.rawValue)", Client.ndjson, .stream(lines, length: .unknown))
        if json { try context.console.print(answer.description) } else { total.add(answer) }
      }
      if !json { try context.console.print(total.description) }
    }
  }

  /// What all requests came to.
  private struct Total: CustomStringConvertible {
    private var recorded = 0
    private var known = 0
    private var taken = 0
    private var clock: String?

    mutating func add(_ answer: JSON) {
      recorded += answer["recorded"]?.int ?? 0
      known += answer["known"]?.int ?? 0
      taken += answer["taken"]?.elements?.count ?? 0
      clock = answer["clock"]?.string ?? clock
    }

    var description: String {
      "recorded \(recorded), known \(known)" + (taken > 0 ? ", taken \(taken)" : "") + (clock.map { ", clock \($0)" } ?? "")
    }
  }
}

/// Chunks that pass, their lines counted for a person to see. The mutex owns the progress.
final class CountedLines: AsyncSequence, Sendable {
  private let chunks: InputChunks.Body
  private let counted: Mutex<Progress>

  init(_ chunks: InputChunks.Body, _ progress: Progress) {
    self.chunks = chunks
    counted = Mutex(progress)
  }

  var progress: Progress { counted.withLock { $0 } }

  func makeAsyncIterator() -> Iterator { Iterator(chunks: chunks.makeAsyncIterator(), lines: self) }

  struct Iterator: AsyncIteratorProtocol {
    fileprivate var chunks: InputChunks.Body.Iterator
    fileprivate let lines: CountedLines

    mutating func next() async throws -> ByteBuffer? {
      guard let chunk = try await chunks.next() else { return nil }
      let count = chunk.readableBytesView.count { $0 == UInt8(ascii: "\n") }
      lines.counted.withLock { $0.advance(by: count) }
      return chunk
    }
  }
}
