import EventModel
import Synchronization

/// `Date`'s text (RFC 9110, section 5.6.7), made once a second. The mutex owns it.
final class DateText: Sendable {
  private let kept = Mutex<(second: Int64, text: [UInt8])>((-1, []))

  func text(at instant: Instant) -> [UInt8] {
    let second = instant.milliseconds / 1000
    return kept.withLock { kept in
      if kept.second != second { kept = (second, Self.write(instant)) }
      return kept.text
    }
  }

  /// `Sun, 06 Nov 1994 08:49:37 GMT`.
  static func write(_ instant: Instant) -> [UInt8] {
    let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    // 1970-01-01 was a Thursday.
    let day = days[Int(instant.milliseconds / 86_400_000 % 7)]
    let text = instant.description
    func part(_ from: Int, _ to: Int) -> Substring { text.dropFirst(from).prefix(to - from) }
    let month = months[(Int(part(5, 7)) ?? 1) - 1]
    return Array("\(day), \(part(8, 10)) \(month) \(part(0, 4)) \(part(11, 19)) GMT".utf8)
  }
}
