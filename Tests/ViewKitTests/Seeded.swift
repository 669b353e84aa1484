/// Seeded randomness (SplitMix64) whose seed a failing test prints.
struct Seeded: RandomNumberGenerator {
  let seed: UInt64
  private var state: UInt64

  init(_ seed: UInt64 = .random(in: 0 ... .max)) { (self.seed, state) = (seed, seed) }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

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
