import EventModel
import EventStore
import Laterbase
import Logging

/// A log to stderr, one line an entry: `2026-11-21T02:11:53.123Z INFO listening address=127.0.0.1:5283`.
///
/// Metadata follow the message in the order of their names. A value with a space, a quote, `=` or a control character is quoted,
/// with backslashes before quotes and `\n`, `\r`, `\t`, `\u{…}` for the rest, so an entry never spans two lines.
struct LineLog: LogHandler {
  var logLevel: Logger.Level
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?
  private let console: Console

  init(level: Logger.Level, on console: Console) {
    logLevel = level
    self.console = console
  }

  /// A logger for what runs beside a command: only warnings and worse.
  static func quiet(on console: Console) -> Logger { Logger(label: "laterbase") { _ in LineLog(level: .warning, on: console) } }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var all = metadata
    if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
    if let own = event.metadata { all.merge(own) { _, new in new } }
    console.note(Self.line(at: World.system.now(), event.level, "\(event.message)", all))
  }

  /// The line of one entry, without its end.
  static func line(at now: Instant, _ level: Logger.Level, _ message: String, _ metadata: Logger.Metadata) -> String {
    var line = "\(now) \(level.rawValue.uppercased()) \(escaped(message))"
    for (name, value) in metadata.sorted(by: { $0.key < $1.key }) {
      let text = "\(value)"
      let plain = !text.isEmpty && !text.unicodeScalars.contains { $0.value <= 0x20 || $0.value == 0x7F || $0 == "\"" || $0 == "=" }
      line += plain ? " \(name)=\(text)" : " \(name)=\"\(escaped(text, quotes: true))\""
    }
    return line
  }

  private static func escaped(_ text: String, quotes: Bool = false) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\"" where quotes, "\\" where quotes: result += "\\\(scalar)"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F: result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
