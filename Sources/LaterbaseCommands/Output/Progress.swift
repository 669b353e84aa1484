/// How far a long command is, on stderr: one line redrawn on a terminal, now and then a plain line elsewhere.
///
/// Terminals get a line for every hundredth of the work, or every 1 000 units where the whole isn't known; elsewhere there is one
/// for every tenth, or every 100 000 units. Counted, not timed, so the same work says the same.
struct Progress {
  private let console: Console
  private let what: String
  private let total: Int?
  private let step: Int
  private(set) var done = 0
  private var shown = 0

  /// - Parameters:
  ///   - what: What is counted, in the plural.
  ///   - total: How many there are, if that is known.
  init(_ what: String, of total: Int? = nil, on console: Console) {
    self.console = console
    self.what = what
    self.total = total
    let terminal = console.notesAreOnTerminal
    step = total.map { max(1, $0 / (terminal ? 100 : 10)) } ?? (terminal ? 1_000 : 100_000)
  }

  /// Counts on.
  mutating func advance(by count: Int) {
    done += count
    guard done - shown >= step else { return }
    shown = done
    if console.notesAreOnTerminal { console.redraw(line) } else { console.note(line) }
  }

  /// Clears the terminal's line. The result says the rest.
  func finish() {
    if console.notesAreOnTerminal, shown > 0 { console.redraw("") }
  }

  private var line: String {
    guard let total, total > 0 else { return "\(done) \(what)" }
    let width = 30
    let filled = min(width, done * width / total)
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
    return "[\(bar)] \(done) of \(total) \(what)"
  }
}
