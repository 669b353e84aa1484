import ArgumentParser
import AsyncHTTPClient
import EventModel
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
      let input = CountedLines(InputChunks(paths: files.isEmpty ? ["-"] : files), Progress("lines sent", on: context.console))
      let answer: JSON
      do throws(Failure) {
        answer = try await client.post(
          "/db/\(database.percentEncoded)/e?on_taken=\(onTaken.rawValue)", Client.ndjson, .stream(input, length: .unknown))
      } catch {
        input.finish()
        throw error
      }
      input.finish()
      try context.console.print(json ? answer.description : Self.summary(answer))
    }
  }

  private static func summary(_ answer: JSON) -> String {
    var line = "recorded \(answer["recorded"]?.int ?? 0), known \(answer["known"]?.int ?? 0)"
    if let taken = answer["taken"]?.elements, !taken.isEmpty { line += ", taken \(taken.count)" }
    if let clock = answer["clock"]?.string { line += ", clock \(clock)" }
    return line
  }
}

/// Chunks that pass, their lines counted for a person to see. The mutex owns the progress.
final class CountedLines: AsyncSequence, Sendable {
  private let chunks: InputChunks
  private let progress: Mutex<Progress>

  init(_ chunks: InputChunks, _ progress: Progress) {
    self.chunks = chunks
    self.progress = Mutex(progress)
  }

  func finish() { progress.withLock { $0.finish() } }

  func makeAsyncIterator() -> Iterator { Iterator(chunks: chunks.makeAsyncIterator(), lines: self) }

  struct Iterator: AsyncIteratorProtocol {
    fileprivate var chunks: InputChunks.Iterator
    fileprivate let lines: CountedLines

    mutating func next() async throws -> ByteBuffer? {
      guard let chunk = try await chunks.next() else { return nil }
      let count = chunk.readableBytesView.count { $0 == UInt8(ascii: "\n") }
      lines.progress.withLock { $0.advance(by: count) }
      return chunk
    }
  }
}
