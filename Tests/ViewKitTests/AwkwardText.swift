import StoreConformance

extension SeededRandom {
  /// Up to 8 characters, many of them awkward.
  mutating func text() -> String {
    var text = ""
    for _ in 0..<next() % 8 {
      let scalars: [Unicode.Scalar] = ["a", "b", "\"", "\u{0}", "\u{1}", "\u{7f}", "é", "\u{fffd}", "\u{10ffff}"]
      text.unicodeScalars.append(scalars[Int(next() % UInt64(scalars.count))])
    }
    return text
  }
}
