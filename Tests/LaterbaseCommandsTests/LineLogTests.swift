import EventModel
import Logging
import Testing

@testable import LaterbaseCommands

@Suite struct LineLogTests {
  private let now = Instant(milliseconds: 1_795_227_113_123)

  @Test func `An entry is one line: time, level, message, metadata by name`() {
    #expect(
      LineLog.line(at: now, .info, "listening", ["data": "d", "address": "127.0.0.1:5283"])
        == "\(now) INFO listening address=127.0.0.1:5283 data=d")
    #expect(LineLog.line(at: now, .warning, "insecure", [:]) == "\(now) WARNING insecure")
  }

  @Test func `Nothing in a message or a value begins a new line or looks like another value`() {
    let line = LineLog.line(at: now, .error, "a\nb\u{1B}", ["k": "x y=\"z\"\\\r\n", "empty": ""])
    #expect(line == "\(now) ERROR a\\nb\\u{1b} empty=\"\" k=\"x y=\\\"z\\\"\\\\\\r\\n\"")
  }
}
