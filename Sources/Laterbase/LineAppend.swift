import EventModel
import EventStore
package import Replication

/// Records a stream of NDJSON of any length: one event a line, a transaction each 4 096 events or 4 MiB, while the next lines are parsed.
/// At most two transactions' bytes are in memory. What was committed before an error stays, and the error says how much that is.
package struct LineAppend: ~Copyable {
  package static let groupEventsMax = 4096
  package static let groupBytesMax = 4 << 20
  /// A line longer than this can't be an event.
  private static let lineBytesMax = (1 << 20) + (1 << 16)

  /// A transaction under way.
  private struct Commit {
    let outcome: Coming<Result<Appended, LaterbaseError>>
    /// The elements, if it is counted who holds them.
    let elements: [ElementID]
    let firstIndex: Int
    let lines: [Int]
    let lastLine: Int
  }

  private let database: () async throws(LaterbaseError) -> OpenedDatabase
  private let idsMax: Int
  private var intake: Intake
  private var opened: OpenedDatabase?
  private var input: [UInt8] = []
  private var output: [UInt8] = []
  private var events: [ParsedEvent] = []
  /// The line of each of `events`.
  private var lines: [Int] = []
  /// Bytes of `input` that were looked through for the end of a line, and where the present line begins.
  private var seen = 0
  private var lineStart = 0
  private var line = 1
  private var commit: Commit?
  private var progress = LaterbaseError.Progress()
  private var taken: [Taken] = []
  private var ids: [ULID]? = []
  private var dots: ElementDots?

  /// - Parameters:
  ///   - idsMax: of longer streams no ids are kept.
  ///   - keepsDots: whether it will be counted who holds the events.
  ///   - database: called at the first event.
  package init(
    intake: consuming Intake, idsMax: Int, keepsDots: Bool = false, database: @escaping () async throws(LaterbaseError) -> OpenedDatabase
  ) {
    self.intake = intake
    self.idsMax = idsMax
    dots = keepsDots ? ElementDots() : nil
    self.database = database
  }

  /// Takes the next bytes of the stream.
  package mutating func write(_ bytes: [UInt8]) async throws(LaterbaseError) {
    input.append(contentsOf: bytes)
    try await record(all: false)
  }

  /// Ends the stream.
  /// - Returns: what was recorded; `hasIDs` is false if there were too many, `database` nil if there was no event.
  package mutating func finish() async throws(LaterbaseError) -> (
    receipt: Receipt, hasIDs: Bool, database: OpenedDatabase?, dots: ElementDots?
  ) {
    if lineStart < input.count { input.append(UInt8(ascii: "\n")) }
    try await record(all: true)
    try await waitForCommit()
    let appended = Appended(recorded: progress.recorded, known: progress.known, taken: taken, clock: progress.clock?.entries.first)
    return (Receipt(ids: ids ?? [], appended), ids != nil, opened, dots)
  }

  /// Parses the whole lines that are there, and commits full transactions of them, or all.
  private mutating func record(all: Bool) async throws(LaterbaseError) {
    do throws(LaterbaseError) {
      while try parseLines() { try await commitGroup() }
      if all { try await commitGroup() }
    } catch {
      // What is under way counts as committed, or its failure comes first.
      try await waitForCommit()
      var error = error
      error.progress = progress
      throw error
    }
  }

  /// Parses whole lines until a transaction is full; false if there are no more.
  private mutating func parseLines() throws(LaterbaseError) -> Bool {
    while events.count < Self.groupEventsMax, lineStart < Self.groupBytesMax {
      guard let end = input.raw.firstNewline(from: seen) else {
        seen = input.count
        guard input.count - lineStart <= Self.lineBytesMax else {
          throw LaterbaseError(.tooLarge, "the line is too long").at(index: intake.count + events.count).at(line: line)
        }
        return false
      }
      if !input.raw.isBlank(lineStart..<end) {
        do throws(EventError) {
          events.append(try parse(lineStart..<end))
        } catch {
          var error = error
          error.offset -= lineStart
          throw LaterbaseError(error).at(index: intake.count + events.count).at(line: line)
        }
        lines.append(line)
      }
      line += 1
      lineStart = end + 1
      seen = lineStart
    }
    return true
  }

  private mutating func parse(_ range: Range<Int>) throws(EventError) -> ParsedEvent {
    // Taken out and put back, so that the input can be borrowed meanwhile.
    var output = output
    self.output = []
    defer { self.output = output }
    let input = input
    return try intake.parse(input.raw, in: range, into: &output)
  }

  /// Begins the transaction of the lines parsed so far, when the one before it is on disk.
  private mutating func commitGroup() async throws(LaterbaseError) {
    let group = (input: input, output: output, events: events, lines: lines)
    input = Array(input[lineStart...])
    output = []
    events = []
    lines = []
    seen -= lineStart
    lineStart = 0
    if group.events.isEmpty { return }
    let firstIndex = intake.count
    let draft: Draft
    do throws(LaterbaseError) {
      draft = try await intake.draft(asking: ParsedEvents(input: group.input, output: group.output, events: group.events))
    } catch {
      throw error.at(line: group.lines[(error.faults.first?.index ?? firstIndex) - firstIndex])
    }
    try await waitForCommit()
    keepIDs(draft)
    let database = try await open()
    let outcome = Coming<Result<Appended, LaterbaseError>>()
    database.append(draft) { outcome.put($0) }
    let elements = dots == nil ? [] : draft.items.map(\.id)
    commit = Commit(outcome: outcome, elements: elements, firstIndex: firstIndex, lines: group.lines, lastLine: line - 1)
  }

  private mutating func open() async throws(LaterbaseError) -> OpenedDatabase {
    if let opened { return opened }
    let database = try await database()
    opened = database
    return database
  }

  private mutating func keepIDs(_ draft: Draft) {
    guard let kept = ids else { return }
    ids = kept.count + draft.items.count <= idsMax ? kept + draft.items.map(\.ulid) : nil
  }

  private mutating func waitForCommit() async throws(LaterbaseError) {
    guard let commit else { return }
    self.commit = nil
    switch await commit.outcome.get() {
    case .success(let appended):
      progress.lines = commit.lastLine
      progress.recorded += appended.recorded
      progress.known += appended.known
      if let clock = appended.clock { progress.clock = Clock([clock]) }
      if dots != nil, let database = opened { dots?.add(try database.dots(of: commit.elements)) }
      taken += appended.taken.map { Taken(index: commit.firstIndex + $0.index, ulid: $0.ulid) }
    case .failure(var error):
      for at in error.faults.indices {
        let index = error.faults[at].index
        error.faults[at].line = commit.lines[index]
        error.faults[at].index = commit.firstIndex + index
      }
      error.progress = progress
      throw error
    }
  }
}

extension LaterbaseError {
  /// The same with the line of the event that is meant, which comes first in the text.
  fileprivate func at(line: Int) -> LaterbaseError {
    var error = self
    error.detail = "line \(line): \(error.detail)"
    for at in error.faults.indices { error.faults[at].line = line }
    return error
  }
}

extension RawSpan {
  /// The offset of the first newline at or after `start`.
  func firstNewline(from start: Int) -> Int? {
    var at = start
    let newlines: UInt64 = 0x0A0A_0A0A_0A0A_0A0A
    while at + 8 <= byteCount {
      // A zero byte where there is a newline (Mycroft's test; exact for the first).
      let word = bigEndian(at: at, as: UInt64.self) ^ newlines
      let zeros = (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
      if zeros != 0 { break }
      at += 8
    }
    while at < byteCount {
      if self[at] == UInt8(ascii: "\n") { return at }
      at += 1
    }
    return nil
  }

  /// Whether there are only spaces, tabs and carriage returns.
  func isBlank(_ range: Range<Int>) -> Bool {
    for at in range {
      switch self[at] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): continue
      default: return false
      }
    }
    return true
  }
}
