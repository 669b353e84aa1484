/// Crockford's base32, as ULIDs, origins and node ids are written: five bits a character, most significant first.
/// Strict: either case is read, but not I, L, O, U, nor their aliases (crockford.com/base32.html would take I and L as 1, O as 0).
enum Crockford {
  static let alphabet: [UInt8] = [UInt8]("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

  /// 0…31, or 255 for a byte that is no digit.
  static let values: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    for (value, character) in alphabet.enumerated() {
      values[Int(character)] = UInt8(value)
      if character >= UInt8(ascii: "A") { values[Int(character) + 32] = UInt8(value) }
    }
    return values
  }()

  /// Appends `digits` characters of the value, most significant first.
  static func write(_ value: UInt128, digits: Int, to bytes: inout [UInt8]) {
    let alphabet = alphabet
    var shift = 5 * (digits - 1)
    // Two halves of 64 bits are several times as fast as shifts of 128.
    let high = UInt64(truncatingIfNeeded: value >> 65)
    let middle = UInt64(truncatingIfNeeded: value)
    let bit64 = UInt64(truncatingIfNeeded: value >> 64) & 1
    while shift >= 0 {
      let five: UInt64 =
        if shift >= 65 { high >> UInt64(shift - 65) } else if shift == 60 { middle >> 60 | bit64 << 4 } else { middle >> UInt64(shift) }
      bytes.append(alphabet[Int(five & 31)])
      shift -= 5
    }
  }

  /// Reads exactly `digits` characters, the first at most `firstMax`.
  static func read(_ text: RawSpan, digits: Int, firstMax: UInt8) -> UInt128? {
    guard text.byteCount == digits, digits <= 26 else { return nil }
    var high: UInt64 = 0
    var low: UInt64 = 0
    for i in 0..<digits {
      let value = values[Int(text[i])]
      guard value < 32, i > 0 || value <= firstMax else { return nil }
      high = high << 5 | low >> 59
      low = low << 5 | UInt64(value)
    }
    return UInt128(high) << 64 | UInt128(low)
  }
}
