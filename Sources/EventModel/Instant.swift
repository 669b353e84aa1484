/// A point in time, in whole milliseconds since 1970-01-01T00:00:00Z (no leap seconds).
///
/// Events happen, and records are made, from 1970 to the end of 9999: that is what a ULID and RFC 3339 can both say.
public struct Instant: Hashable, Comparable, Sendable {
  /// Milliseconds since 1970-01-01T00:00:00Z.
  public let milliseconds: Int64

  public init(milliseconds: Int64) { self.milliseconds = milliseconds }

  /// 9999-12-31T23:59:59.999Z.
  public static let last = Instant(milliseconds: 253_402_300_799_999)

  public static func < (a: Instant, b: Instant) -> Bool { a.milliseconds < b.milliseconds }

  public func adding(milliseconds more: Int64) -> Instant { Instant(milliseconds: milliseconds + more) }
}

extension Instant {
  /// Reads RFC 3339 with an offset: `T`, `t` or one space between date and time, `Z`, `z` or `±hh:mm` at the end, any number of
  /// digits of a second, of which those finer than a millisecond are cut. Seconds of 60 and hours of 24 are refused, as are times
  /// outside 1970 to 9999.
  ///
  /// - Returns: nil for any other form.
  /// - Complexity: O(length).
  public init?(rfc3339 text: RawSpan) {
    guard text.byteCount >= 20 else { return nil }
    func digits(_ at: Int, _ count: Int) -> Int? {
      var value = 0
      for i in at..<at + count {
        let digit = Int(text[i]) - 0x30
        guard digit >= 0, digit <= 9 else { return nil }
        value = value * 10 + digit
      }
      return value
    }
    guard let year = digits(0, 4), text[4] == UInt8(ascii: "-"), let month = digits(5, 2), text[7] == UInt8(ascii: "-"),
      let day = digits(8, 2), text[10] == UInt8(ascii: "T") || text[10] == UInt8(ascii: "t") || text[10] == UInt8(ascii: " "),
      let hour = digits(11, 2), text[13] == UInt8(ascii: ":"), let minute = digits(14, 2), text[16] == UInt8(ascii: ":"),
      let second = digits(17, 2), (1...12).contains(month), day >= 1, day <= Self.daysInMonth(year, month), hour < 24, minute < 60,
      second < 60
    else { return nil }
    var at = 19
    var fraction = 0
    if text[at] == UInt8(ascii: ".") {
      at += 1
      let start = at
      while at < text.byteCount, text[at] >= 0x30, text[at] <= 0x39 {
        if at - start < 3 { fraction = fraction * 10 + Int(text[at]) - 0x30 }
        at += 1
      }
      guard at > start else { return nil }
      for _ in min(at - start, 3)..<3 { fraction *= 10 }
    }
    guard at < text.byteCount else { return nil }
    var offsetMinutes = 0
    switch text[at] {
    case UInt8(ascii: "Z"), UInt8(ascii: "z"):
      at += 1
    case UInt8(ascii: "+"), UInt8(ascii: "-"):
      guard at + 6 <= text.byteCount, text[at + 3] == UInt8(ascii: ":"), let hours = digits(at + 1, 2),
        let minutes = digits(at + 4, 2), hours < 24, minutes < 60
      else { return nil }
      offsetMinutes = (hours * 60 + minutes) * (text[at] == UInt8(ascii: "-") ? -1 : 1)
      at += 6
    default: return nil
    }
    guard at == text.byteCount else { return nil }
    let days = Self.daysSince1970(year, month, day)
    let seconds = ((days * 24 + hour) * 60 + minute - offsetMinutes) * 60 + second
    self.init(milliseconds: Int64(seconds) * 1000 + Int64(fraction))
    guard milliseconds >= 0, self <= .last else { return nil }
  }

  /// Reads RFC 3339 from a string; see `init(rfc3339:)` over bytes.
  public init?(rfc3339 text: String) { self.init(rfc3339: [UInt8](text.utf8).raw) }

  /// Appends `YYYY-MM-DDTHH:MM:SS.mmmZ`, 24 bytes.
  public func write(to bytes: inout [UInt8]) {
    let (days, rest) = milliseconds.quotientAndRemainder(dividingBy: 86_400_000)
    let (year, month, day) = Self.civil(daysSince1970: Int(days))
    let (seconds, fraction) = Int(rest).quotientAndRemainder(dividingBy: 1000)
    func two(_ value: Int) {
      bytes.append(UInt8(0x30 + value / 10))
      bytes.append(UInt8(0x30 + value % 10))
    }
    two(year / 100)
    two(year % 100)
    bytes.append(UInt8(ascii: "-"))
    two(month)
    bytes.append(UInt8(ascii: "-"))
    two(day)
    bytes.append(UInt8(ascii: "T"))
    two(seconds / 3600)
    bytes.append(UInt8(ascii: ":"))
    two(seconds / 60 % 60)
    bytes.append(UInt8(ascii: ":"))
    two(seconds % 60)
    bytes.append(UInt8(ascii: "."))
    bytes.append(UInt8(0x30 + fraction / 100))
    two(fraction % 100)
    bytes.append(UInt8(ascii: "Z"))
  }

  private static func daysInMonth(_ year: Int, _ month: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  // Both after Howard Hinnant, "chrono-compatible low-level date algorithms": days_from_civil and civil_from_days, for years ≥ 0.
  private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  private static func civil(daysSince1970 days: Int) -> (year: Int, month: Int, day: Int) {
    let z = days + 719_468
    let era = z / 146_097
    let dayOfEra = z - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let m = (5 * dayOfYear + 2) / 153
    let month = m < 10 ? m + 3 : m - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * m + 2) / 5 + 1)
  }
}

extension Instant: CustomStringConvertible {
  public var description: String {
    var bytes: [UInt8] = []
    write(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// In JSON, a time is its RFC 3339 text.
extension Instant: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let instant = Instant(rfc3339: text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a time of RFC 3339 with an offset, 1970 to 9999")
    }
    self = instant
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
